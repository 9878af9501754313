//! `GET /v1/status`

use axum::{extract::State, response::Response};

use crate::api::{
    refusal::Refusal,
    router::Api,
    routes,
    types::{ApiError, Status},
};

/// What is steered where, with all counters
#[utoipa::path(
    get,
    tag = "daemon", path = "/v1/status",
    responses((status = 200, body = Status), (status = "default", body = ApiError)),
)]
pub async fn get(State(api): State<Api>) -> Result<Response, Refusal> {
    Ok(routes::json(api.snapshot().await?.whole()))
}
