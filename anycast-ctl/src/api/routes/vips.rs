//! `/v1/vips`

use axum::{extract::State, response::Response};

use crate::api::{
    refusal::Refusal,
    router::Api,
    routes,
    types::{ApiError, VipStatus},
};

/// All VIPs with their traffic
#[utoipa::path(
    get,
    path = "/v1/vips",
    responses((status = 200, body = Vec<VipStatus>), (status = "default", body = ApiError)),
)]
pub async fn list(State(api): State<Api>) -> Result<Response, Refusal> {
    Ok(routes::json(api.snapshot().await?.vips()))
}
