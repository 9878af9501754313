//! What the socket API says, as JSON. The CLI prints these with `--json` unchanged.

mod backend;
mod change;
mod plan;
mod pool;
mod schema;
mod status;
mod vip;

pub use backend::{BackendState, BackendStatus, DrainStatus, NextHopStatus};
pub use change::{ApiError, Change, NewBackend, NewDrain, NewHealth, NewWeight};
pub use plan::{PlanBreaks, PlanShare, PlanStatus};
pub use pool::{BaseOwnerStatus, PoolStatus, SlotOwner, SlotRun, SlotsStatus, TransitionStatus};
pub use status::{DetailStatus, InterfaceStatus, MapStatus, MapsStatus, ReasonStatus, Status, XdpMode};
pub use vip::{Traffic, VipBackendStatus, VipStatus};
