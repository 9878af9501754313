//! More clients than anybody can list.

use std::{
    fs,
    net::Ipv4Addr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anycast_ctl::api::types::{CatchmentStatus, TopStatus};

use crate::{
    edge::Edge,
    flood::{self, Flood},
    wire::Clients,
};

/// Far below what a line for each of a million clients would take.
const GROWTH_KIB: u64 = 64 << 10;

#[test]
fn a_million_sources_are_told_from_one_that_sends_much_in_bounded_memory() {
    let edge = Edge::start(2, |site| site);
    let pid = edge.host.status("anycast").pid;
    // Whatever is loaded once is loaded.
    edge.ctl("flows top --for 1s");
    edge.ctl("flows catchment --for 1s");
    fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
    let before = peak_kib(pid);

    let heavy = Ipv4Addr::new(203, 0, 113, 10);
    let clients = Clients::open(&edge);
    let flood = Flood::start(&edge.host.lab, flood::syn(&edge.host.lab));
    let done = AtomicBool::new(false);
    let (top, catchment) = thread::scope(|scope| {
        scope.spawn(|| {
            for number in (0_u32..).take_while(|_| !done.load(Ordering::Relaxed)) {
                let port = 1_024 + (number % 60_000) as u16;
                clients.ack((heavy, port), number, 64 - 9);
            }
        });
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _done = Done(&done);
        // Every packet: what is not taken in time is lost.
        let top: TopStatus = serde_json::from_str(&edge.ctl("flows top --for 5s --sample 1 --json")).unwrap();
        // Room for one that is heavier than what a /20 of the flood comes to.
        let words = "flows catchment --for 10s --sample 1 --networks 1000 --json";
        let catchment: CatchmentStatus = serde_json::from_str(&edge.ctl(words)).unwrap();
        (top, catchment)
    });
    let report = flood.finish(&edge.host.lab);
    let grown = peak_kib(pid) - before;
    println!("{report}; the daemon took {grown} KiB more, {before} KiB before");
    println!(
        "top: {} packets looked at, {} lost; catchment: {} and {}, {:?}",
        top.sampled_packets,
        top.lost_packets,
        catchment.packets_seen,
        catchment.lost_packets,
        catchment.handshakes
    );
    assert!(report.steered > 1_000_000, "{report}");
    assert!(grown < GROWTH_KIB, "{grown} KiB");

    assert_eq!(top.rows[0].name, heavy.to_string(), "{:#?}", top.rows);
    assert!(top.rows[0].share > 10.0 * top.rows[1].share, "{:#?}", top.rows);
    assert!(catchment.prefixes.len() <= 1_000, "{}", catchment.prefixes.len());
    let network = catchment.prefixes.iter().find(|network| network.prefix.to_string() == "203.0.113.0/24");
    let network = network.unwrap_or_else(|| panic!("{:#?}", &catchment.prefixes[..9]));
    assert_eq!(network.figures.hops.unwrap().median, 9);
    assert_eq!(network.figures.new_flows, 0);
    let packets: u64 = catchment.prefixes.iter().map(|network| network.figures.packets).sum();
    assert_eq!(packets, catchment.total.packets);
    assert!(catchment.handshakes.displaced > 0 && catchment.handshakes.measured == 0);
}

/// The most memory the process had since that was last asked to be forgotten.
fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
