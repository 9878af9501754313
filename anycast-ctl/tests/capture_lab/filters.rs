//! Filters, over real traffic.

use anycast_ctl::{
    api::types::{CaptureSide, CapturedPacket},
    capture::line::from_hex,
};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use crate::edge::{Edge, interrupt};

#[test]
fn only_what_was_asked_for_is_shown() {
    let edge = Edge::start(2);
    let client = edge.host.lab.plan().client.addresses.v4;
    let mut syns = edge.capture("--json --side before --vip www4 tcp and syn and not ack");
    let mut theirs = edge.capture(&format!("--json --prefix {client}/32 and verdict tx"));
    let mut others = edge.capture("--json not (vip www4 or vip www6)");
    edge.fetch(10);
    // To nobody who listens, and to the edge itself.
    let vip = edge.host.lab.plan().vips.v4.to_string();
    let ping = edge.host.lab.plan().edge.addresses.v4.to_string();
    edge.host.lab.run("client", "ping", &["-c", "3", "-i", "0.2", &ping]).unwrap();
    let (syns, theirs, others) = (interrupt(&mut syns), interrupt(&mut theirs), interrupt(&mut others));

    let shown = syns.packets();
    assert_eq!(shown.len(), 10, "a connection each");
    for packet in &shown {
        assert_eq!((packet.vip.as_deref(), packet.side), (Some("www4"), CaptureSide::Before));
        let bytes = from_hex(&packet.hex).unwrap();
        let sliced = SlicedPacket::from_ethernet(&bytes).unwrap();
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("{packet:?}") };
        assert!(tcp.syn() && !tcp.ack() && tcp.destination_port() == 80);
        let Some(NetSlice::Ipv4(ip)) = sliced.net else { panic!("{packet:?}") };
        assert_eq!(ip.header().destination_addr().to_string(), vip);
    }

    let shown = theirs.packets();
    assert_eq!(shown.iter().filter(|packet| packet.side == CaptureSide::After).count() * 2, shown.len());
    assert!(shown.iter().all(|packet| packet.vip.as_deref() == Some("www4") && packet.verdict == "tx"));
    let slot = shown[0].slot.as_ref().unwrap();
    assert_eq!((slot.current.clone(), &slot.base), (shown[0].backend.clone(), &None));

    let shown = others.packets();
    let is_nobodys = |packet: &CapturedPacket| matches!(&packet.reason[..], "not_vip" | "not_ip");
    assert!(shown.iter().all(|packet| packet.vip.is_none() && is_nobodys(packet)), "{shown:?}");
    let pings = shown.iter().filter(|packet| {
        let bytes = from_hex(&packet.hex).unwrap();
        matches!(SlicedPacket::from_ethernet(&bytes).unwrap().transport, Some(TransportSlice::Icmpv4(_)))
    });
    assert_eq!(pings.count(), 3);
}

#[test]
fn lines_are_for_people() {
    let edge = Edge::start(1);
    let mut capture = edge.capture("--vip www6 --count 4");
    edge.fetch(1);
    let end = crate::edge::ended(&mut capture);
    assert_eq!((end.code, end.out.lines().count()), (0, 4), "{end:?}");
    let vip = edge.host.lab.plan().vips.v6;
    let first = end.out.lines().next().unwrap();
    assert!(
        first.contains(" eth0 (in) [") && first.contains(&format!(" > [{vip}]:80 tcp [syn], ")),
        "{first}"
    );
    assert!(first.contains(" bytes: to web6/backend1 by l2, tx, vip www6, slot "), "{first}");
    assert!(first.ends_with(" (stable), current"), "{first}");
}

#[test]
fn a_drain_is_seen_from_both_ends() {
    let edge = Edge::start(2);
    let held = crate::held::Held::open(&edge.host, 20);
    let mut stays = edge.capture("--json --side before why base and vip www4");
    let (code, text) = edge.host.run("anycast", &["backend", "drain", "web4", "backend1"]);
    assert_eq!(code, 0, "{text}");
    edge.fetch(5);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let shown = interrupt(&mut stays).packets();
    held.finish(crate::held::UNBROKEN);
    assert!(!shown.is_empty(), "sessions of the drained backend stay there");
    for packet in shown {
        let slot = packet.slot.unwrap();
        assert_eq!(packet.backend.as_deref(), Some("web4/backend1"));
        assert_eq!(
            (slot.current.as_deref(), slot.base.as_deref()),
            (Some("web4/backend2"), Some("web4/backend1"))
        );
    }
}
