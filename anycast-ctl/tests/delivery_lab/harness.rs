//! A lab that delivers in one of the ways, and what both ends of it counted.

use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::{BackendStatus, Status, VipStatus};
use serde_json::Value;
use xtask::{
    lab::{
        Family, INTERFACE, Lab, Options, OwnedLab, controller,
        receiver::Receiver,
        server::{self, Arrived},
        transfer::{Server, TRANSFER_PORT},
    },
    site::{SiteBackend, SiteFile},
};

/// Longer than any of the steps waited for takes, on a slow machine too.
pub const SOON: Duration = Duration::from_secs(20);

/// How packets get to the backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    L2,
    IpipV4,
    IpipV6,
    GueV4,
    GueV6,
    Local,
    /// All of them in each pool.
    Mixed,
}

impl Mode {
    /// As the site file has it, the family of the backends' addresses, and the outer headers' bytes.
    fn delivery(self) -> (&'static str, Option<Family>, u16) {
        match self {
            Self::L2 | Self::Mixed => ("l2", None, 0),
            Self::IpipV4 => ("ipip", Some(Family::V4), 20),
            Self::IpipV6 => ("ipip", Some(Family::V6), 40),
            Self::GueV4 => ("gue", Some(Family::V4), 28),
            Self::GueV6 => ("gue", Some(Family::V6), 48),
            Self::Local => ("local", None, 0),
        }
    }

    pub fn is_tunnel(self) -> bool {
        self.overhead() > 0
    }

    /// Bytes of the outer headers.
    pub fn overhead(self) -> u16 {
        self.delivery().2
    }

    /// The family of a backend's address in the pool of that family.
    pub fn outer(self, family: Family) -> Family {
        self.delivery().1.unwrap_or(family)
    }
}

/// A lab that steers and delivers: every server runs, every backend is up.
pub struct Stage {
    // Dropped in this order.
    _servers: Vec<Server>,
    _receivers: Vec<Receiver>,
    pub lab: OwnedLab,
    /// Each server in the pools, and how packets get to it.
    pub members: Vec<(String, Mode)>,
}

impl Stage {
    pub fn new(mode: Mode) -> Self {
        Self::with(mode, false, |_| {})
    }

    /// With one arm or two, and a site file that is changed at last.
    pub fn with(mode: Mode, two_arms: bool, change: impl FnOnce(&mut String)) -> Self {
        let modes = match mode {
            Mode::Mixed => vec![Mode::L2, Mode::IpipV4, Mode::IpipV6, Mode::GueV4, Mode::GueV6, Mode::Local],
            Mode::Local => vec![Mode::Local],
            Mode::L2 | Mode::IpipV4 | Mode::IpipV6 | Mode::GueV4 | Mode::GueV6 => vec![mode, mode],
        };
        let backends = modes.iter().filter(|mode| **mode != Mode::Local).count().max(1);
        let binary = Some(env!("CARGO_BIN_EXE_anycast-ctl").into());
        let mut lab = OwnedLab::start(&Options { backends, two_arms, binary, ..Options::default() }).unwrap();
        let mut names = lab.plan().backends.iter().map(|host| host.name.clone());
        let mut name = |mode| if mode == Mode::Local { "edge".to_owned() } else { names.next().unwrap() };
        let members: Vec<(String, Mode)> = modes.into_iter().map(|mode| (name(mode), mode)).collect();

        if members.iter().any(|(_, mode)| *mode == Mode::Local) {
            lab.serve_on_edge().unwrap();
        }
        let tunnelled = members.iter().filter(|(_, mode)| mode.is_tunnel());
        let receivers = tunnelled.map(|(name, _)| Receiver::start(&lab, name).unwrap()).collect();
        let servers = members.iter().map(|(name, _)| Server::start(&lab, name).unwrap()).collect();
        let mut site = site(&lab, &members).to_toml();
        change(&mut site);
        lab.start_controller_on(&site, &["--xdp-mode", "native"]).unwrap();
        // Attaching turned GRO on; merged segments would make the edge's own host count fewer packets than its program.
        lab.run("edge", "ethtool", &["-K", INTERFACE, "gro", "off"]).unwrap();
        let stage = Self { _servers: servers, _receivers: receivers, lab, members };
        wait_for("every backend is up", || stage.lab.status().unwrap().all_up());
        stage
    }

    pub fn vip(&self, family: Family) -> IpAddr {
        self.lab.plan().vips.of(family)
    }

    /// What the daemon says of the VIP of that family.
    pub fn vip_status(&self, family: Family) -> VipStatus {
        status(&self.lab).vips.into_iter().find(|vip| vip.name == family.vip_name()).unwrap()
    }

    /// What it says of a backend.
    pub fn backend(&self, family: Family, name: &str) -> BackendStatus {
        let pool = status(&self.lab).pools.into_iter().find(|pool| pool.name == family.pool_name()).unwrap();
        pool.backends.into_iter().find(|backend| backend.name == name).unwrap()
    }

    /// Packets to that VIP that were not delivered for that reason.
    pub fn reason(&self, family: Family, label: &str) -> u64 {
        let reasons = self.vip_status(family).reasons;
        reasons.iter().find(|it| it.reason == label).map_or(0, |it| it.packets)
    }

    /// Packets to that VIP with that detail.
    pub fn detail(&self, family: Family, label: &str) -> u64 {
        let [packets] = self.details(family, [label]);
        packets
    }

    /// The same for several, at one moment.
    pub fn details<const N: usize>(&self, family: Family, labels: [&str; N]) -> [u64; N] {
        let details = self.vip_status(family).details;
        labels.map(|label| details.iter().find(|it| it.detail == label).map_or(0, |it| it.packets))
    }

    /// Waits until no packet to that VIP is on its way: what the client has sent was acknowledged.
    #[track_caller]
    pub fn wait_for_rest(&self, family: Family) {
        wait_for("the client rests", || {
            let before = self.vip_status(family).traffic;
            thread::sleep(Duration::from_millis(250));
            self.vip_status(family).traffic == before
        });
    }

    /// Waits until each server's host has seen what the edge delivered to it, packets and bytes.
    #[track_caller]
    pub fn assert_counters_agree(&self) {
        let start = Instant::now();
        loop {
            let counted = self.counted();
            if counted.iter().all(|(_, _, edge, host)| edge == host) {
                assert!(counted.iter().any(|(_, _, edge, _)| edge.packets > 0));
                return;
            }
            assert!(start.elapsed() < SOON, "edge and hosts counted differently: {counted:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn counted(&self) -> Vec<(String, Family, Arrived, Arrived)> {
        let mut all = Vec::new();
        for family in Family::ALL {
            let vip = self.vip_status(family);
            for (name, mode) in &self.members {
                // Those without traffic are left out.
                let traffic = vip.backends.iter().find(|it| it.name == *name).map(|it| it.traffic);
                let traffic = traffic.unwrap_or_default();
                let mut host = server::arrived(self.lab.namespace(name).unwrap(), family).unwrap();
                let mut edge =
                    Arrived { packets: traffic.packets, bytes: traffic.bytes, syns: traffic.new_flows };
                if *mode == Mode::Local {
                    // What the program passed for other reasons arrived there, too; of that, packets are counted.
                    let passed = vip.reasons.iter().filter(|it| it.verdict == "pass").map(|it| it.packets);
                    edge.packets += passed.sum::<u64>();
                    (host.bytes, edge.bytes) = (0, 0);
                }
                all.push((name.clone(), family, edge, host));
            }
        }
        all
    }
}

fn site(lab: &Lab, members: &[(String, Mode)]) -> SiteFile {
    let mut site = controller::site(lab.plan());
    for vip in &mut site.vips {
        let family = Family::of(vip.address);
        vip.services.extend(["tcp", "udp"].map(|protocol| format!("{protocol}/{TRANSFER_PORT}")));
        let member = |(name, mode): &(String, Mode)| {
            let plan = lab.plan();
            let host = plan.servers().chain([&plan.edge]).find(|host| host.name == *name).unwrap();
            let address = host.addresses.of(mode.outer(family));
            SiteBackend {
                name: name.clone(),
                address,
                weight: 1,
                delivery: Some(mode.delivery().0.to_owned()),
            }
        };
        vip.backends = members.iter().map(member).collect();
    }
    site
}

/// Everything the daemon says.
pub fn status(lab: &Lab) -> Status {
    serde_json::from_str(&lab.ctl(&["status", "--json"]).unwrap()).unwrap()
}

/// How much a host believes to fit the way to an address, if it was told; `from` is the source it sends from.
pub fn path_mtu(lab: &Lab, host: &str, address: IpAddr, from: Option<IpAddr>) -> Option<u64> {
    let mut words = vec!["-json".to_owned(), "route".into(), "get".into(), address.to_string()];
    words.extend(from.into_iter().flat_map(|from| ["from".to_owned(), from.to_string()]));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let routes: Value = serde_json::from_str(&lab.run(host, "ip", &words).unwrap()).unwrap();
    routes[0]["metrics"][0]["mtu"].as_u64()
}

/// Waits until it holds, and panics when it does not.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "waited in vain for this: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
