//! What a change would do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a change would do, asked for with `?dry_run=true`. Nothing has been changed.
///
/// Flows of stable slots are recorded nowhere, so nobody can say how many there are: of these the plan knows the slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanStatus {
    /// Name of the pool.
    pub pool: String,
    /// Name of the backend that would be changed.
    pub backend: String,
    /// Slots of the pool's table.
    pub slots: u32,
    /// Slots whose new flows would go to another backend than before.
    pub slots_moved: u32,
    /// Slots of every backend before and after.
    pub shares: Vec<PlanShare>,
    /// Remembered flows of the backend that would be changed.
    pub pins: u64,
    /// Sessions that would break; absent when none would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaks: Option<PlanBreaks>,
    /// Why the change would have no effect yet, for people to read; absent when it would at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
}

/// Slots of one backend before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanShare {
    /// Name of the backend.
    pub name: String,
    /// Slots it owns.
    pub before: u32,
    /// Slots it would own.
    pub after: u32,
}

/// Sessions that would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanBreaks {
    /// Remembered flows.
    pub pins: u64,
    /// Slots all of whose unrecorded flows would break; how many these are is not known.
    pub slots: u32,
    /// Seconds until then: 0, or a drain's deadline. Flows that end before do not break.
    pub after_seconds: u64,
}
