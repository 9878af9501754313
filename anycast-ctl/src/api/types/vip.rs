//! VIPs and their traffic.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DetailStatus, ReasonStatus};
use crate::model::{OnUnknownPort, Service};

/// Packets, bytes and new flows since the program was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Traffic {
    /// Packets delivered.
    pub packets: u64,
    /// Bytes of those packets, from the IP header on.
    pub bytes: u64,
    /// Packets that opened a flow: TCP SYN without ACK.
    pub new_flows: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.new_flows += other.new_flows;
    }
}

impl From<anycast_common::counter::Traffic> for Traffic {
    fn from(traffic: anycast_common::counter::Traffic) -> Self {
        Self { packets: traffic.packets, bytes: traffic.bytes, new_flows: traffic.new_flows }
    }
}

/// One VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VipStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Its services.
    pub services: Vec<Service>,
    /// The pool that serves it.
    pub pool: String,
    /// What happens to packets no service names.
    pub on_unknown_port: OnUnknownPort,
    /// Whether pings are answered here.
    pub echo: bool,
    /// Delivered to any backend, removed ones included.
    pub traffic: Traffic,
    /// Reasons for which packets to this VIP were not delivered; those with no packets are left out.
    pub reasons: Vec<ReasonStatus>,
    /// How packets to this VIP came to their outcome, where that is worth counting; details with no packets are left out.
    pub details: Vec<DetailStatus>,
    /// Delivered per backend, removed ones included; backends that got nothing are left out.
    pub backends: Vec<VipBackendStatus>,
}

/// What one backend got of one VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VipBackendStatus {
    /// Name of the backend.
    pub name: String,
    /// Its address: a removed backend may share its name with another one.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Delivered to it.
    pub traffic: Traffic,
}
