//! `/v1/announcements`, `/v1/vips/{vip}/announcement` and `/v1/maintenance`

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    announce::report::Ask,
    api::{
        body::{Body, Optional},
        refusal::Refusal,
        request::{AnnounceChange, MaintenanceTerms, Request, RequestError},
        router::Api,
        routes::drains,
        terms::Terms,
        types::{AnnounceStatus, ApiError, NewHand, NewMaintenance, VipAnnouncement},
    },
    spelling::unknown,
};

/// The announcer answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the announcements of all VIPs are, and the routing daemon
#[utoipa::path(
    get,
    tag = "announcements", path = "/v1/announcements",
    responses((status = 200, body = AnnounceStatus), (status = "default", body = ApiError)),
)]
pub async fn all(State(api): State<Api>) -> Result<Json<AnnounceStatus>, Refusal> {
    Ok(Json(ask_all(&api).await?))
}

/// How the announcement of a VIP is, with its history
#[utoipa::path(
    get,
    tag = "announcements", path = "/v1/vips/{vip}/announcement",
    params(("vip" = String, Path)),
    responses((status = 200, body = VipAnnouncement), (status = "default", body = ApiError)),
)]
pub async fn one(State(api): State<Api>, Path(vip): Path<String>) -> Result<Json<VipAnnouncement>, Refusal> {
    let (reply, answer) = oneshot::channel();
    if let Some(found) = ask(&api, Ask::One { vip: vip.clone(), reply }, answer).await? {
        return Ok(Json(found));
    }
    let known = ask_all(&api).await?.vips;
    let text = unknown("VIP", &vip, known.iter().map(|vip| vip.name.as_str()));
    Err(RequestError::NotFound(text).into())
}

/// Announce or withdraw a VIP by hand, whatever its health
#[utoipa::path(
    put,
    tag = "announcements", path = "/v1/vips/{vip}/announcement",
    params(("vip" = String, Path)),
    request_body = NewHand,
    responses((status = 200, body = VipAnnouncement), (status = "default", body = ApiError)),
)]
pub async fn set(
    State(api): State<Api>,
    Path(vip): Path<String>,
    terms: Terms,
    Body(hand): Body<NewHand>,
) -> Result<Json<VipAnnouncement>, Refusal> {
    let until = hand.seconds.map(|seconds| drains::deadline(Duration::from_secs(seconds)));
    change(&api, AnnounceChange::Hand { vip: vip.clone(), hand: Some((hand.what, until)) }, terms).await?;
    one(State(api), Path(vip)).await.map_err(Refusal::though_done)
}

/// Leave the announcement of a VIP to its health again
#[utoipa::path(
    delete,
    tag = "announcements", path = "/v1/vips/{vip}/announcement",
    params(("vip" = String, Path)),
    responses((status = 200, body = VipAnnouncement), (status = "default", body = ApiError)),
)]
pub async fn clear(
    State(api): State<Api>,
    Path(vip): Path<String>,
    terms: Terms,
) -> Result<Json<VipAnnouncement>, Refusal> {
    change(&api, AnnounceChange::Hand { vip: vip.clone(), hand: None }, terms).await?;
    one(State(api), Path(vip)).await.map_err(Refusal::though_done)
}

/// Drain the site: new flows go to backups, flows that are left are waited for, then its routes are withdrawn
#[utoipa::path(
    post,
    tag = "announcements", path = "/v1/maintenance",
    request_body = NewMaintenance,
    responses((status = 200, body = AnnounceStatus), (status = "default", body = ApiError)),
)]
pub async fn begin(
    State(api): State<Api>,
    terms: Terms,
    Optional(NewMaintenance { deadline_seconds, hold }): Optional<NewMaintenance>,
) -> Result<Json<AnnounceStatus>, Refusal> {
    let until = deadline_seconds.map(|seconds| drains::deadline(Duration::from_secs(seconds)));
    let maintenance = MaintenanceTerms { until, holds: hold };
    change(&api, AnnounceChange::Maintenance(Some(maintenance)), terms).await?;
    all(State(api)).await.map_err(Refusal::though_done)
}

/// Take the site into service again
#[utoipa::path(
    delete,
    tag = "announcements", path = "/v1/maintenance",
    responses((status = 200, body = AnnounceStatus), (status = "default", body = ApiError)),
)]
pub async fn end(State(api): State<Api>, terms: Terms) -> Result<Json<AnnounceStatus>, Refusal> {
    change(&api, AnnounceChange::Maintenance(None), terms).await?;
    all(State(api)).await.map_err(Refusal::though_done)
}

/// How the announcements of all VIPs are.
pub async fn ask_all(api: &Api) -> Result<AnnounceStatus, Refusal> {
    let (reply, answer) = oneshot::channel();
    ask(api, Ask::All(reply), answer).await
}

async fn change(api: &Api, change: AnnounceChange, terms: Terms) -> Result<(), Refusal> {
    let author = terms.author;
    api.ask(|reply| Request::Announce { change, author, reply }).await
}

async fn ask<T>(api: &Api, ask: Ask, answer: oneshot::Receiver<T>) -> Result<T, Refusal> {
    let asked = async {
        api.link.announce.send(ask).await.map_err(|_| Refusal::stopping())?;
        answer.await.map_err(|_| Refusal::stopping())
    };
    let answered = timeout(PATIENCE, asked).await;
    answered.map_err(|_| {
        RequestError::Internal("the announcer does not answer: see the daemon's log".to_owned())
    })?
}
