//! What somebody changed in the maps.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::utc::Utc;

/// `POST /v1/reconcile`: what the maps held that they should not, and the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReconcileStatus {
    /// Each thing in words; empty when the maps hold what they should.
    pub drifted: Vec<String>,
    /// Whether it was put right; `false` after `?dry_run=true`.
    pub repaired: bool,
}

/// How often the maps were compared with what was put there, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DriftStatus {
    /// Comparisons since the daemon started.
    pub checks: u64,
    /// Things that had drifted and were put right, in all of them.
    pub repaired: u64,
    /// When something had drifted last; absent when nothing ever did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Utc>,
    /// What it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_drifted: Vec<String>,
}
