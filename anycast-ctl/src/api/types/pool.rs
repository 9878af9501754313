//! Pools and their slot tables.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::BackendStatus;
use crate::model::{Delivery, OnDown, OnEmpty, UdpPolicy};

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolStatus {
    /// Its name.
    pub name: String,
    /// Slots of its table.
    pub slots: u32,
    /// How packets get to those of its backends that do not say.
    pub delivery: Delivery,
    /// How its UDP flows are remembered.
    pub udp: UdpPolicy,
    /// What becomes of the flows of a backend that is down.
    pub on_down: OnDown,
    /// What happens to its packets while nobody of it is left.
    pub on_empty: OnEmpty,
    /// Seconds a flow may be silent before it is taken for ended.
    pub idle_timeout_seconds: u64,
    /// Its slots in transition.
    pub transition: TransitionStatus,
    /// `GET /v1/pools/{pool}/backends` answers these alone. Removed backends follow the others.
    pub backends: Vec<BackendStatus>,
}

/// The slots of a pool that remember a base owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransitionStatus {
    /// How many.
    pub slots: u32,
    /// Seconds since the pool last had none; absent while it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_seconds: Option<u64>,
    /// Whose flows are waited for, the one with the most slots first.
    pub base_owners: Vec<BaseOwnerStatus>,
}

/// A backend whose flows of before a transition may live on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BaseOwnerStatus {
    /// Name of the backend.
    pub name: String,
    /// Its address: a removed backend may share its name with another one.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Slots of which it is the base owner.
    pub slots: u32,
}

/// `GET /v1/pools/{pool}/slots`: the whole slot table, in runs of slots that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlotsStatus {
    /// Name of the pool.
    pub pool: String,
    /// Slots of its table; 0 while the pool has no usable backend.
    pub slots: u32,
    /// The backends that runs name by their place in this list.
    pub backends: Vec<SlotOwner>,
    /// In the order of the slots, without gaps.
    pub runs: Vec<SlotRun>,
}

/// A backend that owns slots, or did before a transition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlotOwner {
    /// Name of the backend.
    pub name: String,
    /// Its address.
    #[schema(value_type = String)]
    pub address: IpAddr,
}

/// Consecutive slots that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlotRun {
    /// The first slot.
    pub first: u32,
    /// How many.
    pub length: u32,
    /// Who owns them; absent when nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<u16>,
    /// Their base owner; absent when they are stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u16>,
}
