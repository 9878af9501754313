//! A lab whose edge has the way of checks open to two backends.

use std::collections::BTreeMap;

use anycast_common::probe::Outcome;
use anycast_ctl::{
    health::path::{CheckPath, ProbeWay},
    model::{Delivery, TunnelSettings},
    neighbour::{NextHop, Resolution},
    way::Way,
};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use xtask::lab::{Family, INTERFACE, Lab, Options, OwnedLab, receiver::Receiver, server, transfer::Server};

pub const INSTANCE: &str = "check-path-lab";

/// Indices of the two backends: the least and the greatest there are.
pub const BACKENDS: [u16; 2] = [0, 65_534];

/// How packets get to a backend, and the family of its address where that is not the VIP's.
pub type Mode = (Delivery, Option<Family>);

/// All but `local`.
pub const MODES: [Mode; 5] = [
    (Delivery::L2, None),
    (Delivery::Ipip, Some(Family::V4)),
    (Delivery::Ipip, Some(Family::V6)),
    (Delivery::Gue, Some(Family::V4)),
    (Delivery::Gue, Some(Family::V6)),
];

/// What the program counts when it delivers so.
pub fn outcome_of((delivery, _): Mode) -> Outcome {
    match delivery {
        Delivery::L2 => Outcome::L2,
        Delivery::Ipip => Outcome::Ipip,
        Delivery::Gue => Outcome::Gue,
        Delivery::Local => Outcome::Local,
    }
}

/// The lab; servers and, for tunnels, receivers run on both backends.
pub struct Stage {
    // Dropped in this order.
    pub path: Option<CheckPath>,
    pub runtime: Runtime,
    _servers: Vec<Server>,
    pub receivers: Vec<Receiver>,
    pub lab: OwnedLab,
    pub mode: Mode,
}

impl Stage {
    /// With the way open to both backends.
    pub fn new(mode: Mode) -> Self {
        let mut stage = Self::closed(mode);
        stage.path = Some(stage.open(INSTANCE));
        stage.set(Family::V4);
        stage
    }

    /// Without.
    pub fn closed(mode: Mode) -> Self {
        let binary = Some(env!("CARGO_BIN_EXE_anycast-ctl").into());
        let lab =
            OwnedLab::start(&Options { backends: BACKENDS.len(), binary, ..Options::default() }).unwrap();
        let names: Vec<String> = lab.plan().servers().map(|host| host.name.clone()).collect();
        let receivers = names.iter().filter(|_| mode.0.is_tunnel());
        let receivers = receivers.map(|name| Receiver::start(&lab, name).unwrap()).collect();
        let servers = names.iter().map(|name| Server::start(&lab, name).unwrap()).collect();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { path: None, runtime, _servers: servers, receivers, lab, mode }
    }

    /// Opens the way of an instance on the edge.
    pub fn open(&self, instance: &str) -> CheckPath {
        self.on_edge(CheckPath::open(instance)).unwrap()
    }

    /// Runs a future whose sockets are the edge's.
    pub fn on_edge<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        self.lab.inside("edge", || Ok(self.runtime.block_on(future))).unwrap()
    }

    /// Sets both ways, for VIPs of that family.
    pub fn set(&mut self, family: Family) {
        let ways = BACKENDS.iter().zip(["backend1", "backend2"]);
        let ways = ways.map(|(index, name)| (*index, way(&self.lab, self.mode, family, name))).collect();
        self.path.as_mut().unwrap().set(&ways).unwrap();
    }

    /// The counters that changed while `work` was done.
    pub fn counted<T>(&self, work: impl FnOnce() -> T) -> (T, BTreeMap<&'static str, u64>) {
        let read = || self.path.as_ref().unwrap().counters().unwrap();
        let before = read();
        let done = work();
        let changes = read().into_iter().zip(before).filter(|(after, before)| after != before);
        (done, changes.map(|(after, before)| (after.0.label(), after.1 - before.1)).collect())
    }

    /// Packets to the VIP that reached each backend's host.
    pub fn arrived(&self, family: Family) -> [u64; 2] {
        ["backend1", "backend2"]
            .map(|name| server::arrived(self.lab.namespace(name).unwrap(), family).unwrap().packets)
    }

    /// The mark for the backend at that place of [`BACKENDS`].
    pub fn mark(&self, place: usize) -> u32 {
        self.path.as_ref().unwrap().mark(BACKENDS[place])
    }

    /// Makes the edge send frames as they are on a wire: whole checksums, cut into segments.
    pub fn without_offloads(&self) {
        let words = ["-K", INTERFACE, "tx", "off", "tso", "off", "gso", "off"];
        self.lab.run("edge", "ethtool", &words).unwrap();
    }
}

/// The way from the edge to a backend.
pub fn way(lab: &Lab, (delivery, outer): Mode, family: Family, name: &str) -> ProbeWay {
    let plan = lab.plan();
    let outer = outer.unwrap_or(family);
    let host = plan.servers().find(|host| host.name == name).unwrap();
    let (own, backend) = (link(lab, "edge"), link(lab, name));
    let next_hop = NextHop {
        ifindex: u32::try_from(own["ifindex"].as_u64().unwrap()).unwrap(),
        interface: INTERFACE.to_owned(),
        neighbour: host.addresses.of(outer),
        mac: mac(&backend),
        source_mac: mac(&own),
        mtu: 1500,
        source: Some(plan.edge.addresses.of(outer)),
    };
    let resolution = Resolution::Resolved(next_hop);
    let settings = TunnelSettings::default();
    let way = Way::find(delivery, host.addresses.of(outer), Some(&resolution), &settings).unwrap();
    ProbeWay::of(&way)
}

fn link(lab: &Lab, host: &str) -> Value {
    let text = lab.run(host, "ip", &["-json", "link", "show", "dev", INTERFACE]).unwrap();
    let links: Value = serde_json::from_str(&text).unwrap();
    links[0].clone()
}

fn mac(link: &Value) -> [u8; 6] {
    let text = link["address"].as_str().unwrap();
    let bytes: Vec<u8> = text.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    bytes.try_into().unwrap()
}
