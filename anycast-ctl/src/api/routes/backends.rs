//! `/v1/pools/{pool}/backends`

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};

use super::{drains, pools};
use crate::{
    api::{
        body::{Body, Optional},
        refusal::Refusal,
        request::Proposal,
        router::Api,
        terms::{Terms, TermsQuery},
        types::{ApiError, BackendStatus, NewBackend, NewDrain, NewHealth, NewWeight},
    },
    model::{
        Edit,
        diff::Subject,
        edit::{BackendEdit, BackendPatch},
    },
};

/// A pool and a backend.
type Names = Path<(String, String)>;

async fn edit(api: &Api, pool: String, edit: BackendEdit, terms: Terms) -> Result<Response, Refusal> {
    let subject = Subject::Backend { pool: pool.clone(), backend: edit.backend().to_owned() };
    api.edit(Edit::Backend { pool, edit }, subject, terms).await
}

/// The backends of a pool, removed ones last
#[utoipa::path(
    get,
    path = "/v1/pools/{pool}/backends",
    tag = "backends",
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
    tag = "backends",
    params(("pool" = String, Path), TermsQuery),
    request_body = NewBackend,
    responses((status = 201, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn add(
    State(api): State<Api>,
    Path(pool): Path<String>,
    terms: Terms,
    Body(backend): Body<NewBackend>,
) -> Result<Response, Refusal> {
    edit(&api, pool, BackendEdit::Add(backend), terms).await
}

/// Remove a backend, at once
#[utoipa::path(
    delete,
    path = "/v1/pools/{pool}/backends/{backend}",
    tag = "backends",
    params(("pool" = String, Path), ("backend" = String, Path), TermsQuery),
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn remove(
    State(api): State<Api>,
    Path((pool, name)): Names,
    terms: Terms,
) -> Result<Response, Refusal> {
    edit(&api, pool, BackendEdit::Remove { name }, terms).await
}

/// Change a backend; what the body does not name stays
#[utoipa::path(
    patch,
    path = "/v1/pools/{pool}/backends/{backend}",
    tag = "backends",
    params(("pool" = String, Path), ("backend" = String, Path), TermsQuery),
    request_body = BackendPatch,
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn set(
    State(api): State<Api>,
    Path((pool, name)): Names,
    terms: Terms,
    Body(patch): Body<BackendPatch>,
) -> Result<Response, Refusal> {
    edit(&api, pool, BackendEdit::Set { name, patch }, terms).await
}

/// Give a backend no new flows
#[utoipa::path(
    post,
    path = "/v1/pools/{pool}/backends/{backend}/drain",
    tag = "backends",
    params(("pool" = String, Path), ("backend" = String, Path), TermsQuery),
    request_body = NewDrain,
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn drain(
    State(api): State<Api>,
    Path((pool, name)): Names,
    terms: Terms,
    Optional(drain): Optional<NewDrain>,
) -> Result<Response, Refusal> {
    edit(&api, pool, BackendEdit::Drain { name, terms: drains::of(drain) }, terms).await
}

/// Give a draining backend new flows again
#[utoipa::path(
    delete,
    path = "/v1/pools/{pool}/backends/{backend}/drain",
    tag = "backends",
    params(("pool" = String, Path), ("backend" = String, Path), TermsQuery),
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn undrain(
    State(api): State<Api>,
    Path((pool, name)): Names,
    terms: Terms,
) -> Result<Response, Refusal> {
    edit(&api, pool, BackendEdit::Undrain { name }, terms).await
}

/// Give a backend no flows at all, as if it had been removed
#[utoipa::path(
    post,
    path = "/v1/pools/{pool}/backends/{backend}/disable",
    tag = "backends",
    params(("pool" = String, Path), ("backend" = String, Path), TermsQuery),
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn disable(
    State(api): State<Api>,
    Path((pool, name)): Names,
    terms: Terms,
) -> Result<Response, Refusal> {
    edit(&api, pool, BackendEdit::Disable { name }, terms).await
}

/// Give a disabled backend flows again
#[utoipa::path(
    delete,
    path = "/v1/pools/{pool}/backends/{backend}/disable",
    tag = "backends",
    params(("pool" = String, Path), ("backend" = String, Path), TermsQuery),
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn enable(
    State(api): State<Api>,
    Path((pool, name)): Names,
    terms: Terms,
) -> Result<Response, Refusal> {
    edit(&api, pool, BackendEdit::Enable { name }, terms).await
}

/// Set the share of new flows a backend gets
#[utoipa::path(
    put,
    path = "/v1/pools/{pool}/backends/{backend}/weight",
    tag = "backends",
    params(("pool" = String, Path), ("backend" = String, Path), TermsQuery),
    request_body = NewWeight,
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn weight(
    State(api): State<Api>,
    Path((pool, name)): Names,
    terms: Terms,
    Body(NewWeight { weight }): Body<NewWeight>,
) -> Result<Response, Refusal> {
    edit(&api, pool, BackendEdit::Weight { name, weight }, terms).await
}

/// Mark a backend up or down
#[utoipa::path(
    put,
    path = "/v1/pools/{pool}/backends/{backend}/health",
    tag = "backends",
    params(("pool" = String, Path), ("backend" = String, Path), TermsQuery),
    request_body = NewHealth,
    responses((status = 200, body = BackendStatus), (status = "default", body = ApiError)),
)]
pub async fn health(
    State(api): State<Api>,
    Path((pool, name)): Names,
    terms: Terms,
    Body(NewHealth { up }): Body<NewHealth>,
) -> Result<Response, Refusal> {
    let subject = Subject::Backend { pool: pool.clone(), backend: name.clone() };
    api.carry_out(Proposal::Mark { pool, backend: name, up }, subject, terms).await
}
