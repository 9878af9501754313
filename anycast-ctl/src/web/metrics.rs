//! `GET /metrics`

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    middleware,
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::{
    api::{
        places::{self, Places},
        refusal::Refusal,
        router::Api,
        together::Together,
    },
    metrics::{Format, Gathered, Meters, Scrape},
};

/// Scrapes under way at a time: each may have a hundred megabytes, and its reader be slow.
const MAX_SCRAPES: usize = 8;

/// Those who scrape at the same time get the same.
type Scrapes = Together<Result<Arc<Scrape>, Refusal>>;

/// The route, apart from the others: who scrapes takes no place from who asks.
///
/// # Panics
/// Outside a tokio runtime.
pub fn route(api: Api, meters: Meters) -> Router<Api> {
    let scrapes: Scrapes = Together::spawn(move || {
        let (api, meters) = (api.clone(), meters.clone());
        async move {
            let gathered = Gathered::ask(&api, &meters).await;
            Some(gathered.map(|gathered| Arc::new(Scrape::of(gathered))))
        }
    });
    Router::new()
        .route("/metrics", get(scrape))
        .layer(middleware::from_fn_with_state(Places::new(MAX_SCRAPES), places::bounded))
        .with_state(scrapes)
}

async fn scrape(State(scrapes): State<Scrapes>, headers: HeaderMap) -> Result<Response, Refusal> {
    let scrape = scrapes.get().await.ok_or_else(Refusal::stopping)??;
    let format = Format::accepted(&headers);
    let text = tokio::task::spawn_blocking(move || scrape.text(format)).await.map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("write the metrics: {error}"))
    })?;
    let kind = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept")];
    Ok((kind, text).into_response())
}
