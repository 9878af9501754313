//! `POST /v1/attach`, `/v1/detach` and `/v1/down`

use axum::{Json, extract::State};

use crate::api::{
    refusal::Refusal,
    request::Request,
    router::Api,
    types::{ApiError, HookState, HookStatus},
};

/// Put the program on the interfaces again
#[utoipa::path(
    post,
    path = "/v1/attach",
    responses((status = 200, body = HookStatus), (status = "default", body = ApiError)),
)]
pub async fn attach(State(api): State<Api>) -> Result<Json<HookStatus>, Refusal> {
    order(&api, HookState::Attached).await
}

/// Take the program off the interfaces, until it is attached again
#[utoipa::path(
    post,
    path = "/v1/detach",
    responses((status = 200, body = HookStatus), (status = "default", body = ApiError)),
)]
pub async fn detach(State(api): State<Api>) -> Result<Json<HookStatus>, Refusal> {
    order(&api, HookState::Detached).await
}

/// End the dataplane and the daemon; what is desired stays stored
#[utoipa::path(
    post,
    path = "/v1/down",
    responses((status = 200, body = HookStatus), (status = "default", body = ApiError)),
)]
pub async fn down(State(api): State<Api>) -> Result<Json<HookStatus>, Refusal> {
    order(&api, HookState::Down).await
}

async fn order(api: &Api, state: HookState) -> Result<Json<HookStatus>, Refusal> {
    Ok(Json(api.ask(|reply| Request::Hook(state, reply)).await?))
}
