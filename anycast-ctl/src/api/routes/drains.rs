//! Drains of many backends at once: `/v1/pools/{pool}/drain`, `/v1/drain`, `/v1/hosts/{address}/drain`.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use crate::{
    api::{
        body::Optional,
        change::Outcome,
        refusal::Refusal,
        request::Proposal,
        router::Api,
        terms::{Terms, TermsQuery},
        types::{ApiError, Committed, HostStatus, NewDrain, PoolStatus},
    },
    model::{
        Edit,
        diff::Subject,
        edit::{DrainScope, DrainTerms},
    },
    spelling::quoted,
    utc::Utc,
};

/// Give the backends of a pool no new flows; disabled ones stay so
#[utoipa::path(
    post,
    path = "/v1/pools/{pool}/drain",
    tag = "pools",
    params(("pool" = String, Path), TermsQuery),
    request_body = NewDrain,
    responses((status = 200, body = PoolStatus), (status = "default", body = ApiError)),
)]
pub async fn drain_pool(
    State(api): State<Api>,
    Path(pool): Path<String>,
    terms: Terms,
    Optional(drain): Optional<NewDrain>,
) -> Result<Response, Refusal> {
    let subject = Subject::Pool { pool: pool.clone() };
    api.edit(Edit::Drain { scope: DrainScope::Pool(pool), terms: of(drain) }, subject, terms).await
}

/// Give the draining backends of a pool new flows again
#[utoipa::path(
    delete,
    path = "/v1/pools/{pool}/drain",
    tag = "pools",
    params(("pool" = String, Path), TermsQuery),
    responses((status = 200, body = PoolStatus), (status = "default", body = ApiError)),
)]
pub async fn undrain_pool(
    State(api): State<Api>,
    Path(pool): Path<String>,
    terms: Terms,
) -> Result<Response, Refusal> {
    let subject = Subject::Pool { pool: pool.clone() };
    api.edit(Edit::Undrain { scope: DrainScope::Pool(pool) }, subject, terms).await
}

/// Give the backends of every pool no new flows: this edge host goes into maintenance
#[utoipa::path(
    post,
    path = "/v1/drain",
    tag = "site",
    params(TermsQuery),
    request_body = NewDrain,
    responses((status = 200, body = Committed), (status = "default", body = ApiError)),
)]
pub async fn drain_site(
    State(api): State<Api>,
    terms: Terms,
    Optional(drain): Optional<NewDrain>,
) -> Result<Response, Refusal> {
    let edit = Edit::Drain { scope: DrainScope::EveryPool, terms: of(drain) };
    api.edit(edit, Subject::Site, terms).await
}

/// Give the draining backends of every pool new flows again
#[utoipa::path(
    delete,
    path = "/v1/drain",
    tag = "site",
    params(TermsQuery),
    responses((status = 200, body = Committed), (status = "default", body = ApiError)),
)]
pub async fn undrain_site(State(api): State<Api>, terms: Terms) -> Result<Response, Refusal> {
    api.edit(Edit::Undrain { scope: DrainScope::EveryPool }, Subject::Site, terms).await
}

/// The servers by address, with what they are in which pools
#[utoipa::path(
    get,
    path = "/v1/hosts",
    tag = "hosts",
    responses((status = 200, body = Vec<HostStatus>), (status = "default", body = ApiError)),
)]
pub async fn list_hosts(State(api): State<Api>) -> Result<Json<Vec<HostStatus>>, Refusal> {
    Ok(Json(HostStatus::of(&api.snapshot().await?.status.pools)))
}

/// Give a server no new flows, in whatever pools it is: it goes into maintenance
#[utoipa::path(
    post,
    path = "/v1/hosts/{address}/drain",
    tag = "hosts",
    params(("address" = String, Path, description = "The server's own address"), TermsQuery),
    request_body = NewDrain,
    responses((status = 200, body = HostStatus), (status = "default", body = ApiError)),
)]
pub async fn drain_host(
    State(api): State<Api>,
    Path(address): Path<String>,
    terms: Terms,
    Optional(drain): Optional<NewDrain>,
) -> Result<Response, Refusal> {
    let address = parse(&address)?;
    edit_host(&api, address, Edit::Drain { scope: DrainScope::Host(address), terms: of(drain) }, terms).await
}

/// Give a draining server new flows again, in whatever pools it is
#[utoipa::path(
    delete,
    path = "/v1/hosts/{address}/drain",
    tag = "hosts",
    params(("address" = String, Path), TermsQuery),
    responses((status = 200, body = HostStatus), (status = "default", body = ApiError)),
)]
pub async fn undrain_host(
    State(api): State<Api>,
    Path(address): Path<String>,
    terms: Terms,
) -> Result<Response, Refusal> {
    let address = parse(&address)?;
    edit_host(&api, address, Edit::Undrain { scope: DrainScope::Host(address) }, terms).await
}

async fn edit_host(api: &Api, address: IpAddr, edit: Edit, terms: Terms) -> Result<Response, Refusal> {
    match api.propose(Proposal::Edit(edit), terms).await? {
        Outcome::Planned(plan) => Ok(plan),
        Outcome::Done(code, committed) => {
            let revision = committed.revision;
            // The change is made, also where it cannot be shown.
            Ok(match api.snapshot().await {
                Ok(snapshot) => {
                    let host = HostStatus::find(&snapshot.status.pools, address);
                    Outcome::answer(code, revision, Json(host))
                }
                Err(refusal) => {
                    tracing::warn!("what was changed cannot be shown: {refusal}");
                    Outcome::answer(code, revision, Json(committed))
                }
            })
        }
    }
}

/// The terms of a drain that begins now.
pub fn of(NewDrain { deadline_seconds, remove }: NewDrain) -> DrainTerms {
    let until = deadline_seconds.map(|seconds| deadline(Duration::from_secs(seconds)));
    DrainTerms { until, remove }
}

/// The first whole second at which a period that begins now is over.
pub fn deadline(period: Duration) -> Utc {
    let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(period);
    Utc::from_unix(end.as_secs().saturating_add(u64::from(end.subsec_nanos() > 0)))
}

fn parse(address: &str) -> Result<IpAddr, Refusal> {
    address.parse().map_err(|_| {
        let text = format!("{} is no IP address, as 10.0.0.11 is", quoted(address));
        Refusal::new(StatusCode::BAD_REQUEST, text)
    })
}
