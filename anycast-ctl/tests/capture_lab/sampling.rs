//! Sampling and limits, and several captures at once.

use std::collections::BTreeMap;

use anycast_ctl::{api::types::CapturedPacket, capture::line::from_hex};
use etherparse::{SlicedPacket, TransportSlice};

use crate::edge::{Edge, ended, interrupt};

/// Packets by their flow's source port.
fn by_flow(packets: &[CapturedPacket]) -> BTreeMap<u16, usize> {
    let mut flows = BTreeMap::new();
    for packet in packets {
        let bytes = from_hex(&packet.hex).unwrap();
        let sliced = SlicedPacket::from_ethernet(&bytes).unwrap();
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("{packet:?}") };
        *flows.entry(tcp.source_port()).or_default() += 1;
    }
    flows
}

#[test]
fn sampled_flows_are_whole_and_two_captures_do_not_meet() {
    let edge = Edge::start(2);
    let mut all = edge.capture("--json --side before --vip www4");
    let mut sampled = edge.capture("--json --side before --vip www4 --sample 4 --by-flow");
    assert_eq!(edge.captures().len(), 2);
    edge.fetch(60);
    let (all, sampled) = (interrupt(&mut all), interrupt(&mut sampled));
    let (flows, some) = (by_flow(&all.packets()), by_flow(&sampled.packets()));
    assert_eq!(flows.len(), 60);
    // 15 are expected; less than 3 or more than 33 of 60 is six standard deviations off.
    assert!((3..=33).contains(&some.len()), "{some:?}");
    for (port, packets) in &some {
        assert_eq!(flows.get(port), Some(packets), "all packets of a flow are shown");
    }
    let (all, sampled) = (all.counts(), sampled.counts());
    assert_eq!((all.matched, all.written, all.unsampled), (all.written, all.written, 0));
    assert_eq!(sampled.matched, all.matched);
    assert_eq!(sampled.written + sampled.unsampled, sampled.matched);
    assert_eq!((sampled.lost, sampled.overrun, sampled.limited), (0, 0, 0));
}

#[test]
fn a_limit_leaves_packets_out_and_counts_them() {
    let edge = Edge::start(1);
    let mut capture = edge.capture("--json --side before --limit 5 --for 3s --vip www4");
    let start = std::time::Instant::now();
    while capture.try_wait().unwrap().is_none() {
        edge.fetch(2);
        assert!(start.elapsed().as_secs() < 30, "it does not end");
    }
    let end = ended(&mut capture);
    let counts = end.counts();
    assert!(counts.limited > 0, "{counts:?}");
    assert_eq!((counts.matched, counts.unsampled, counts.lost), (counts.written + counts.limited, 0, 0));
    // Packets of one second by the kernel's clock: no more than the limit and one for each other CPU.
    let cpus = std::thread::available_parallelism().unwrap().get();
    let mut seconds: BTreeMap<u64, usize> = BTreeMap::new();
    let packets = end.packets();
    for packet in &packets {
        // Kernel seconds begin anywhere in those of the day: two of them lie in each.
        *seconds.entry(packet.time_ns / 1_000_000_000).or_default() += 1;
    }
    assert!(seconds.values().all(|packets| *packets <= 2 * (5 + cpus)), "{seconds:?}");
}

#[test]
fn there_are_four_captures_and_no_fifth() {
    let edge = Edge::start(1);
    let ordinary = edge.program();
    let mut captures: Vec<_> = (0..4).map(|_| edge.capture("--json --vip www4 --side before")).collect();
    let showing = edge.program();
    assert_ne!(showing, ordinary);
    let fifth = ended(&mut edge.begin("--vip www4"));
    assert_eq!(fifth.code, 1);
    assert!(fifth.err.contains("4 captures are running already: end one of them first"), "{fifth:?}");
    // A place that is left can be taken.
    interrupt(&mut captures.pop().unwrap());
    captures.push(edge.capture("--json --vip www6 --side before"));
    assert_eq!(edge.program(), showing, "the program stays as long as somebody looks");
    edge.fetch(3);
    for (number, capture) in captures.iter_mut().enumerate() {
        let end = interrupt(capture);
        let vip = if number == 3 { "www6" } else { "www4" };
        assert!(end.packets().iter().all(|packet| packet.vip.as_deref() == Some(vip)), "{end:?}");
        assert!(end.counts().written >= 9, "{end:?}");
    }
    edge.wait_for("the ordinary program is back", |edge| edge.program() == ordinary);
}
