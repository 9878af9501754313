//! What the socket API says, as JSON. The CLI prints these with `--json` unchanged.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::{Backend, OnUnknownPort, Service};

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// Process id of the daemon.
    pub pid: u32,
    /// Seconds since the daemon started steering.
    pub uptime_seconds: u64,
    /// Where the program is attached.
    pub interfaces: Vec<InterfaceStatus>,
    /// `GET /v1/vips` answers these alone.
    pub vips: Vec<VipStatus>,
    /// `GET /v1/pools` answers these alone.
    pub pools: Vec<PoolStatus>,
    /// Every reason for which a packet was not delivered, in the order of their codes.
    pub reasons: Vec<ReasonStatus>,
}

/// One interface the program is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    /// Kernel name.
    pub name: String,
    /// Kernel index.
    pub index: u32,
    /// `native` or `generic`.
    pub mode: XdpMode,
    /// Whether it still exists: the program goes with the interface, also when another of its name comes.
    pub present: bool,
}

/// How the program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum XdpMode {
    /// In the driver, before an skb exists.
    Native,
    /// In the stack, on any interface; slow.
    Generic,
}

/// Packets, bytes and new flows since the program was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VipStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its services.
    pub services: Vec<Service>,
    /// The pool that serves it.
    pub pool: String,
    /// What happens to packets no service names.
    pub on_unknown_port: OnUnknownPort,
    /// Delivered to any backend, removed ones included.
    pub traffic: Traffic,
    /// Reasons for which packets to this VIP were not delivered; those with no packets are left out.
    pub reasons: Vec<ReasonStatus>,
    /// Delivered per backend, removed ones included.
    pub backends: Vec<VipBackendStatus>,
}

/// What one backend got of one VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VipBackendStatus {
    /// Name of the backend.
    pub name: String,
    /// Its address: a removed backend may share its name with another one.
    pub address: IpAddr,
    /// Delivered to it.
    pub traffic: Traffic,
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStatus {
    /// Its name.
    pub name: String,
    /// Slots of its table.
    pub slots: u32,
    /// `GET /v1/pools/{pool}/backends` answers these alone. Removed backends follow the others.
    pub backends: Vec<BackendStatus>,
}

/// One backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its weight.
    pub weight: u32,
    /// Whether it is steered to.
    pub state: BackendState,
    /// Why it is not steered to, for people to read; absent while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How it is reached; absent while it is not.
    pub next_hop: Option<NextHopStatus>,
    /// Slots of the pool's table that are its own.
    pub slots: u32,
    /// Delivered to it, all VIPs together.
    pub traffic: Traffic,
}

/// Whether a backend is steered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendState {
    /// It has slots.
    Up,
    /// Its next hop's link-layer address is unknown: no slots.
    Unresolved,
    /// It was removed; its counters are still shown.
    Removed,
}

/// Where frames for a backend go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHopStatus {
    /// Interface they leave by.
    pub interface: String,
    /// The neighbour: the backend itself or its gateway.
    pub neighbour: IpAddr,
    /// The neighbour's link-layer address, `02:00:00:00:00:01`.
    pub mac: String,
}

/// Packets for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonStatus {
    /// Its number, never reused.
    pub code: u32,
    /// Its label.
    pub reason: String,
    /// `pass` or `drop`.
    pub verdict: String,
    /// Packets.
    pub packets: u64,
}

/// Body of `POST /v1/pools/{pool}/backends`.
pub type NewBackend = Backend;

/// Body of every answer that is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// What is wrong and what to do next.
    pub error: String,
}
