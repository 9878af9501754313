//! What can be read here.

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, Uri},
    middleware,
};

use super::{Address, guard, metrics, page};
use crate::{
    api::{
        places::{self, Places},
        public,
        refusal::Refusal,
        router::Api,
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
    public::answers()
        .layer(middleware::from_fn_with_state(Places::new(MAX_ANSWERS), places::bounded))
        .merge(metrics::route(api.clone(), meters))
        .merge(public::watched())
        .merge(page::routes())
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::new(address), guard::guard))
        .with_state(api)
}

async fn unknown(uri: Uri) -> Refusal {
    let text = format!(
        "there is no {} here, where a part of the api can be read: the rest is on the daemon's Unix socket",
        uri.path()
    );
    Refusal::new(StatusCode::NOT_FOUND, text)
}
