//! `/v1/pools/{pool}/backends`

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::pools;
use crate::api::{
    body::{Body, Optional},
    refusal::Refusal,
    request::Request,
    router::Api,
    types::{ApiError, BackendStatus, Change, NewBackend, NewDrain, NewHealth, NewWeight, PlanStatus},
};

/// A pool and a backend.
type Names = Path<(String, String)>;

type DryRun = Result<Query<DryRunQuery>, QueryRejection>;

/// Whether to make a change.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DryRunQuery {
    /// Change nothing, and say what would change
    #[serde(default)]
    dry_run: bool,
}

/// Makes a change and answers with the backend, or says what it would do.
async fn change(api: &Api, pool: String, change: Change, dry_run: DryRun) -> Result<Response, Refusal> {
    let Query(DryRunQuery { dry_run }) = dry_run?;
    if dry_run {
        let plan: PlanStatus = api.ask(|reply| Request::Plan { pool, change, reply }).await?;
        return Ok(Json(plan).into_response());
    }
    let code = if matches!(change, Change::Add(_)) { StatusCode::CREATED } else { StatusCode::OK };
    let backend: BackendStatus = api.ask(|reply| Request::Change { pool, change, reply }).await?;
    Ok((code, Json(backend)).into_response())
}

/// The backends of a pool, removed ones last
#[utoipa::path(
    get,
    path = "/v1/pools/{pool}/backends",
    params(("pool" = String, Path, description = "Name of the pool")),
    responses((status = 200, body = Vec<BackendStatus>), (status = "default", body = ApiError)),
)]
pub async fn list(
    State(api): State<Api>,
    Path(pool): Path<String>,
) -> Result<Json<Vec<BackendStatus>>, Refusal> {
    Ok(Json(pools::find(&api, &pool).await?.backends))
}

/// Add a backend
#[utoipa::path(
    post,
    path = "/v1/pools/{pool}/backends",
    params(("pool" = String, Path, description = "Name of the pool"), DryRunQuery),
    request_body = NewBackend,
    responses(
        (status = 201, body = BackendStatus),
        (status = 200, body = PlanStatus, description = "The plan, if it was a dry run"),
        (status = "default", body = ApiError),
    ),
)]
pub async fn add(
    State(api): State<Api>,
    Path(pool): Path<String>,
    dry_run: DryRun,
    Body(backend): Body<NewBackend>,
) -> Result<Response, Refusal> {
    change(&api, pool, Change::Add(backend), dry_run).await
}

/// Remove a backend, at once
#[utoipa::path(
    delete,
    path = "/v1/pools/{pool}/backends/{backend}",
    params(("pool" = String, Path), ("backend" = String, Path), DryRunQuery),
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn remove(
    State(api): State<Api>,
    Path((pool, name)): Names,
    dry_run: DryRun,
) -> Result<Response, Refusal> {
    change(&api, pool, Change::Remove { name }, dry_run).await
}

/// Give a backend no new flows
#[utoipa::path(
    post,
    path = "/v1/pools/{pool}/backends/{backend}/drain",
    params(("pool" = String, Path), ("backend" = String, Path), DryRunQuery),
    request_body = NewDrain,
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn drain(
    State(api): State<Api>,
    Path((pool, name)): Names,
    dry_run: DryRun,
    Optional(NewDrain { deadline_seconds }): Optional<NewDrain>,
) -> Result<Response, Refusal> {
    let deadline = deadline_seconds.map(Duration::from_secs);
    change(&api, pool, Change::Drain { name, deadline }, dry_run).await
}

/// Give a draining backend new flows again
#[utoipa::path(
    delete,
    path = "/v1/pools/{pool}/backends/{backend}/drain",
    params(("pool" = String, Path), ("backend" = String, Path), DryRunQuery),
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn undrain(
    State(api): State<Api>,
    Path((pool, name)): Names,
    dry_run: DryRun,
) -> Result<Response, Refusal> {
    change(&api, pool, Change::Undrain { name }, dry_run).await
}

/// Set the share of new flows a backend gets
#[utoipa::path(
    put,
    path = "/v1/pools/{pool}/backends/{backend}/weight",
    params(("pool" = String, Path), ("backend" = String, Path), DryRunQuery),
    request_body = NewWeight,
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn weight(
    State(api): State<Api>,
    Path((pool, name)): Names,
    dry_run: DryRun,
    Body(NewWeight { weight }): Body<NewWeight>,
) -> Result<Response, Refusal> {
    change(&api, pool, Change::Weight { name, weight }, dry_run).await
}

/// Mark a backend up or down
#[utoipa::path(
    put,
    path = "/v1/pools/{pool}/backends/{backend}/health",
    params(("pool" = String, Path), ("backend" = String, Path), DryRunQuery),
    request_body = NewHealth,
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn health(
    State(api): State<Api>,
    Path((pool, name)): Names,
    dry_run: DryRun,
    Body(NewHealth { up }): Body<NewHealth>,
) -> Result<Response, Refusal> {
    change(&api, pool, Change::Mark { name, up }, dry_run).await
}
