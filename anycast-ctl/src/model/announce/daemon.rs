//! What each routing daemon needs to be told how to reach it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{choice::choice, shape};

/// What stands for the name of the VIP in the names of protocols.
pub const VIP_PLACE: &str = "{vip}";

/// BIRD 2, by its control socket. Either its operator has a protocol for each VIP, which is enabled and disabled, or this
/// daemon writes a file that BIRD's configuration includes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BirdSettings {
    /// Path of its control socket.
    #[schema(value_type = String)]
    #[schemars(with = "String")]
    pub socket: PathBuf,
    /// Name of the protocol that has a VIP's route. `{vip}` is the VIP's name, `_` in place of what BIRD's names cannot have.
    pub protocol: String,
    /// Name of the protocol that has the same route as it is while it is about to go; left out: routes go at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_protocol: Option<String>,
    /// File that this daemon writes and BIRD's configuration includes; then it needs no protocols of its operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    #[schemars(with = "Option<String>")]
    pub include: Option<PathBuf>,
}

impl Default for BirdSettings {
    fn default() -> Self {
        Self {
            socket: "/run/bird/bird.ctl".into(),
            protocol: format!("anycast_{VIP_PLACE}"),
            shutdown_protocol: None,
            include: None,
        }
    }
}

/// ExaBGP 4, by its process API: either as a process that it runs, `anycast-ctl announce relay`, or over its named pipes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExabgpSettings {
    /// Socket at which the relay finds this daemon; left out: /run/anycast/INSTANCE.exabgp.sock.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    #[schemars(with = "Option<String>")]
    pub socket: Option<PathBuf>,
    /// Directory of its named pipes, exabgp.in and exabgp.out; then there is no relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    #[schemars(with = "Option<String>")]
    pub pipes: Option<PathBuf>,
}

/// FRR, by vtysh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FrrSettings {
    /// The program.
    #[schema(value_type = String)]
    #[schemars(with = "String")]
    pub vtysh: PathBuf,
    /// Directory of the daemons' sockets.
    #[schema(value_type = String)]
    #[schemars(with = "String")]
    pub sockets: PathBuf,
}

impl Default for FrrSettings {
    fn default() -> Self {
        Self { vtysh: "/usr/bin/vtysh".into(), sockets: "/run/frr".into() }
    }
}

/// GoBGP 3, by gRPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GobgpSettings {
    /// Where it listens: `http://127.0.0.1:50051`, or `unix:///run/gobgp.sock`.
    pub endpoint: String,
}

impl Default for GobgpSettings {
    fn default() -> Self {
        Self { endpoint: "http://127.0.0.1:50051".to_owned() }
    }
}

/// No daemon: the VIP is an address or a route of this host's, and any routing daemon redistributes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KernelSettings {
    /// Which.
    pub mode: KernelMode,
    /// The interface that has the address, or that the route leads to.
    #[schemars(with = "shape::InterfaceName")]
    pub interface: String,
    /// The table of the route; 254 is the main one.
    #[schemars(range(min = 1, max = u32::MAX))]
    pub table: u32,
    /// The number (rtm_protocol) by which this daemon knows what is its own, and routing daemons may. 5 to 255.
    #[schemars(range(min = 5))]
    pub protocol: u8,
    /// The metric of the route.
    #[schemars(range(max = u32::MAX))]
    pub metric: u32,
    /// The metric it has while it is about to go, which the routing daemon may know it by; left out: it goes at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = u32::MAX))]
    pub shutdown_metric: Option<u32>,
}

impl Default for KernelSettings {
    fn default() -> Self {
        Self {
            mode: KernelMode::default(),
            interface: "lo".to_owned(),
            table: 254,
            protocol: 77,
            metric: 100,
            shutdown_metric: None,
        }
    }
}

choice! {
    /// What a VIP is in the kernel's tables.
    KernelMode {
        /// A route of its prefix.
        #[default]
        Route,
        /// An address of the interface.
        Address,
    }
}

impl BirdSettings {
    /// The name of a VIP's protocol by one of the patterns. BIRD's names have letters, digits and `_`.
    pub fn protocol_of(pattern: &str, vip: &str) -> String {
        let allowed = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
        let vip: String = vip.chars().map(allowed).collect();
        pattern.replacen(VIP_PLACE, &vip, 1)
    }
}
