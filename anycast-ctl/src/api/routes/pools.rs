//! `/v1/pools`

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};

use crate::{
    api::{
        body::Body,
        refusal::Refusal,
        request::Request,
        router::Api,
        routes,
        terms::{Terms, TermsQuery},
        types::{ApiError, Committed, PoolStatus, SlotsStatus},
    },
    model::{Edit, Pool, diff::Subject, edit::PoolPatch},
};

/// All pools with their backends
#[utoipa::path(
    get,
    tag = "pools",
    path = "/v1/pools",
    responses((status = 200, body = Vec<PoolStatus>), (status = "default", body = ApiError)),
)]
pub async fn list(State(api): State<Api>) -> Result<Response, Refusal> {
    Ok(routes::json(api.snapshot().await?.pools()))
}

/// One pool
#[utoipa::path(
    get,
    tag = "pools",
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
    tag = "pools",
    path = "/v1/pools/{pool}/slots",
    params(("pool" = String, Path, description = "Name of the pool")),
    responses((status = 200, body = SlotsStatus), (status = "default", body = ApiError)),
)]
pub async fn slots(State(api): State<Api>, Path(pool): Path<String>) -> Result<Json<SlotsStatus>, Refusal> {
    api.ask(|reply| Request::Slots { pool, reply }).await.map(Json)
}

/// Add a pool, with its backends
#[utoipa::path(
    post,
    path = "/v1/pools",
    tag = "pools",
    params(TermsQuery),
    request_body = Pool,
    responses((status = 201, body = PoolStatus), (status = "default", body = ApiError)),
)]
pub async fn add(State(api): State<Api>, terms: Terms, Body(pool): Body<Pool>) -> Result<Response, Refusal> {
    let subject = Subject::Pool { pool: pool.name.clone() };
    api.edit(Edit::AddPool(pool), subject, terms).await
}

/// Change a pool; what the body does not name stays
#[utoipa::path(
    patch,
    path = "/v1/pools/{pool}",
    tag = "pools",
    params(("pool" = String, Path), TermsQuery),
    request_body = PoolPatch,
    responses((status = 200, body = PoolStatus), (status = "default", body = ApiError)),
)]
pub async fn set(
    State(api): State<Api>,
    Path(name): Path<String>,
    terms: Terms,
    Body(patch): Body<PoolPatch>,
) -> Result<Response, Refusal> {
    let subject = Subject::Pool { pool: name.clone() };
    api.edit(Edit::SetPool { name, patch }, subject, terms).await
}

/// Remove a pool that no VIP uses
#[utoipa::path(
    delete,
    path = "/v1/pools/{pool}",
    tag = "pools",
    params(("pool" = String, Path), TermsQuery),
    responses((status = 200, body = Committed), (status = "default", body = ApiError)),
)]
pub async fn remove(
    State(api): State<Api>,
    Path(name): Path<String>,
    terms: Terms,
) -> Result<Response, Refusal> {
    let subject = Subject::Pool { pool: name.clone() };
    api.edit(Edit::RemovePool { name }, subject, terms).await
}

/// A pool as it is.
pub async fn find(api: &Api, name: &str) -> Result<PoolStatus, Refusal> {
    let snapshot = api.snapshot().await?;
    routes::named("pool", name, &snapshot.status.pools, |pool| &pool.name).cloned()
}
