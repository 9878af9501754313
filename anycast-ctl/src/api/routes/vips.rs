//! `/v1/vips`

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};

use crate::{
    api::{
        body::Body,
        refusal::Refusal,
        router::Api,
        routes,
        terms::{Terms, TermsQuery},
        types::{ApiError, Committed, VipStatus},
    },
    model::{Edit, Vip, diff::Subject, edit::VipPatch},
};

/// All VIPs with their traffic
#[utoipa::path(
    get,
    path = "/v1/vips",
    tag = "vips",
    responses((status = 200, body = Vec<VipStatus>), (status = "default", body = ApiError)),
)]
pub async fn list(State(api): State<Api>) -> Result<Response, Refusal> {
    Ok(routes::json(api.snapshot().await?.vips()))
}

/// One VIP
#[utoipa::path(
    get,
    path = "/v1/vips/{vip}",
    tag = "vips",
    params(("vip" = String, Path, description = "Name of the VIP")),
    responses((status = 200, body = VipStatus), (status = "default", body = ApiError)),
)]
pub async fn get(State(api): State<Api>, Path(name): Path<String>) -> Result<Json<VipStatus>, Refusal> {
    let snapshot = api.snapshot().await?;
    routes::named("VIP", &name, &snapshot.status.vips, |vip| &vip.name).cloned().map(Json)
}

/// Add a VIP
#[utoipa::path(
    post,
    path = "/v1/vips",
    tag = "vips",
    params(TermsQuery),
    request_body = Vip,
    responses((status = 201, body = VipStatus), (status = "default", body = ApiError)),
)]
pub async fn add(State(api): State<Api>, terms: Terms, Body(vip): Body<Vip>) -> Result<Response, Refusal> {
    let subject = Subject::Vip { vip: vip.name.clone() };
    api.edit(Edit::AddVip(vip), subject, terms).await
}

/// Change a VIP; what the body does not name stays
#[utoipa::path(
    patch,
    path = "/v1/vips/{vip}",
    tag = "vips",
    params(("vip" = String, Path), TermsQuery),
    request_body = VipPatch,
    responses((status = 200, body = VipStatus), (status = "default", body = ApiError)),
)]
pub async fn set(
    State(api): State<Api>,
    Path(name): Path<String>,
    terms: Terms,
    Body(patch): Body<VipPatch>,
) -> Result<Response, Refusal> {
    let subject = Subject::Vip { vip: name.clone() };
    api.edit(Edit::SetVip { name, patch }, subject, terms).await
}

/// Remove a VIP; sessions to it end
#[utoipa::path(
    delete,
    path = "/v1/vips/{vip}",
    tag = "vips",
    params(("vip" = String, Path), TermsQuery),
    responses((status = 200, body = Committed), (status = "default", body = ApiError)),
)]
pub async fn remove(
    State(api): State<Api>,
    Path(name): Path<String>,
    terms: Terms,
) -> Result<Response, Refusal> {
    let subject = Subject::Vip { vip: name.clone() };
    api.edit(Edit::RemoveVip { name }, subject, terms).await
}
