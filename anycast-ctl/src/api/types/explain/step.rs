//! The steps of a walk.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ExplainedOwner;
use crate::{api::types::BackendState, model::Service};

/// Why a packet is not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedReason {
    /// Its number, never reused.
    pub code: u32,
    /// Its label.
    pub reason: String,
    /// What it means.
    pub description: String,
}

/// The VIP a packet is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedVip {
    /// Its name.
    pub name: String,
    /// Its address; absent if it was removed while this was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// Name of its pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// The service that takes the packet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
}

/// The flow a packet is steered by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedFlow {
    /// `tcp`, `udp`, or the IANA number of another protocol.
    pub protocol: String,
    /// The client's address.
    #[schema(value_type = String)]
    pub source: IpAddr,
    /// Its port.
    pub source_port: u16,
    /// The VIP's address.
    #[schema(value_type = String)]
    pub destination: IpAddr,
    /// Its port.
    pub destination_port: u16,
    /// Whether it is not the packet's own, but the one that an ICMP error quotes.
    pub quoted: bool,
    /// `opens`, `continues`, `ends`, `datagram`, `pinned` or `reports`: what the packet means for it.
    pub kind: String,
}

/// The slot a flow falls into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedSlot {
    /// The flow hash: 16 hexadecimal digits, of which the first eight place it.
    pub hash: String,
    /// Its slot.
    pub slot: u32,
    /// Slots of the pool's table.
    pub slots: u32,
    /// Whether the slot is in transition.
    pub in_transition: bool,
    /// Who owns it; absent if nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<ExplainedOwner>,
    /// Who owned it before; absent while it is stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ExplainedOwner>,
}

/// What is remembered of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedPin {
    /// `pins`, or `embryonic` while only the opening packet was seen.
    pub map: String,
    /// Where it goes.
    pub backend: ExplainedOwner,
    /// Seconds since its last packet, as coarse as the program has it: steps of 1.07 s.
    pub idle_seconds: u64,
    /// Why it is not followed; absent if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
}

/// Why a packet goes to a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedWhy {
    /// `current`, `opened`, `pinned`, `base`, `reset`, or `first_fragment`.
    pub why: String,
    /// What it means, for people to read.
    pub text: String,
}

/// The backend a packet goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedBackend {
    /// Name of its pool; absent if nobody has the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Its name.
    pub name: String,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// Whether the program can deliver to it.
    pub usable: bool,
    /// How it is as the controller sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<BackendState>,
    /// What there is to say of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How a packet gets to its backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedDelivery {
    /// `l2`, `local`, or `ipip` and `gue` with the family of the outer headers: `ipip4`, `gue6`.
    pub mode: String,
    /// Bytes of the largest IP packet that fits; absent where any does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
    /// Name of the interface it leaves by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Ethernet source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_mac: Option<String>,
    /// Ethernet destination: the backend, or its gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_mac: Option<String>,
}
