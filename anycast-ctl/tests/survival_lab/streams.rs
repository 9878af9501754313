//! A thousand sessions and a flood of datagrams, while daemons die, end, start, and are replaced by another build.
//!
//! Every packet that reaches the edge's port must be met by a program and counted by it: what the port took from its queues
//! is compared with what the program counted, through the event. The lab itself loses frames where a queue is full, before
//! the port takes them and after the program sent them back; the same flood without an event shows how many.

use std::{
    env, thread,
    time::{Duration, Instant},
};

use etherparse::PacketBuilder;
use nix::sys::signal::Signal;
use xtask::lab::session::{Ending, Lifetime, Pattern, Server, Sessions};

use crate::{
    flood::{Flood, Report},
    host::Host,
    totals::Totals,
};

const SESSIONS: usize = 1000;
/// Frames sent by the edge come to rest within this.
const REST: Duration = Duration::from_millis(300);

#[test]
fn no_packet_and_no_session_is_lost_by_the_daemon() {
    let mut host = Host::new(4);
    host.start(&["--xdp-mode", "native"]);
    let pause = Duration::from_millis(150)..Duration::from_millis(600);
    let names: Vec<String> = host.lab.plan().servers().map(|server| server.name.clone()).collect();
    let _servers: Vec<Server> =
        names.iter().map(|name| Server::start(&host.lab, name, pause.clone()).unwrap()).collect();
    let pattern = Pattern {
        sessions: SESSIONS,
        pause,
        lifetime: Lifetime::Mixed(Duration::from_secs(1)..Duration::from_secs(8)),
        patience: Duration::from_secs(20),
        seed: 1,
    };
    let sessions = Sessions::start(&host.lab, pattern).unwrap();
    while sessions.open() < SESSIONS * 9 / 10 {
        assert!(sessions.elapsed() < Duration::from_secs(60), "only {} sessions open", sessions.open());
        thread::sleep(Duration::from_millis(50));
    }

    event(&mut host, "nothing", |_| {});
    event(&mut host, "kill -9, start", |host| {
        host.end(Signal::SIGKILL);
        thread::sleep(Duration::from_millis(300));
        host.start(&[]);
    });
    event(&mut host, "SIGTERM, start", |host| {
        host.end(Signal::SIGTERM);
        host.start(&[]);
    });
    event(&mut host, "kill -9, start of another build", |host| {
        host.end(Signal::SIGKILL);
        host.start(&["--no-multi-buffer"]);
        assert!(!host.status("anycast").multi_buffer);
    });
    event(&mut host, "SIGTERM, start of the first build", |host| {
        host.end(Signal::SIGTERM);
        host.start(&[]);
    });

    // Half of the sessions are older than the transition, the others come and go in it, and are pinned.
    let (code, text) = host.run("anycast", &["backend", "drain", "web4", &names[0]]);
    assert_eq!(code, 0, "{text}");
    thread::sleep(Duration::from_secs(8));
    let before = host.status("anycast");
    event(&mut host, "kill -9, start, with slots in transition", |host| {
        host.end(Signal::SIGKILL);
        host.start(&[]);
    });
    thread::sleep(Duration::from_secs(7));
    let after = host.status("anycast");
    let transition = |status: &anycast_ctl::api::types::Status| {
        status.pools.iter().map(|pool| pool.transition.slots).sum::<u32>()
    };
    println!(
        "slots in transition {} and {}, pins {} and {}",
        transition(&before),
        transition(&after),
        before.maps.pins.used,
        after.maps.pins.used
    );
    assert!(transition(&before) > 0 && transition(&after) > 0);
    assert!(
        before.maps.pins.used > 0 && after.maps.pins.used > 0,
        "{} {}",
        before.maps.pins.used,
        after.maps.pins.used
    );

    let records = sessions.finish().unwrap();
    let broken: Vec<_> = records.iter().filter(|record| record.ending != Ending::Finished).collect();
    println!(
        "{} sessions, {} broken, longest silence {:?}",
        records.len(),
        broken.len(),
        records.iter().map(|record| record.longest_silence).max().unwrap()
    );
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(records.len() >= SESSIONS);
}

/// Floods the edge, lets something happen meanwhile, and accounts for every packet.
fn event(host: &mut Host, name: &str, happen: impl FnOnce(&mut Host)) {
    let seconds = env::var("ANYCAST_SURVIVAL_SECONDS").map_or(2.0, |seconds| seconds.parse().unwrap());
    let around = Duration::from_secs_f64(seconds / 2.0);
    let before = Totals::read(host);
    let flood = Flood::start(&host.lab, datagram(host));
    thread::sleep(around);
    let start = Instant::now();
    happen(host);
    let took = start.elapsed();
    thread::sleep(around);
    let report = flood.finish(&host.lab);
    thread::sleep(REST);
    let totals = Totals::read(host) - &before;
    let Report { offered, returned, .. } = report;
    let refused: Vec<_> = totals.refused.iter().filter(|(_, packets)| **packets > 0).collect();
    println!(
        "{name} ({took:.2?}): {offered} datagrams offered ({:.2} Mpps); the port took {} frames, the program counted {} \
         ({} steered, {refused:?}); {returned} datagrams seen behind the edge; {} IP packets in the edge's stack; {} frames found no room",
        report.offered_rate() / 1e6,
        totals.taken,
        totals.counted(),
        totals.steered,
        totals.stack,
        totals.overflow,
    );
    // Frames that the lab's own queues had no room for are counted by the ports.
    assert!(offered - returned <= totals.overflow, "{name}: {} datagrams are lost", offered - returned);
    assert!(totals.steered >= returned, "{name}: not every datagram was counted");
    // At 1 Mpps each millisecond without a program would show as a thousand.
    assert!(totals.stack < 100, "{name}: packets of VIPs came to the edge's own stack");
    let strange = refused.iter().find(|(reason, _)| !matches!(reason.as_str(), "not_vip" | "not_ip"));
    assert!(strange.is_none(), "{name}: {strange:?}");
}

/// A datagram to the v4 VIP, of the first of the generator's flows. Without a checksum: the generator does not know UDP's.
fn datagram(host: &Host) -> Vec<u8> {
    let vip = host.lab.plan().vips.v4.octets();
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 2, 1], [2, 0, 0, 0, 2, 2]);
    let mut packet = Vec::new();
    builder.ipv4([10, 0, 0, 0], vip, 64).udp(1024, 53).write(&mut packet, &[0; 18]).unwrap();
    packet[40..42].fill(0);
    packet
}
