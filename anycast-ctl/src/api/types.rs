//! What the socket API says, as JSON. The CLI prints these with `--json` unchanged.

mod announce;
mod backend;
mod capture;
mod catchment;
mod change;
mod drift;
mod event;
mod explain;
mod flows;
mod happened;
mod health;
mod hook;
mod host;
mod plan;
mod pool;
mod revision;
mod rights;
mod schema;
mod status;
mod told;
mod top;
mod vip;
mod web;

pub use announce::{
    AnnounceBrief, AnnounceEvent, AnnounceStatus, AnnounceTransition, NewHand, NewMaintenance, NextStatus,
    RatesStatus, RoutingDaemonStatus, VipAnnouncement,
};
pub use backend::{BackendState, BackendStatus, DrainStatus, NextHopStatus};
pub use capture::{
    CaptureLine, CaptureSide, CaptureStatus, CaptureTally, CapturedPacket, CapturedSlot, NewCapture,
};
pub use catchment::{CatchmentFigures, CatchmentPrefix, CatchmentStatus, HandshakesStatus, SpreadStatus};
pub use change::{ApiError, Committed, NewBackend, NewDrain, NewHealth, NewWeight, RevisionStatus};
pub use drift::{DriftStatus, ReconcileStatus};
pub use event::{BehindStatus, Event, Progress};
pub use explain::{
    CounterMove, ExplainQuestion, ExplainWay, ExplainedBackend, ExplainedDelivery, ExplainedEffect,
    ExplainedFlow, ExplainedOutcome, ExplainedOwner, ExplainedPacket, ExplainedPin, ExplainedReason,
    ExplainedSlot, ExplainedVip, ExplainedWhy, Explanation, Fragment, IcmpError, PacketChange, PacketField,
    PacketKind, PacketLayer,
};
pub use flows::{
    FlowCount, FlowCounts, FlowGroup, FlowOrder, FlowProtocol, FlowState, FlowStatus, FlowTally, FlowsStatus,
    Kept,
};
pub use happened::{
    CapacityEvent, DaemonEvent, DaemonStep, DrainEvent, DrainStep, DropEvent, LogStatus, NewLog,
    RequestEvent, TableEvent,
};
pub use health::{
    BackendHealth, CheckResult, CheckerStatus, ChecksStatus, HealthEvent, HealthStatus, PanicStatus,
    PenaltyStatus, PoolHealth,
};
pub use hook::{HookState, HookStatus};
pub use host::{HostStatus, PoolBackendStatus};
pub use plan::{PlanBreaks, PlanShare, PlanStatus, PoolPlan, VipPlan};
pub use pool::{BaseOwnerStatus, PoolStatus, SlotOwner, SlotRun, SlotsStatus, TransitionStatus};
pub use revision::{NewRollback, RevisionDetail};
pub use rights::{CapabilityStatus, RightsStatus};
pub use status::{DetailStatus, InterfaceStatus, MapStatus, MapsStatus, ReasonStatus, Status, XdpMode};
pub use told::{Severity, Told};
pub use top::{TopBy, TopRow, TopStatus};
pub use vip::{Traffic, VipBackendStatus, VipStatus};
pub use web::WebStatus;
