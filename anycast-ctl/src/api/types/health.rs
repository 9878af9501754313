//! What checks say.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::health::verdict::Verdict;

/// `GET /v1/health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthStatus {
    /// How far failures reach, for people to read.
    pub summary: String,
    /// Whether somebody should look: a pool is in panic or has too few healthy backends, or the whole site fails.
    pub alarm: bool,
    /// How the checker itself does.
    pub checker: CheckerStatus,
    /// Pools with backends that are checked.
    pub pools: Vec<PoolHealth>,
}

/// How the checker itself does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckerStatus {
    /// Backends that are checked.
    pub backends: u32,
    /// Checks under way.
    pub under_way: u32,
    /// Milliseconds by which the check that is most overdue is late; above some it has too much to do.
    pub late_ms: u64,
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolHealth {
    /// Its name.
    pub name: String,
    /// Backends that are up.
    pub healthy: u32,
    /// Backends that are active, and no backups.
    pub active: u32,
    /// How many must be up.
    pub needed: u32,
    /// Whether it has these.
    pub enough: bool,
    /// Too many fail at once, so that nobody is taken out; absent while that is not so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic: Option<PanicStatus>,
    /// Those that are checked.
    pub backends: Vec<BackendHealth>,
}

/// A pool in panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PanicStatus {
    /// For how long.
    pub seconds: u64,
    /// Backends that fail.
    pub bad: u32,
    /// Of how many.
    pub of: u32,
}

/// One backend that is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackendHealth {
    /// Its name.
    pub name: String,
    /// Its address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Whether it is a backup: it is not counted while others take flows.
    #[serde(default)]
    pub backup: bool,
    /// What it is asked, for people to read: `http /health to port 80 of VIP www`.
    pub check: String,
    /// `up`, `down`, or `unknown` while there are too few results.
    pub verdict: Verdict,
    /// For how many seconds; a restart of the daemon included.
    pub held_seconds: u64,
    /// Whether it may be steered to, as far as checks decide about it. In a panic one that is down is.
    pub in_service: bool,
    /// Results in a row that passed.
    pub passed: u32,
    /// Results in a row that failed.
    pub failed: u32,
    /// All results since the daemon began.
    #[serde(default)]
    pub checks: ChecksStatus,
    /// It went down too often to be taken back at once; absent while it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty: Option<PenaltyStatus>,
    /// Whether it asks itself to be drained.
    pub asks_drain: bool,
    /// The share of its weight that it gets, per mille: below 1000 while it starts slowly, or is loaded.
    pub share_per_mille: u16,
    /// Its last load report, for people to read; absent without feedback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<String>,
    /// Why it is down, for people to read; absent while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it cannot be checked, for people to read; absent while it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// The last results, the newest first: one in `GET /v1/health`, all that are kept in the backend's own.
    pub results: Vec<CheckResult>,
    /// The last results as a strip of signs, the newest last.
    pub strip: String,
}

/// How checks of a backend ended, those that the history has forgotten included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChecksStatus {
    /// As expected.
    pub passed: u64,
    /// Otherwise, or not in time.
    pub failed: u64,
    /// It asked to be drained.
    pub drain: u64,
    /// This host could not ask.
    pub inconclusive: u64,
}

/// A backend that flaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PenaltyStatus {
    /// Times it went down, as far as they are remembered.
    pub falls: u32,
    /// Milliseconds for which every check must pass before it is taken back.
    pub needs_ms: u64,
    /// Milliseconds until that is so, if every check passes from now on.
    pub left_ms: u64,
}

/// One result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckResult {
    /// Milliseconds since.
    pub ago_ms: u64,
    /// `passed`, `failed`, `drain` when the backend asked for that, `inconclusive` when this host could not ask.
    pub finding: String,
    /// Microseconds that it took.
    pub latency_us: u64,
    /// The answer, or what was wrong, for people to read.
    pub detail: String,
}

/// Something that checks found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthEvent {
    /// `verdict`, `drain`, `agent`, `trouble`, `panic`, `enough` or `extent`.
    pub what: String,
    /// Whether somebody should look.
    pub bad: bool,
    /// All of it, for people to read.
    pub text: String,
    /// Name of the pool it is about; absent when it is about all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Name of the backend it is about; absent when it is about a pool, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The backend's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// Of a verdict: the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Verdict>,
    /// Of a verdict: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Verdict>,
}
