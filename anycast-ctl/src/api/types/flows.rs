//! Remembered flows.

use std::net::IpAddr;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Some of the flows that are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowsStatus {
    /// The flows, in the order that was asked for.
    pub flows: Vec<FlowStatus>,
    /// Remembered flows that were looked at.
    pub read: u64,
    /// Those of them that were asked for; more than are listed when there is a limit.
    pub matched: u64,
    /// Where reading goes on, for `?after=`; absent at the end, and where flows were sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One remembered flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowStatus {
    /// The client's address.
    #[schema(value_type = String)]
    pub source: IpAddr,
    /// The client's port.
    pub source_port: u16,
    /// The VIP's address.
    #[schema(value_type = String)]
    pub destination: IpAddr,
    /// The VIP's port.
    pub destination_port: u16,
    /// The protocol.
    pub protocol: FlowProtocol,
    /// Name of the VIP; absent when there is none with that address any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip: Option<String>,
    /// Name of the backend's pool; absent when nobody knows any more whose the flow was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Name of the backend; absent as `pool` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub backend_address: Option<IpAddr>,
    /// Whether the backend was removed.
    pub backend_removed: bool,
    /// How much is known of it.
    pub state: FlowState,
    /// Since it showed its last packet, to about a second.
    pub silent_seconds: u64,
    /// Its slot; absent when none decides about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
    /// Why it is remembered.
    pub kept: Kept,
}

/// Protocols whose flows are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FlowProtocol {
    /// TCP.
    Tcp,
    /// UDP, QUIC among it.
    Udp,
}

/// How much is known of a remembered flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FlowState {
    /// Only its opening packet was seen.
    Embryonic,
    /// It is pinned: it went on after its opening packet.
    Pinned,
}

/// Why a flow is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Its slot is in transition and belongs to another backend by now: the slot stays in transition because of it.
    HoldsSlot,
    /// Its slot is in transition and belongs to its backend: without the record it would be taken for the base owner's.
    InTransition,
    /// Its pool remembers all UDP flows.
    UdpPinned,
    /// Its slot is stable: nobody reads the record, which is forgotten once the flow is silent.
    SlotStable,
    /// It has been silent for the idle timeout: the next sweep forgets it.
    Silent,
    /// Its backend is gone: the next sweep forgets it.
    BackendGone,
    /// Its VIP is gone: the next sweep forgets it.
    VipGone,
}

/// By what remembered flows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FlowOrder {
    /// Those that were silent longest first.
    Age,
    /// Those that showed a packet last first.
    Recent,
    /// By the client's address and port.
    Source,
    /// By pool and backend.
    Backend,
    /// By VIP.
    Vip,
}

/// By what remembered flows are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FlowGroup {
    /// By pool and backend.
    #[default]
    Backend,
    /// By VIP.
    Vip,
}

/// How many flows are remembered, and of whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowCounts {
    /// By what they are counted.
    pub by: FlowGroup,
    /// Those that have any, by name.
    pub groups: Vec<FlowCount>,
    /// All of them together.
    pub total: FlowTally,
    /// Pins there is room for.
    pub pins_capacity: u32,
    /// Embryonic flows there is room for.
    pub embryonic_capacity: u32,
}

/// The remembered flows of one backend or VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowCount {
    /// `POOL/BACKEND`, or the name of a VIP; absent when nobody knows any more whose they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the backend was removed.
    pub removed: bool,
    /// How many.
    #[serde(flatten)]
    pub tally: FlowTally,
}

/// Remembered flows, by how much is known of them and why they are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowTally {
    /// Pins.
    pub pinned: u64,
    /// Flows of which only the opening packet was seen.
    pub embryonic: u64,
    /// Of both, those that hold their slot in transition.
    pub holding: u64,
    /// Of both, those that have ended, and that the next sweep forgets.
    pub ended: u64,
}
