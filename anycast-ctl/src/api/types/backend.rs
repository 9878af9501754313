//! Backends as they stand.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Traffic;
use crate::model::Delivery;

/// One backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackendStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Its weight.
    pub weight: u32,
    /// How packets get to it.
    pub delivery: Delivery,
    /// Whether it takes new flows only while none of its pool's others may that are no backups.
    #[serde(default)]
    pub backup: bool,
    /// Bytes of the largest packet that fits the way to it: the path MTU, less the outer headers. Absent while it is not
    /// reached, and where any packet fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
    /// Whether it is steered to.
    pub state: BackendState,
    /// Why it is not steered to, or not now, for people to read; absent while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where its frames go; absent while it is not reached, and where they stay on this host.
    pub next_hop: Option<NextHopStatus>,
    /// Slots of the pool's table that are its own.
    pub slots: u32,
    /// Slots its weight entitles it to, among the backends that are neither draining nor down; a backup's, while others take
    /// new flows: none.
    pub slots_wanted: u32,
    /// Flows that are remembered as its own, as the last sweep counted them. Flows of stable slots are not remembered.
    pub pins: u64,
    /// Its drain; absent while it is not draining.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<DrainStatus>,
    /// Delivered to it, all VIPs together.
    pub traffic: Traffic,
}

/// Whether a backend is steered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackendState {
    /// It has slots, or is a backup that has them when no other can.
    Up,
    /// It gets no new flows; those it has live on.
    Draining,
    /// The site has it disabled: no flows at all.
    Disabled,
    /// Its checks fail, or it was marked down: no slots.
    Down,
    /// No check has judged it yet: no slots.
    Waiting,
    /// There is no way to it, mostly as its next hop's link-layer address is unknown: no slots.
    Unresolved,
    /// It was removed; its counters are still shown.
    Removed,
}

impl BackendState {
    /// It, as JSON has it: `up`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Draining => "draining",
            Self::Disabled => "disabled",
            Self::Down => "down",
            Self::Waiting => "waiting",
            Self::Unresolved => "unresolved",
            Self::Removed => "removed",
        }
    }
}

/// A drain under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrainStatus {
    /// Seconds until flows that still live are given up; absent when they are waited for without end.
    pub remaining_seconds: Option<u64>,
    /// Flows that are remembered as its own, as the last sweep counted them, those included of which only the opening
    /// packet was seen.
    #[serde(default)]
    pub flows: u64,
    /// Slots that wait for its flows of before, whose number nobody knows: it is their base owner.
    #[serde(default)]
    pub slots: u32,
    /// Whether no flow of its is left, or the deadline has passed.
    #[serde(default)]
    pub empty: bool,
    /// Whether it is removed from its pool when no flow of its is left.
    #[serde(default)]
    pub removes: bool,
    /// Whether it would be, were it not the last of its pool.
    #[serde(default)]
    pub last: bool,
}

/// Where frames for a backend go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextHopStatus {
    /// Interface they leave by.
    pub interface: String,
    /// The neighbour: the backend itself or its gateway.
    #[schema(value_type = String)]
    pub neighbour: IpAddr,
    /// The neighbour's link-layer address, `02:00:00:00:00:01`.
    pub mac: String,
}
