//! `/v1/flows/top`

use std::num::NonZeroU32;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api::{
        refusal::Refusal,
        request::Request,
        router::Api,
        routes::{
            Limits,
            flows::{bad, misread, period, sample},
        },
        types::{ApiError, TopBy, TopStatus},
    },
    flows::{
        estimate::Sample,
        measure::{Plan, Scope, Seen, measure},
        top::{Grouping, Top},
    },
    utc::Utc,
};

/// One packet in so many is looked at where that is not said.
const SAMPLE: NonZeroU32 = NonZeroU32::new(64).expect("it is not 0");

/// The most rows of an answer, and how many there are in one where that is not said.
const LIMITS: Limits = Limits { most: 1_000, usual: 20 };

/// The query of `POST /v1/flows/top`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TopQuery {
    /// For how many seconds, 1 to 3600
    r#for: u64,
    /// By what packets are counted
    #[serde(default)]
    by: TopBy,
    /// One packet in so many is looked at; 64 unless told
    sample: Option<u32>,
    /// How many rows, 1 to 1000; 20 unless told
    limit: Option<usize>,
    /// Length of IPv4 prefixes; 24 unless told
    v4_bits: Option<u8>,
    /// Length of IPv6 prefixes; 48 unless told
    v6_bits: Option<u8>,
}

/// Who sends most, from a sample of all packets to VIPs
///
/// Answers when it is done, and ends with the connection.
#[utoipa::path(
    post,
    path = "/v1/flows/top",
    tag = "flows",
    params(TopQuery),
    responses((status = 200, body = TopStatus), (status = "default", body = ApiError)),
)]
pub async fn top(
    State(api): State<Api>,
    query: Result<Query<TopQuery>, QueryRejection>,
) -> Result<Json<TopStatus>, Refusal> {
    let Query(TopQuery { r#for, by, sample: one_in, limit, v4_bits, v6_bits }) = query.map_err(misread)?;
    let period = period(r#for)?;
    let one_in = one_in.map_or(Ok(SAMPLE), sample)?;
    let limit = LIMITS.of(limit, "")?;
    let (v4_bits, v6_bits) = (v4_bits.unwrap_or(24), v6_bits.unwrap_or(48));
    if v4_bits > 32 || v6_bits > 128 {
        return Err(bad("a prefix of IPv4 has 32 bits at most, one of IPv6 128"));
    }
    let began = Utc::now();
    let plan = Plan { scope: Scope::Packets, one_in, period };
    let counting = Top::new(Grouping { by, v4_bits, v6_bits });
    let counted = measure(&api.observer, plan, counting, |top: &mut Top, seen: &Seen| top.note(seen)).await?;
    let (top, course) = counted.ok_or_else(Refusal::stopping)?;
    let names = api.ask(Request::Flows).await?.names;
    let (packets, bytes) = top.counted();
    let sample = Sample { of: course.of, packets, period: course.period };
    Ok(Json(TopStatus {
        by,
        began,
        milliseconds: u64::try_from(course.period.as_millis()).unwrap_or(u64::MAX),
        sample: one_in.get(),
        sampled_packets: packets,
        lost_packets: course.lost,
        packets_per_second: course.of as f64 / course.period.as_secs_f64(),
        bits_per_second: sample.rate(bytes * 8),
        rows: top.rows(&sample, &names, limit),
    }))
}
