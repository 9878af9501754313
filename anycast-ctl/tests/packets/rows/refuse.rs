//! Packets to a VIP that are not delivered: each for its reason, none changed.

use anycast_common::reason::Reason;

use crate::{
    harness::Harness,
    packet::{BOTH, L4, Packet, V4, V6, is_v6, syn, tcp, to, udp},
    site::{L2, State},
    table::{Expect, Row, check, row},
};

#[test]
fn what_cannot_be_delivered_is_refused() {
    check(&mut Harness::new(), &rows());
}

pub fn rows() -> Vec<Row> {
    [unknown_ports(), no_backend(), hop_limits(), lengths()].concat()
}

fn refused(name: impl Into<String>, packet: Packet, reason: Reason) -> Row {
    row(name, L2, packet, Expect::Refused(reason))
}

fn unknown_ports() -> Vec<Row> {
    let mut rows = Vec::new();
    for (vip, reason) in [
        (V4, Reason::UnknownPortPassed),
        (V6, Reason::UnknownPortPassed),
        ("192.0.2.5", Reason::UnknownPortDropped),
        ("2001:db8:0:1::5", Reason::UnknownPortDropped),
    ] {
        // The other protocol's port is as unknown as any other.
        let L4::Tcp(header) = syn(vip).l4 else { panic!("no tcp") };
        for port in [81, 53] {
            let header = etherparse::TcpHeader { destination_port: port, ..*header.clone() };
            rows.push(refused(format!("{vip} tcp {port}"), to(vip, L4::Tcp(Box::new(header))), reason));
        }
        rows.push(refused(format!("{vip} udp 80"), to(vip, L4::Udp(40_000, 80)), reason));
        for (name, protocol) in [("sctp", 132), ("gre", 47), ("esp", 50), ("ip in ip", 4), ("udp-lite", 136)]
        {
            rows.push(refused(format!("{vip} {name}"), to(vip, L4::Raw(protocol)), reason));
        }
        rows.push(refused(format!("{vip} without a payload"), to(vip, L4::Raw(132)).sized(0), reason));
    }
    // Any-port services are TCP's and UDP's.
    for vip in ["192.0.2.3", "2001:db8:0:1::3"] {
        rows.push(refused(format!("{vip} gre"), to(vip, L4::Raw(47)), Reason::UnknownPortPassed));
    }
    rows
}

fn no_backend() -> Vec<Row> {
    let mut rows = Vec::new();
    for (vip, reason) in [
        ("192.0.2.7", Reason::NoBackend),
        ("2001:db8:0:1::7", Reason::NoBackend),
        ("192.0.2.9", Reason::BackendUnusable),
        ("2001:db8:0:1::9", Reason::BackendUnusable),
        ("192.0.2.11", Reason::NoDevice),
        ("2001:db8:0:1::11", Reason::NoDevice),
    ] {
        rows.push(refused(format!("{vip} tcp"), syn(vip), reason));
        rows.push(refused(format!("{vip} udp"), udp(vip), reason));
    }
    for vip in BOTH {
        let state = State { slot: Some(anycast_common::slot::Slot::EMPTY), ..L2 };
        rows.push(row(
            format!("{vip} slot nobody owns"),
            state,
            tcp(vip),
            Expect::Refused(Reason::NoBackend),
        ));
    }
    rows
}

/// A routing loop dies.
fn hop_limits() -> Vec<Row> {
    let mut rows = Vec::new();
    for vip in BOTH {
        for hop_limit in [0, 1] {
            for (name, packet) in [("tcp", syn(vip)), ("udp", udp(vip)), ("tagged", tcp(vip).tagged(&[7]))] {
                let name = format!("{vip} {name} hop limit {hop_limit}");
                rows.push(refused(name, Packet { hop_limit, ..packet }, Reason::TtlExpired));
            }
        }
    }
    rows
}

/// Lengths that contradict each other.
fn lengths() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, offset, bytes, reason) in [
        ("v4 header length 0", 0, &[0x40][..], Reason::BadHeader),
        ("v4 header length below the minimum", 0, &[0x44], Reason::BadHeader),
        ("v4 header length beyond the packet's", 0, &[0x4f], Reason::BadHeader),
        ("v4 total length 0", 2, &[0, 0], Reason::BadHeader),
        ("v4 total length below the header's", 2, &[0, 19], Reason::BadHeader),
        ("v4 total length one beyond the frame", 2, &[0, 41], Reason::BadHeader),
        ("v4 total length far beyond the frame", 2, &[0xff, 0xff], Reason::BadHeader),
        ("v4 nothing behind the header", 2, &[0, 20], Reason::Truncated),
        ("v4 total length that cuts the tcp header", 2, &[0, 39], Reason::Truncated),
    ] {
        rows.push(refused(name, tcp(V4).sized(0).edited(offset, bytes), reason));
    }
    for (name, length, reason) in [
        ("v6 payload length one beyond the frame", 28u16, Reason::BadHeader),
        ("v6 payload length far beyond the frame", 0xffff, Reason::BadHeader),
        ("v6 payload length that cuts the tcp header", 19, Reason::Truncated),
        ("v6 no payload", 0, Reason::Truncated),
    ] {
        rows.push(refused(name, tcp(V6).edited(4, &length.to_be_bytes()), reason));
    }
    for vip in BOTH {
        let (at, ip) = if is_v6(vip) { (4, 0) } else { (2, 20) };
        let cut = udp(vip).edited(at, &(ip + 7u16).to_be_bytes());
        rows.push(refused(format!("{vip} length that cuts the udp header"), cut, Reason::Truncated));
        let cut = Packet { cut: 1, ..tcp(vip).tagged(&[1, 2]) };
        rows.push(refused(format!("{vip} frame one byte short"), cut, Reason::BadHeader));
    }
    rows
}
