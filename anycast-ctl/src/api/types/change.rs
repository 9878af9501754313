//! What is asked for, what came of it, and why it is refused.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    model::{Backend, SiteDiff},
    store::{Author, Record},
    utc::Utc,
};

/// Body of `POST /v1/pools/{pool}/backends`.
pub type NewBackend = Backend;

/// Body of `POST /v1/pools/{pool}/backends/{backend}/drain`, and of the drains of pools and hosts; may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDrain {
    /// Seconds until flows that still live are given up. Absent: they are waited for without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
    /// Whether to remove whoever has no flow left, unless it is the last of its pool. Otherwise that is as its
    /// `when_drained` says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove: bool,
}

/// Body of `PUT /v1/pools/{pool}/backends/{backend}/weight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWeight {
    /// At least 1.
    pub weight: u32,
}

/// Body of `PUT /v1/pools/{pool}/backends/{backend}/health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHealth {
    /// Whether it may be steered to.
    pub up: bool,
}

/// Who made which revision, when, and what it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevisionStatus {
    /// Its number.
    pub revision: u64,
    /// When it was made.
    pub time: Utc,
    /// Who made it.
    pub author: Author,
    /// The same, for people to read.
    pub who: String,
    /// What was changed, on one line.
    pub what: String,
}

impl From<&Record> for RevisionStatus {
    fn from(record: &Record) -> Self {
        let Record { revision, time, author, summary } = record;
        let (author, who) = (author.clone(), author.to_string());
        Self { revision: revision.get(), time: *time, author, who, what: summary.clone() }
    }
}

impl fmt::Display for RevisionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { revision, time, author: _, who, what } = self;
        write!(f, "revision {revision} of {time} by {who}: {what}")
    }
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Committed {
    /// The revision that is desired.
    pub revision: u64,
    /// Whether it is another one: an edit that changes nothing makes no revision.
    pub changed: bool,
    /// What differs from the one before.
    pub diff: SiteDiff,
}

/// Body of every answer that is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiError {
    /// What is wrong and what to do next.
    pub error: String,
    /// The newest revision, when the request was made for another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<RevisionStatus>,
}
