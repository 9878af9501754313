//! The desired state: what the operator wants this host to steer, and the rules it must keep.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::spelling::quoted;

mod check;
mod delivery;
mod maps;
mod prime;

pub use check::Problem;
pub use delivery::{Delivery, TunnelSettings, VlanTags};
pub use maps::MapSizes;
pub use prime::{is_prime, next_prime};

/// Slots a pool gets when its entry names no number: the prime the Maglev paper calls small (section 5.3).
pub const DEFAULT_SLOTS: u32 = 65_537;

/// How long a flow may be silent in a pool whose entry does not say.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// ICMP errors that a CPU may send in a second when the site does not say.
pub const DEFAULT_TOO_BIG_PER_SECOND: u32 = 1_000;

/// Everything one host steers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Interfaces the XDP program is attached to.
    pub interfaces: Vec<String>,
    /// Secret key of the flow hash and of the slot tables, shared by all hosts of a fleet.
    /// `None`: the daemon draws one, and no other host steers alike.
    pub seed: Option<Seed>,
    /// Sizes of the dataplane's maps.
    pub maps: MapSizes,
    /// What the outer headers of tunnels have in common.
    pub tunnel: TunnelSettings,
    /// ICMP errors that a CPU may send in a second about packets that do not fit; 0: none.
    pub too_big_per_second: u32,
    /// The pools, in the order they were written.
    pub pools: Vec<Pool>,
    /// The VIPs, in the order they were written.
    pub vips: Vec<Vip>,
}

/// A secret key of the flow hash. `Debug` does not show it: who knows it can aim at one backend.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// From the key itself.
    pub const fn new(key: u64) -> Self {
        Self(key)
    }

    /// The key itself.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// A named set of backends that share one slot table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Unique among pools.
    pub name: String,
    /// Slots of the table: a prime, at least the number of backends.
    pub slots: u32,
    /// How packets get to those of its backends that do not say.
    pub delivery: Delivery,
    /// How its UDP flows are remembered.
    pub udp: UdpPolicy,
    /// What becomes of the flows of a backend that is down.
    pub on_down: OnDown,
    /// How long a flow may be silent before it is taken for ended. 1 s to 24 h, in whole seconds.
    pub idle_timeout: Duration,
    /// The servers.
    pub backends: Vec<Backend>,
}

/// One server of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// Unique within its pool.
    pub name: String,
    /// The server's own address: where its next hop is looked up, and where tunnels end.
    pub address: IpAddr,
    /// Share of the pool's new flows, relative to the other weights. At least 1.
    #[serde(default = "default_weight")]
    pub weight: u32,
    /// How packets get to it; `None`: as its pool has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
}

impl Backend {
    /// One of weight 1 that is reached as its pool has it.
    pub fn new(name: impl Into<String>, address: IpAddr) -> Self {
        Self { name: name.into(), address, weight: default_weight(), delivery: None }
    }
}

/// The weight of a backend whose entry names none.
pub const fn default_weight() -> u32 {
    1
}

/// A named anycast address, its services, and the pool that serves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// Unique among VIPs.
    pub name: String,
    /// The anycast address. Unique among VIPs.
    pub address: IpAddr,
    /// What is served on it. At least one.
    pub services: Vec<Service>,
    /// Name of the pool that serves it.
    pub pool: String,
    /// What happens to packets for a protocol and port no service names.
    pub on_unknown_port: OnUnknownPort,
    /// Whether pings of it are answered here.
    pub echo: bool,
}

/// One service of a VIP, written `tcp/443`, `udp/53` or `tcp/any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Service {
    /// Transport protocol.
    pub protocol: Protocol,
    /// Destination port; 0 means any port that no other service of the VIP names.
    pub port: u16,
}

/// A transport protocol that can be steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// RFC 9293, protocol number 6.
    Tcp,
    /// RFC 768, protocol number 17.
    Udp,
}

impl Protocol {
    /// The IANA protocol number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// How UDP flows are remembered. UDP has no packet that opens a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UdpPolicy {
    /// Not at all: each datagram goes to the slot's current owner. For DNS.
    #[default]
    Stateless,
    /// Every flow from its first datagram.
    Pinned,
    /// As TCP: QUIC's Initial packets open a flow (RFC 9000 section 17.2.2, RFC 9369 section 3.2).
    Quic,
}

/// What becomes of the flows of a backend that is down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDown {
    /// They go to another backend, whose RST tells the client at once.
    #[default]
    Reset,
    /// They stay.
    Keep,
}

/// What happens to packets to a VIP address that match no service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknownPort {
    /// They go to this host's own stack.
    #[default]
    Pass,
    /// They are dropped and counted.
    Drop,
}

impl Pool {
    /// A pool of that name in which everything else is what an entry gets that does not say.
    pub fn new(name: impl Into<String>, backends: Vec<Backend>) -> Self {
        Self {
            name: name.into(),
            slots: DEFAULT_SLOTS,
            delivery: Delivery::default(),
            udp: UdpPolicy::default(),
            on_down: OnDown::default(),
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            backends,
        }
    }

    /// The backend of that name.
    pub fn backend(&self, name: &str) -> Option<&Backend> {
        self.backends.iter().find(|backend| backend.name == name)
    }
}

impl Site {
    /// The pool of that name.
    pub fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    /// The pool of that name, to edit.
    pub fn pool_mut(&mut self, name: &str) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|pool| pool.name == name)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            0 => write!(f, "{}/any", self.protocol),
            port => write!(f, "{}/{port}", self.protocol),
        }
    }
}

/// A service that is not written `tcp/443`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no service: write tcp/443, udp/53 or tcp/any", quoted(.0))]
pub struct ServiceError(String);

impl FromStr for Service {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ServiceError(text.to_owned());
        let (protocol, port) = text.split_once('/').ok_or_else(wrong)?;
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err(wrong()),
        };
        let port = match port {
            "any" => 0,
            // `parse` would let a sign through.
            digits if digits.starts_with('+') => return Err(wrong()),
            digits => match digits.parse() {
                Ok(0) | Err(_) => return Err(wrong()),
                Ok(port) => port,
            },
        };
        Ok(Self { protocol, port })
    }
}

impl TryFrom<String> for Service {
    type Error = ServiceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Service> for String {
    fn from(service: Service) -> Self {
        service.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn a_seed_is_not_shown() {
        assert_eq!(format!("{:?}", Some(Seed::new(0xdead_beef))), "Some(Seed(…))");
    }
}
