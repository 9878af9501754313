//! What the controller says of the VIPs: everything that decides about their announcement but health.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    model::{Announce, AnnouncePolicy, MinHealthy},
    utc::Utc,
};

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// How routes are announced; `None`: not at all.
    pub announce: Option<Arc<Announce>>,
    /// Every pool of the site, by name.
    pub pools: BTreeMap<Arc<str>, PoolOrder>,
    /// Every VIP of the site, by name.
    pub vips: BTreeMap<String, VipOrder>,
    /// While the whole site is to be left alone by clients.
    pub maintenance: Option<Maintenance>,
    /// Why nothing is steered at all, if nothing is: the program is on no interface.
    pub unsteered: Option<Arc<str>>,
    /// Set while this daemon, or its dataplane, is on its way out.
    pub leaving: Option<Leaving>,
    /// Whether the maps were brought to the site at least once: before that, what was announced stays.
    pub is_ready: bool,
}

/// One VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VipOrder {
    /// Its address.
    pub address: IpAddr,
    /// What is announced for it.
    pub prefix: IpNet,
    /// Its pool.
    pub pool: Arc<str>,
    /// When it is announced.
    pub policy: AnnouncePolicy,
    /// How many must be well; `None`: as its pool has it.
    pub min_healthy: Option<MinHealthy>,
    /// Why packets to it are not steered, if they are not.
    pub unsteered: Option<Arc<str>>,
    /// What the operator wants of it in particular.
    pub by_hand: Option<ByHand>,
}

/// One pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolOrder {
    /// How many must be well; `None`: one.
    pub min_healthy: Option<MinHealthy>,
    /// Backends that may be steered to if their checks have nothing against it: active ones with a way to them. Backups are not
    /// among them.
    pub candidates: Vec<Candidate>,
    /// Backends that are active, backups not counted: what a share is a share of.
    pub active: u32,
    /// Backends that are draining, and have not been given up.
    pub draining: u32,
    /// Slots that are in transition: flows are not all where any host would send them.
    pub moving: u32,
    /// Whether new flows go to backups while the site is drained.
    pub diverts: bool,
}

/// A backend that may be well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its address.
    pub address: IpAddr,
    /// Whether it is checked; one that is not is well.
    pub is_checked: bool,
}

/// The whole site is in maintenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Maintenance {
    /// Since when.
    pub since: Utc,
    /// When flows that are left are given up; absent: they are waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Utc>,
    /// Whether routes stay until the drain is begun anew without that, so that all hosts of the site leave together.
    #[serde(default)]
    pub holds: bool,
    /// Who began it.
    pub by: String,
}

/// What an operator wants of one VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ByHand {
    /// What.
    pub what: Hand,
    /// Until when; absent: until it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Utc>,
    /// Who.
    pub by: String,
}

/// What operators can want of one VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hand {
    /// Announced, whatever its health.
    Now,
    /// Withdrawn: routers are told first.
    Withdraw,
    /// Withdrawn at once.
    WithdrawAtOnce,
}

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Routers are told first.
    InOrder,
    /// The routes stay: the next daemon takes them over, or the lease runs out.
    Keep,
}
