//! `/v1/log`

use std::time::Duration;

use axum::{
    Json,
    extract::{ConnectInfo, State},
};

use crate::{
    api::{
        body::Body,
        peer::Peer,
        refusal::Refusal,
        request::RequestError,
        router::Api,
        types::{ApiError, Event, LogStatus, NewLog},
    },
    log::level::Control,
};

/// What is logged
#[utoipa::path(
    get,
    tag = "log", path = "/v1/log",
    responses((status = 200, body = LogStatus), (status = "default", body = ApiError)),
)]
pub async fn get() -> Result<Json<LogStatus>, Refusal> {
    Ok(Json(control()?.status()))
}

/// Log by another filter, for a while or until the daemon ends
#[utoipa::path(
    put,
    tag = "log", path = "/v1/log",
    request_body = NewLog,
    responses((status = 200, body = LogStatus), (status = "default", body = ApiError)),
)]
pub async fn set(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Body(NewLog { filter, for_seconds }): Body<NewLog>,
) -> Result<Json<LogStatus>, Refusal> {
    let control = control()?;
    // Where users are not local their names may take a while.
    let author = tokio::task::spawn_blocking(move || peer.author()).await;
    let who =
        author.map_err(|error| RequestError::Internal(format!("look up who asks: {error}")))?.to_string();
    let period = for_seconds.map(Duration::from_secs);
    let changed = control.set(&filter, period, who);
    let (status, change) = changed.map_err(|error| RequestError::Invalid(error.to_string()))?;
    api.link.events.tell(Event::Log(status.clone()));
    if let Some(period) = period {
        let events = api.link.events.clone();
        tokio::spawn(async move {
            tokio::time::sleep(period).await;
            control.reset(Some(change)).into_iter().for_each(|status| events.tell(Event::Log(status)));
        });
    }
    Ok(Json(status))
}

/// Log as the daemon was started to
#[utoipa::path(
    delete,
    tag = "log", path = "/v1/log",
    responses((status = 200, body = LogStatus), (status = "default", body = ApiError)),
)]
pub async fn reset(State(api): State<Api>) -> Result<Json<LogStatus>, Refusal> {
    let control = control()?;
    control.reset(None).into_iter().for_each(|status| api.link.events.tell(Event::Log(status)));
    Ok(Json(control.status()))
}

fn control() -> Result<&'static Control, Refusal> {
    let control = crate::log::control();
    Ok(control.ok_or_else(|| RequestError::Conflict("this process does not log".to_owned()))?)
}
