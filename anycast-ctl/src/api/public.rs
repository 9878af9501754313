//! What every user of this host may read: here, and by HTTP. There is no way to change anything among it, and no secret: not
//! the site with its seed, not its history, not who the clients are and what they send.

use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode, Uri},
    middleware,
    routing::get,
};

use super::{
    places::{self, Places},
    refusal::Refusal,
    router::Api,
    routes::{announcements, backends, catchment, drains, events, explain, health, pools, status, vips},
};

/// Answers under way at a time on the socket for reading, watchers of events not counted.
const MAX_ANSWERS: usize = 32;

/// What is answered at once.
pub fn answers() -> Router<Api> {
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

/// What goes on for as long as somebody listens.
pub fn watched() -> Router<Api> {
    Router::new().route("/v1/events", get(events::watch))
}

/// The routes of the socket for reading, with places of its own.
///
/// # Panics
/// Outside a tokio runtime.
pub fn router(api: &Api) -> Router {
    answers()
        .layer(middleware::from_fn_with_state(Places::new(MAX_ANSWERS), places::bounded))
        .merge(watched())
        .fallback(closed)
        .method_not_allowed_fallback(closed)
        .with_state(api.apart())
}

/// 403: the rest is for those who may use the other socket.
async fn closed(method: Method, uri: Uri, _: Request) -> Refusal {
    let text = format!(
        "no permission for {method} {}: any user may read status, health, announcements and events; for the rest use sudo, or \
         join the group that owns the daemon's socket",
        uri.path()
    );
    Refusal::new(StatusCode::FORBIDDEN, text)
}
