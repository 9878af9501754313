//! Two sites whose daemons steer, announced by hand, and a client that asks who serves it.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use xtask::lab::{
    Family,
    server::{self, HTTP_PORT},
    sites::{Edges, SitesLab, edges},
};

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");
/// Longer than any of the steps waited for takes, on a slow machine too.
pub const SOON: Duration = Duration::from_secs(30);
/// What each pool is checked by.
pub const CHECK: &str = "check = { type = \"http\", port = 80 }";

pub const A: [&str; 2] = ["a1", "a2"];
pub const B: [&str; 2] = ["b1", "b2"];

/// What an edge announces.
#[derive(Clone, Copy)]
pub enum By {
    Nothing,
    ShuttingDown,
    Route,
}

/// Two sites without daemons.
pub fn idle() -> SitesLab {
    SitesLab::start(None, Some(BINARY.into())).unwrap()
}

/// Two sites, every edge steering to its own backends, and every VIP announced everywhere.
pub fn steering() -> SitesLab {
    let mut sites = idle();
    for edge in A.into_iter().chain(B) {
        let site = sites.site(edge, CHECK).unwrap();
        sites.start_daemon(edge, Some(&site), &["--xdp-mode", "native"]).unwrap();
        announce(&sites, &[edge], By::Route);
    }
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    sites
}

/// Has these edges announce both VIPs like that, without a gap.
pub fn announce(sites: &SitesLab, edges: &[&str], by: By) {
    for (edge, vip) in edges.iter().flat_map(|edge| Family::ALL.map(|family| (edge, family.vip_name()))) {
        let tell = |verb: &str, protocol: &str| {
            let answer = sites.birdc(edge, &format!("{verb} {protocol}")).unwrap();
            assert!(answer.contains(protocol) && answer.contains("abled"), "{answer}");
        };
        let (route, shutdown) = (format!("anycast_{vip}"), format!("anycast_{vip}_shutdown"));
        let (on, off): (&[&str], &[&str]) = match by {
            By::Nothing => (&[], &[&route, &shutdown]),
            By::ShuttingDown => (&[&shutdown], &[&route]),
            By::Route => (&[&route], &[&shutdown]),
        };
        on.iter().for_each(|protocol| tell("enable", protocol));
        off.iter().for_each(|protocol| tell("disable", protocol));
    }
}

/// Opens so many connections to each VIP; answers with how many each backend served.
#[track_caller]
pub fn served(sites: &SitesLab, count: usize) -> BTreeMap<String, usize> {
    let mut served = BTreeMap::new();
    for family in Family::ALL {
        let vip = SocketAddr::from((sites.plan().vips.of(family), HTTP_PORT));
        for _ in 0..count {
            let answer = server::get(sites.namespace("client").unwrap(), vip, "/");
            let answer = answer.unwrap_or_else(|error| panic!("{vip}: {error:#}\n{}", sites.evidence()));
            let name = answer.lines().find_map(|line| line.strip_prefix("X-Backend: "));
            *served.entry(name.unwrap_or_else(|| panic!("{answer}")).to_owned()).or_default() += 1;
        }
    }
    served
}

/// Sites whose backends served.
pub fn sites_of(served: &BTreeMap<String, usize>) -> Vec<&str> {
    let mut sites: Vec<&str> = served.keys().map(|backend| backend.split('-').next().unwrap()).collect();
    sites.dedup();
    sites
}

/// Edges that were sent connections since an earlier reading.
pub fn reached(sites: &SitesLab, earlier: &BTreeMap<String, xtask::lab::sites::Sent>) -> Edges {
    let now = sites.sent().unwrap();
    now.into_iter().filter(|(edge, sent)| sent.since(earlier[edge]).syns > 0).map(|(edge, _)| edge).collect()
}
