//! `/v1/flows`

use std::{num::NonZeroU32, time::Duration};

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use ipnet::IpNet;
use serde::Deserialize;
use tokio::sync::oneshot;
use utoipa::IntoParams;

use crate::{
    api::{
        measure::LONGEST,
        refusal::Refusal,
        request::{Request, RequestError},
        router::{Api, MAX_FLOW_READERS},
        routes::Limits,
        types::{ApiError, FlowCounts, FlowGroup, FlowOrder, FlowState, FlowsStatus},
    },
    dataplane::DataplaneError,
    flows::{
        Remembered,
        remembered::{Listing, Position, Wanted, count as count_flows, list as list_flows},
    },
    model::Site,
    spelling::{quoted, unknown},
};

/// The most flows in an answer, and how many there are in one where that is not said.
const LIMITS: Limits = Limits { most: 10_000, usual: 100 };

/// Which remembered flows; whatever is said must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WantedQuery {
    /// Name of the pool that serves the VIP
    pool: Option<String>,
    /// Name of the VIP
    vip: Option<String>,
    /// The backend, as POOL/NAME
    backend: Option<String>,
    /// Where the client is: an address or a prefix
    from: Option<String>,
    /// How much is known of the flow
    state: Option<FlowState>,
}

/// The query of `GET /v1/flows`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many, 1 to 10000; 100 unless told
    limit: Option<usize>,
    #[param(inline)]
    /// The first ones in that order; without it as they lie in the maps, which costs the least
    sort: Option<FlowOrder>,
    /// On from there: `next` of an answer that was not sorted
    after: Option<String>,
}

/// The query of `GET /v1/flows/count`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CountQuery {
    /// By what they are counted
    #[serde(default)]
    by: FlowGroup,
}

type Asked<T> = Result<Query<T>, QueryRejection>;

/// Flows that are remembered: pins, and those of which only the opening packet was seen
///
/// What is sorted reads all of them, and answers with the first; what is not comes in pages, each a little longer than the limit.
#[utoipa::path(
    get,
    path = "/v1/flows",
    tag = "flows",
    params(WantedQuery, ListQuery),
    responses((status = 200, body = FlowsStatus), (status = "default", body = ApiError)),
)]
pub async fn list(
    State(api): State<Api>,
    wanted: Asked<WantedQuery>,
    query: Asked<ListQuery>,
) -> Result<Json<FlowsStatus>, Refusal> {
    let Query(ListQuery { limit, sort, after }) = query.map_err(misread)?;
    let limit = LIMITS.of(limit, ", and page with ?after=")?;
    let after = match (&after, sort) {
        (Some(_), Some(_)) => {
            return Err(bad("?after= goes with no ?sort=: only what is not sorted has pages"));
        }
        (Some(text), None) => Position::parse(text)
            .ok_or_else(|| bad(format!("?after={}: give `next` of the answer before", quoted(text))))?,
        (None, _) => Position::START,
    };
    let wanted = of_site(&api, wanted).await?;
    let listing = Listing { wanted, limit, order: sort, after };
    read(&api, move |remembered, wants_it| list_flows(remembered, &listing, wants_it)).await.map(Json)
}

/// How many flows are remembered, by backend or VIP
#[utoipa::path(
    get,
    path = "/v1/flows/count",
    tag = "flows",
    params(WantedQuery, CountQuery),
    responses((status = 200, body = FlowCounts), (status = "default", body = ApiError)),
)]
pub async fn count(
    State(api): State<Api>,
    wanted: Asked<WantedQuery>,
    query: Asked<CountQuery>,
) -> Result<Json<FlowCounts>, Refusal> {
    let Query(CountQuery { by }) = query.map_err(misread)?;
    let wanted = of_site(&api, wanted).await?;
    read(&api, move |remembered, wants_it| count_flows(remembered, by, &wanted, wants_it)).await.map(Json)
}

/// Reads on a thread of its own, until there is an answer or nobody wants it any more.
async fn read<T: Send + 'static>(
    api: &Api,
    work: impl FnOnce(&Remembered, &dyn Fn() -> bool) -> Result<T, DataplaneError> + Send + 'static,
) -> Result<T, Refusal> {
    let place = api.flow_readers.clone().try_acquire_owned();
    let place = place.map_err(|_| Refusal::busy(MAX_FLOW_READERS, "readers of flows"))?;
    let remembered = api.ask(Request::Flows).await?;
    let (reply, answer) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let found = work(&remembered, &|| !reply.is_closed());
        drop(reply.send(found));
        drop(place);
    });
    let found = answer.await.map_err(|_| Refusal::stopping())?;
    Ok(found.map_err(|error| RequestError::Internal(error.to_string()))?)
}

/// What is asked for, whose names the site has.
async fn of_site(api: &Api, wanted: Asked<WantedQuery>) -> Result<Wanted, Refusal> {
    let Query(WantedQuery { pool, vip, backend, from, state }) = wanted.map_err(misread)?;
    let from = from.as_deref().map(prefix).transpose()?;
    let backend = backend.map(|backend| match backend.split_once('/') {
        Some((pool, name)) if !name.is_empty() => Ok((pool.to_owned(), name.to_owned())),
        _ => Err(bad(format!("?backend={}: write it as POOL/NAME", quoted(&backend)))),
    });
    let wanted = Wanted { pool, vip, backend: backend.transpose()?, from, state };
    if wanted.pool.is_some() || wanted.vip.is_some() || wanted.backend.is_some() {
        let desired = api.ask(Request::Site).await?;
        check(&wanted, &desired.site)?;
    }
    Ok(wanted)
}

/// A backend that was removed has no name in the site, and may have flows: only its pool is checked.
fn check(wanted: &Wanted, site: &Site) -> Result<(), RequestError> {
    let pools = || site.pools.iter().map(|pool| pool.name.as_str());
    let pool = wanted.pool.as_ref().or(wanted.backend.as_ref().map(|(pool, _)| pool));
    if let Some(pool) = pool.filter(|pool| site.pool(pool).is_none()) {
        return Err(RequestError::NotFound(unknown("pool", pool, pools())));
    }
    if let Some(vip) = wanted.vip.as_ref().filter(|vip| site.vip(vip).is_none()) {
        let vips = site.vips.iter().map(|vip| vip.name.as_str());
        return Err(RequestError::NotFound(unknown("vip", vip, vips)));
    }
    Ok(())
}

fn prefix(text: &str) -> Result<IpNet, Refusal> {
    let address = || text.parse().map(|address: std::net::IpAddr| IpNet::from(address));
    let parsed = text.parse().or_else(|_| address());
    parsed.map_err(|_| {
        bad(format!(
            "?from={}: give an address or a prefix, as 198.51.100.0/24 or 2001:db8::/48",
            quoted(text)
        ))
    })
}

/// How long it is measured.
pub fn period(seconds: u64) -> Result<Duration, Refusal> {
    let period = Duration::from_secs(seconds);
    if (Duration::from_secs(1)..=LONGEST).contains(&period) {
        return Ok(period);
    }
    Err(bad(format!("?for={seconds}: give 1 to {} seconds", LONGEST.as_secs())))
}

/// One of how many is looked at.
pub fn sample(one_in: u32) -> Result<NonZeroU32, Refusal> {
    NonZeroU32::new(one_in).ok_or_else(|| bad("?sample=0: one in how many? 1 looks at all"))
}

/// What is said of a query that cannot be read.
pub fn misread(rejection: QueryRejection) -> Refusal {
    Refusal::new(rejection.status(), rejection.body_text())
}

/// 400 with these words.
pub fn bad(text: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, text)
}
