//! All servers of a site die: its VIPs move, and come back when they do.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::announce::machine::Phase;
use etherparse::{SlicedPacket, TransportSlice};
use xtask::lab::{
    sites::{SitesLab, edges},
    wire::Capture,
};

use crate::{
    announcing::{POOL, QUICK, announcement, announcements, announcing_with, moves_since, wait_for_phase},
    harness::{A, B, SOON, served, sites_of},
};

/// How often they die.
const ROUNDS: usize = 5;

fn servers(sites: &SitesLab) -> Vec<String> {
    sites.plan().sites[0].backends.iter().map(|host| host.name.clone()).collect()
}

/// What comes and goes by an interface of an edge, until it is told to stop.
struct Listener {
    stop: Arc<AtomicBool>,
    heard: thread::JoinHandle<Vec<Instant>>,
}

impl Listener {
    /// Notes when a frame came that `is_it`.
    fn start(
        sites: &SitesLab,
        edge: &str,
        interface: &str,
        is_it: impl Fn(&[u8]) -> bool + Send + 'static,
    ) -> Self {
        let mut capture = sites.namespace(edge).unwrap().inside(|| Capture::open(interface)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let heard = thread::spawn(move || {
            let mut heard = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                if let Some(frame) = capture.next(Duration::from_millis(20)).unwrap() {
                    let at = Instant::now();
                    heard.extend(is_it(&frame).then_some(at));
                }
            }
            heard
        });
        Self { stop, heard }
    }

    fn finish(self) -> Vec<Instant> {
        self.stop.store(true, Ordering::Relaxed);
        self.heard.join().unwrap()
    }
}

/// A RST by which a server's host refuses a check.
fn is_refusal(frame: &[u8]) -> bool {
    let Ok(packet) = SlicedPacket::from_ethernet(frame) else { return false };
    matches!(packet.transport, Some(TransportSlice::Tcp(tcp)) if tcp.rst() && tcp.source_port() == 80)
}

/// A BGP update (RFC 4271 section 4.3) of that speaker which withdraws something of IPv4.
fn is_withdrawal(frame: &[u8], speaker: IpAddr) -> bool {
    let Ok(packet) = SlicedPacket::from_ethernet(frame) else { return false };
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else { return false };
    let source = match packet.net {
        Some(etherparse::NetSlice::Ipv4(ip)) => IpAddr::from(ip.header().source_addr()),
        _ => return false,
    };
    let message = tcp.payload();
    let is_update = message.len() > 22 && message[18] == 2;
    let is_bgp = tcp.source_port() == 179 || tcp.destination_port() == 179;
    source == speaker && is_bgp && is_update && u16::from_be_bytes([message[19], message[20]]) > 0
}

#[test]
fn a_site_whose_servers_all_die_is_withdrawn_at_once_and_comes_back_once() {
    // A server that failed before is believed at once all the same, or each round would take longer than the one before.
    let pool = POOL.replace(" }", ", hold_down = \"0s\" }");
    let (mut sites, _receivers) = announcing_with(&pool, QUICK);
    let speaker = sites.plan().edges().find(|edge| edge.name == "a1").unwrap().link.v4.into();
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        let refusals = Listener::start(&sites, "a1", "eth1", is_refusal);
        let withdrawals = Listener::start(&sites, "a1", "eth0", move |frame| is_withdrawal(frame, speaker));
        let start = Instant::now();
        for server in servers(&sites) {
            sites.stop_server(&server).unwrap();
        }
        sites.wait_for_routes(&edges(&B), SOON).unwrap();
        let (refusals, withdrawals) = (refusals.finish(), withdrawals.finish());
        let gone = withdrawals.first().copied().unwrap();
        let last = refusals.into_iter().rfind(|at| *at < gone).unwrap();
        took.push(gone - last);
        if round == 0 {
            assert_eq!(sites_of(&served(&sites, 20)), ["b"]);
            let status = announcements(&sites, "a1");
            assert!(status.alarm, "{}", status.summary);
            let vip = announcement(&sites, "a1", "www4");
            assert_eq!((vip.phase, vip.why.as_str()), (Phase::Withdrawn, "0 of 3 backends are well"));
        }
        for server in servers(&sites) {
            sites.start_server(&server).unwrap();
        }
        sites.wait_for_routes(&edges(&A), SOON * 4).unwrap();
        wait_for_phase(&sites, &A, Phase::Announced);
        if round == 0 {
            assert_eq!(sites_of(&served(&sites, 20)), ["a"]);
            // One route goes, the other, and each comes back.
            assert!(moves_since(&sites, start) <= 4, "{:#?}", sites.watch().changes());
        }
        // The next failure is no flapping.
        for edge in A {
            sites.stop_daemon(edge).unwrap();
            sites.start_daemon(edge, None, &[]).unwrap();
        }
        sites.wait_for_routes(&edges(&A), SOON).unwrap();
    }
    took.sort();
    println!(
        "from the last refused check to the withdrawal on the wire, {} times: median {:.1} ms, worst {:.1} ms",
        took.len(),
        took[took.len() / 2].as_secs_f64() * 1e3,
        took[took.len() - 1].as_secs_f64() * 1e3
    );
}
