//! Health checks as the operator writes them: `[pool.check]`, and `[pool.backend.check]` for what one backend has otherwise.

use std::{net::IpAddr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape;
use crate::period;

pub mod feedback;
mod keys;
mod kind;
mod text;

pub use feedback::{Feedback, FeedbackKind};
pub use keys::{CheckKey, KEYS, KeyValue};
pub use kind::{CheckKind, DnsTransport, QueryType, RampCurve, Rcode, Unchecked, Via};
pub use text::{MinHealthy, Payload, Percent, StatusSet, TextError};

/// Time between two checks of a backend when nobody says.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
/// The same while its verdict is in doubt.
pub const DEFAULT_FAST_INTERVAL: Duration = Duration::from_millis(250);
/// How long one check may take when nobody says.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);
/// Checks in a row that must pass before a backend is up.
pub const DEFAULT_RISE: u32 = 2;
/// Checks in a row that must fail before it is down.
pub const DEFAULT_FALL: u32 = 3;
/// By how much of the interval a check may come earlier or later.
pub const DEFAULT_JITTER: Percent = Percent::of(10);
/// How long a backend that went down twice must pass before it is taken back; twice as long each further time.
pub const DEFAULT_HOLD_DOWN: Duration = Duration::from_secs(10);
/// The longest of these times.
pub const DEFAULT_HOLD_DOWN_MAX: Duration = Duration::from_secs(600);
/// The share of a pool's backends that may be down at once and be believed.
pub const DEFAULT_PANIC_THRESHOLD: Percent = Percent::of(75);

/// Keys of a check, each of which may be left out: a backend's are taken first, then its pool's, then the defaults. What
/// only some kinds of check know is refused with any other; see [`KEYS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Check {
    /// What is asked. In a pool's table required; `none` leaves one backend unchecked.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<CheckKind>,
    /// How the question gets to the backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// With `via = "vip"`: names of the VIPs that are asked; left out: all that the pool serves, 16 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<shape::Name>>")]
    pub vips: Option<Vec<String>>,
    /// Port that is asked; left out: the first that the VIPs of the pool serve with that protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Source addresses, at most one of each family; left out: the one that this host's routes prefer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    #[schemars(with = "Option<Vec<shape::Address>>", length(max = 2))]
    pub source: Option<Vec<IpAddr>>,
    /// Time from the beginning of one check to that of the next. 100ms to 1h.
    #[serde(with = "period::as_optional_text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1s")]
    #[schemars(with = "Option<shape::FinePeriod>")]
    pub interval: Option<Duration>,
    /// The same while the verdict is in doubt. 50ms to the interval.
    #[serde(with = "period::as_optional_text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "250ms")]
    #[schemars(with = "Option<shape::FinePeriod>")]
    pub fast_interval: Option<Duration>,
    /// How long one check may take. 10ms to 1m.
    #[serde(with = "period::as_optional_text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1s")]
    #[schemars(with = "Option<shape::FinePeriod>")]
    pub timeout: Option<Duration>,
    /// Checks in a row that must pass before the backend is up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub rise: Option<u32>,
    /// Checks in a row that must fail before it is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub fall: Option<u32>,
    /// By how much of the interval a check may come earlier or later, at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Percent>,
    /// How long a backend that went down a second time must pass without a failure before it is up; twice as long each
    /// further time. 0s to 1h.
    #[serde(with = "period::as_optional_text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "10s")]
    #[schemars(with = "Option<shape::FinePeriod>")]
    pub hold_down: Option<Duration>,
    /// The longest of these times. Up to 1d.
    #[serde(with = "period::as_optional_text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "10m")]
    #[schemars(with = "Option<shape::FinePeriod>")]
    pub hold_down_max: Option<Duration>,
    /// Whether the question fills a packet as large as the way to the backend takes, so that a path that is narrower than
    /// this host believes shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_size: Option<bool>,
    /// `http`, `https`: the request's method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// `http`, `https`: the request's target, beginning with `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `http`, `https`: the Host header; left out: the address that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `http`, `https`: the status codes that pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusSet>,
    /// `http`, `https`: a text that the first 64 KiB of the answer's body must contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// `http`, `https`: a header that makes an answer 503 ask for a drain instead of failing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_header: Option<String>,
    /// `grpc`: whether the connection is TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// TLS: the name that is asked for (SNI) and that the certificate must be for; left out: the host, or the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// TLS: whether the certificate is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<bool>,
    /// TLS: PEM file of the authorities that may have signed it; left out: the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// TLS: PEM file of the certificate that is shown to the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// TLS: PEM file of its private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `dns`: the name that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// `dns`: the type of record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_type: Option<QueryType>,
    /// `dns`: how it is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<DnsTransport>,
    /// `dns`: the response code that passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rcode: Option<Rcode>,
    /// `dns`: what one of the answers must be, as zone files write it: an address, a name, a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// `tcp`, `udp`: what is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<Payload>,
    /// `tcp`, `udp`, `exec`: what the answer, or the program's output, must contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Payload>,
    /// `grpc`: the service whose health is asked for; left out: the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// `exec`: the program, by its whole path, and its arguments. Exit code 0 passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
}

impl Check {
    /// A check of that kind in which all else is by default.
    pub fn of(kind: CheckKind) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    /// These keys, and the pool's where there are none. What only some kinds know is not taken from a pool with another.
    pub fn over(&self, pool: &Self) -> Self {
        let kind = self.kind.or(pool.kind);
        let same_kind = kind == pool.kind;
        let mut merged = pool.clone();
        for key in KEYS {
            let fits = same_kind || kind.is_some_and(|kind| key.fits(kind));
            if key.is_in(self) || !fits {
                key.copy_from(self, &mut merged);
            }
        }
        merged
    }
}
