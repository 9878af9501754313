//! Announcements.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    announce::{
        driver::{Level, Peer, SeenRoute},
        machine::Phase,
        orders::{ByHand, Hand, Maintenance},
    },
    model::AnnouncePolicy,
    utc::Utc,
};

/// Announcements of all VIPs, and the routing daemon that makes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnnounceStatus {
    /// How things are, in a sentence.
    pub summary: String,
    /// Whether somebody should look.
    pub alarm: bool,
    /// The routing daemon; absent where the site has no `[announce]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon: Option<RoutingDaemonStatus>,
    /// While the whole site is in maintenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
    /// Every VIP, by name.
    pub vips: Vec<VipAnnouncement>,
}

/// Announcements in a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnnounceBrief {
    /// How things are.
    pub summary: String,
    /// Whether somebody should look.
    pub alarm: bool,
}

/// The routing daemon that is driven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoutingDaemonStatus {
    /// Which driver: `bird`, `exabgp`, `frr`, `gobgp` or `kernel`.
    pub driver: String,
    /// What it calls itself; absent before it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it is being driven.
    pub connected: bool,
    /// Since when that is so, in seconds.
    pub since_seconds: u64,
    /// Why it is not driven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How often it was tried in vain since it was last reached.
    pub attempts: u64,
    /// Its neighbours, as it said last.
    pub peers: Vec<Peer>,
    /// When routes are withdrawn if this daemon dies, in seconds without a sign of it; 0: never.
    pub lease_seconds: u64,
    /// Whether somebody watches the lease.
    pub watched: bool,
}

/// The announcement of one VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VipAnnouncement {
    /// Name of the VIP.
    pub name: String,
    /// Its address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// What is announced for it.
    pub prefix: String,
    /// Where its announcement is.
    pub phase: Phase,
    /// Since when, in seconds.
    pub since_seconds: u64,
    /// Why.
    pub why: String,
    /// What will happen by itself; absent when nothing will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextStatus>,
    /// Whether what it lingers for is over, so that it could leave without breaking anything.
    #[serde(default)]
    pub ready: bool,
    /// When it is to be announced.
    pub policy: AnnouncePolicy,
    /// What an operator wants of it in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<ByHand>,
    /// Backends that are well.
    pub healthy: u32,
    /// Backends that are active, backups not counted.
    pub active: u32,
    /// Backends that must be well.
    pub needed: u32,
    /// What is wrong with it, so that somebody should look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// What the routing daemon has of it, as it said last; absent when it has nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<SeenRoute>,
    /// Its traffic, while a drain waits for it to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<RatesStatus>,
    /// How often it went from one phase to another since the daemon began.
    #[serde(default)]
    pub transitions: u64,
    /// What happened to it, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<AnnounceTransition>,
}

/// What an announcement does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextStatus {
    /// Where it goes.
    pub phase: Phase,
    /// In how many milliseconds at the latest.
    pub in_ms: u64,
}

/// Traffic of a VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RatesStatus {
    /// Packets a second.
    pub packets_per_second: u64,
    /// Those of them that go to the site's own backends.
    pub own_packets_per_second: u64,
    /// New flows a second.
    pub new_flows_per_second: u64,
}

/// Something that happened to an announcement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnnounceTransition {
    /// When.
    pub at: Utc,
    /// Where it was.
    pub before: Phase,
    /// Where it went.
    pub after: Phase,
    /// Why.
    pub why: String,
}

/// Body of `PUT /v1/vips/{vip}/announcement`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHand {
    /// What is wanted.
    pub what: Hand,
    /// For how long, in seconds; absent: until it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// Body of `POST /v1/maintenance`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMaintenance {
    /// When flows that are left are given up, in seconds from now; absent: they are waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
    /// Whether routes stay though they could leave, until this is asked for again without it: all hosts of a site leave together.
    #[serde(default)]
    pub hold: bool,
}

/// What watchers are told of announcements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnnounceEvent {
    /// What kind of thing: `phase`, `trouble`, `daemon` or `maintenance`.
    pub what: String,
    /// Whether somebody should look.
    pub bad: bool,
    /// All of it, for people to read.
    pub text: String,
    /// Name of the VIP; absent when it is about the routing daemon, or the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip: Option<String>,
    /// Of a phase: the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Phase>,
    /// Of a phase: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Phase>,
    /// How far its route is announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
}
