//! `/v1/pools`

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use crate::{
    api::{
        refusal::Refusal,
        request::Request,
        router::Api,
        routes,
        types::{ApiError, PoolStatus, SlotsStatus},
    },
    spelling::unknown,
};

/// All pools with their backends
#[utoipa::path(
    get,
    path = "/v1/pools",
    responses((status = 200, body = Vec<PoolStatus>), (status = "default", body = ApiError)),
)]
pub async fn list(State(api): State<Api>) -> Result<Response, Refusal> {
    Ok(routes::json(api.snapshot().await?.pools()))
}

/// One pool
#[utoipa::path(
    get,
    path = "/v1/pools/{pool}",
    params(("pool" = String, Path, description = "Name of the pool")),
    responses((status = 200, body = PoolStatus), (status = "default", body = ApiError)),
)]
pub async fn get(State(api): State<Api>, Path(name): Path<String>) -> Result<Json<PoolStatus>, Refusal> {
    find(&api, &name).await.map(Json)
}

/// The slot table of a pool
#[utoipa::path(
    get,
    path = "/v1/pools/{pool}/slots",
    params(("pool" = String, Path, description = "Name of the pool")),
    responses((status = 200, body = SlotsStatus), (status = "default", body = ApiError)),
)]
pub async fn slots(State(api): State<Api>, Path(pool): Path<String>) -> Result<Json<SlotsStatus>, Refusal> {
    api.ask(|reply| Request::Slots { pool, reply }).await.map(Json)
}

/// A pool as it is.
pub async fn find(api: &Api, name: &str) -> Result<PoolStatus, Refusal> {
    let snapshot = api.snapshot().await?;
    let pools = &snapshot.status.pools;
    pools.iter().find(|pool| pool.name == *name).cloned().ok_or_else(|| {
        let names = pools.iter().map(|pool| pool.name.as_str());
        Refusal::new(StatusCode::NOT_FOUND, unknown("pool", name, names))
    })
}
