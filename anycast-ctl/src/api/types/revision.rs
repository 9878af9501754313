//! The history.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::RevisionStatus;

/// `GET /v1/revisions/{revision}`: one revision with its text. Seeds are secrets and not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevisionDetail {
    /// Which it is, who made it, when, and what it changed.
    #[serde(flatten)]
    pub revision: RevisionStatus,
    /// What differs from the revision before, as a unified diff; empty when nothing does, absent when that one is no longer
    /// kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// The whole site as TOML.
    pub text: String,
}

/// Body of `POST /v1/rollback`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRollback {
    /// The revision whose site is desired again.
    pub revision: u64,
}
