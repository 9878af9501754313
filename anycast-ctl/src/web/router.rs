//! What can be read here.

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, Uri},
    middleware,
    routing::get,
};

use super::{
    Address, guard, metrics, page,
    places::{self, Places},
};
use crate::{
    api::{
        refusal::Refusal,
        router::Api,
        routes::{announcements, backends, catchment, drains, events, explain, health, pools, status, vips},
    },
    metrics::Meters,
};

/// Answers under way at a time, watchers of events not counted.
const MAX_ANSWERS: usize = 32;

/// All of it.
///
/// # Panics
/// Outside a tokio runtime.
pub fn router(api: Api, meters: Meters, address: Address) -> Router {
    readable()
        .layer(middleware::from_fn_with_state(Places::new(MAX_ANSWERS), places::bounded))
        .merge(metrics::route(api.clone(), meters))
        .route("/v1/events", get(events::watch))
        .merge(page::routes())
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::new(address), guard::guard))
        .with_state(api)
}

/// What the API answers on its socket, but for what is secret: the site with its seed, its history, and what changes anything.
fn readable() -> Router<Api> {
    Router::new()
        .route("/v1/status", get(status::get))
        .route("/v1/vips", get(vips::list))
        .route("/v1/vips/{vip}", get(vips::get))
        .route("/v1/vips/{vip}/announcement", get(announcements::one))
        .route("/v1/pools", get(pools::list))
        .route("/v1/pools/{pool}", get(pools::get))
        .route("/v1/pools/{pool}/slots", get(pools::slots))
        .route("/v1/pools/{pool}/backends", get(backends::list))
        .route("/v1/pools/{pool}/backends/{backend}/health", get(health::one))
        .route("/v1/hosts", get(drains::list_hosts))
        .route("/v1/health", get(health::all))
        .route("/v1/announcements", get(announcements::all))
        .route("/v1/events/kept", get(events::kept))
        .route("/v1/explain", get(explain::ask))
        .route("/v1/catchment", get(catchment::last))
}

async fn unknown(uri: Uri) -> Refusal {
    let text = format!(
        "there is no {} here, where a part of the api can be read: the rest is on the daemon's Unix socket",
        uri.path()
    );
    Refusal::new(StatusCode::NOT_FOUND, text)
}
