//! What a change would do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{SiteDiff, diff::Change};

/// What a change would do, asked for with `?dry_run=true`. Nothing has been changed.
///
/// Flows of stable slots are recorded nowhere, so nobody can say how many there are: of these the plan knows the slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanStatus {
    /// The revision that would be changed; 0 before the first.
    pub revision: u64,
    /// What the change is, on one line.
    pub what: String,
    /// What would differ in the desired state.
    pub diff: SiteDiff,
    /// Pools whose slots or sessions it would touch.
    pub pools: Vec<PoolPlan>,
    /// VIPs it would touch.
    pub vips: Vec<VipPlan>,
    /// What takes more than this change, for people to read.
    pub notes: Vec<String>,
}

/// What a change would do to a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolPlan {
    /// Name of the pool.
    pub pool: String,
    /// What becomes of it.
    pub change: Change,
    /// Slots of its table.
    pub slots: u32,
    /// Slots whose new flows would go to another backend than before.
    pub slots_moved: u32,
    /// Slots of every backend before and after.
    pub shares: Vec<PlanShare>,
    /// Remembered flows of the backends that would be changed.
    pub pins: u64,
    /// Sessions that would break, by backend; none of the others would.
    pub breaks: Vec<PlanBreaks>,
    /// Why the change would not have its whole effect at once, for people to read.
    pub pending: Vec<String>,
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

/// Sessions of one backend that would break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanBreaks {
    /// Name of the backend.
    pub backend: String,
    /// Remembered flows.
    pub pins: u64,
    /// Slots all of whose unrecorded flows would break; how many these are is not known.
    pub slots: u32,
    /// Seconds until then: 0, or a drain's deadline. Flows that end before do not break.
    pub after_seconds: u64,
}

/// What a change would do to a VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VipPlan {
    /// Name of the VIP.
    pub vip: String,
    /// What becomes of it.
    pub change: Change,
    /// Which sessions would break, for people to read; absent when none would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaks: Option<String>,
}

impl PlanStatus {
    /// Whether any session would break.
    pub fn breaks_sessions(&self) -> bool {
        self.pools.iter().any(|pool| !pool.breaks.is_empty())
            || self.vips.iter().any(|vip| vip.breaks.is_some())
    }
}
