//! `/v1/catchment`

use axum::{
    Extension, Json,
    extract::{ConnectInfo, Query, State, rejection::QueryRejection},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::{
    measure::{FLOWS_SAMPLE, NETWORKS},
    peer::Peer,
    refusal::Refusal,
    request::RequestError,
    router::Api,
    routes::flows::{bad, misread, period, sample},
    types::{ApiError, CatchmentStatus},
};

/// The most networks in an answer.
const MOST_NETWORKS: usize = 1_000;

/// The query of `POST /v1/catchment`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MeasureQuery {
    /// For how many seconds, 1 to 3600
    r#for: u64,
    /// One flow in so many is looked at; 16 unless told
    sample: Option<u32>,
    /// Networks to list, 2 to 1000; 200 unless told. The lightest are taken together in larger ones
    networks: Option<usize>,
}

/// The catchment that was measured last; 404 before the first
#[utoipa::path(
    get,
    path = "/v1/catchment",
    tag = "flows",
    responses((status = 200, body = CatchmentStatus), (status = "default", body = ApiError)),
)]
pub async fn last(State(api): State<Api>) -> Result<Json<CatchmentStatus>, Refusal> {
    let last = api.catchments.last().ok_or_else(|| {
        let text = "no catchment was measured since the daemon started: measure one with `anycast-ctl flows catchment`, or have \
             it done regularly with `anycast-ctl run --catchment-every 1h`";
        RequestError::NotFound(text.to_owned())
    })?;
    Ok(Json(CatchmentStatus::clone(&last)))
}

/// Measure which clients' networks arrive at this site, and how far away they are
///
/// Answers when it is done, and keeps it for `GET /v1/catchment`. It ends with the connection; 409 while another one is under way.
#[utoipa::path(
    post,
    path = "/v1/catchment",
    tag = "flows",
    params(MeasureQuery),
    responses((status = 200, body = CatchmentStatus), (status = "default", body = ApiError)),
)]
pub async fn measure(
    State(api): State<Api>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    query: Result<Query<MeasureQuery>, QueryRejection>,
) -> Result<Json<CatchmentStatus>, Refusal> {
    let Query(MeasureQuery { r#for, sample: one_in, networks }) = query.map_err(misread)?;
    let period = period(r#for)?;
    let one_in = one_in.map_or(Ok(FLOWS_SAMPLE), sample)?;
    let networks = networks.unwrap_or(NETWORKS);
    if !(2..=MOST_NETWORKS).contains(&networks) {
        return Err(bad(format!("?networks={networks}: give 2 to {MOST_NETWORKS}")));
    }
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer).unwrap_or_default();
    // Where users are not local their names may take a while.
    let who = tokio::task::spawn_blocking(move || peer.author().to_string()).await;
    let who = who.map_err(|error| RequestError::Internal(format!("look up who asks: {error}")))?;
    let measured = api.measure_catchment(who, period, one_in, networks).await?;
    Ok(Json(CatchmentStatus::clone(&measured)))
}
