//! How packets get to backends, as the operator has it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use anycast_common::tunnel::GUE_PORT;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Backend, Pool, choice::choice, shape};

choice! {
    /// How packets get to a backend. The outer header of a tunnel is of the family of the backend's address, whatever the VIP's.
    Delivery {
        /// Its frame is readdressed: the backend, or a gateway that knows the VIP, is on a segment of this host
        #[default]
        L2,
        /// In an outer IPv4 or IPv6 header, over any routed network
        Ipip,
        /// In outer IP and UDP headers (GUE), so that routers and receive queues spread flows
        Gue,
        /// To this host's own stack: the host is the backend
        Local,
    }
}

impl Delivery {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::L2, Self::Ipip, Self::Gue, Self::Local];

    /// Whether packets get outer headers.
    pub const fn is_tunnel(self) -> bool {
        matches!(self, Self::Ipip | Self::Gue)
    }
}

/// What the outer headers of all tunnels have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TunnelSettings {
    /// Source addresses, at most one of each family. A family without one: the kernel's choice for the way to the backend.
    #[serde(rename = "source")]
    #[schema(value_type = Vec<String>)]
    #[schemars(with = "Vec<shape::Address>", length(max = 2))]
    pub sources: Vec<IpAddr>,
    /// TTL or hop limit, at least 1.
    #[schemars(range(min = 1))]
    pub ttl: u8,
    /// UDP destination port of GUE, at least 1.
    #[schemars(range(min = 1))]
    pub gue_port: u16,
    /// What becomes of the frames' VLAN tags.
    pub vlan: VlanTags,
}

/// What becomes of a frame's VLAN tags when its packet gets outer headers.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum VlanTags {
    /// They are taken off.
    #[default]
    Strip,
    /// They stay.
    Keep,
    /// One with this VLAN takes their place, or is put on. 1 to 4094.
    #[serde(untagged)]
    Set(#[schemars(range(min = *VlanTags::VLANS.start(), max = *VlanTags::VLANS.end()))] u16),
}

impl VlanTags {
    /// VLANs there are: the last number is reserved (IEEE 802.1Q table 9-2).
    pub const VLANS: RangeInclusive<u16> = 1..=4_094;
}

impl Default for TunnelSettings {
    fn default() -> Self {
        Self { sources: Vec::new(), ttl: 64, gue_port: GUE_PORT, vlan: VlanTags::default() }
    }
}

impl TunnelSettings {
    /// The IPv4 source address.
    pub fn source_v4(&self) -> Option<Ipv4Addr> {
        self.sources.iter().find_map(|source| match source {
            IpAddr::V4(source) => Some(*source),
            IpAddr::V6(_) => None,
        })
    }

    /// The IPv6 source address.
    pub fn source_v6(&self) -> Option<Ipv6Addr> {
        self.sources.iter().find_map(|source| match source {
            IpAddr::V4(_) => None,
            IpAddr::V6(source) => Some(*source),
        })
    }
}

impl Pool {
    /// How packets get to a backend of this pool.
    pub fn delivery_of(&self, backend: &Backend) -> Delivery {
        backend.delivery.unwrap_or(self.delivery)
    }
}
