//! Plain packets that reach a backend.

use anycast_common::slot::Slot;
use etherparse::TcpHeader;

use crate::{
    harness::Harness,
    packet::{BOTH, L4, Packet, is_v6, tcp, to, udp},
    site::{L2, State},
    table::{Expect, Row, check, row},
};

#[test]
fn every_service_of_every_family_is_delivered() {
    check(&mut Harness::new(), &rows());
}

fn segment(vip: &str, port: u16, change: impl FnOnce(&mut TcpHeader)) -> Packet {
    let mut header = TcpHeader::new(40_000, port, 1000, 512);
    change(&mut header);
    to(vip, L4::Tcp(Box::new(header)))
}

pub fn rows() -> Vec<Row> {
    [services(), any_port(), sizes(), transition()].concat()
}

fn services() -> Vec<Row> {
    let vips =
        ["192.0.2.1", "2001:db8:0:1::1", "192.0.2.3", "2001:db8:0:1::3", "192.0.2.5", "2001:db8:0:1::5"];
    let mut rows = Vec::new();
    for vip in vips {
        for (name, packet) in [
            ("syn", segment(vip, 80, |tcp| tcp.syn = true)),
            ("syn ack", segment(vip, 80, |tcp| (tcp.syn, tcp.ack) = (true, true))),
            ("ack", segment(vip, 80, |tcp| tcp.ack = true)),
            ("rst", segment(vip, 80, |tcp| tcp.rst = true)),
            ("fin", segment(vip, 80, |tcp| (tcp.fin, tcp.ack) = (true, true))),
            ("no flag at all", segment(vip, 80, |_| ())),
            (
                "syn with the congestion bits",
                segment(vip, 80, |tcp| (tcp.syn, tcp.ece, tcp.cwr) = (true, true, true)),
            ),
            (
                "tcp options",
                segment(vip, 80, |tcp| tcp.set_options_raw(&[2, 4, 5, 0xb4, 1, 1, 4, 2]).unwrap()),
            ),
            ("udp", udp(vip)),
        ] {
            rows.push(row(format!("{vip} {name}"), L2, packet, Expect::Delivered));
        }
        for hop_limit in [2, 255] {
            let packet = Packet { hop_limit, ..tcp(vip) };
            rows.push(row(format!("{vip} hop limit {hop_limit}"), L2, packet, Expect::Delivered));
        }
    }
    rows
}

fn any_port() -> Vec<Row> {
    let mut rows = Vec::new();
    for vip in ["192.0.2.3", "2001:db8:0:1::3"] {
        for port in [0, 1, 22, 443, 65_535] {
            let packet = segment(vip, port, |tcp| tcp.syn = true);
            rows.push(row(format!("{vip} tcp {port}"), L2, packet, Expect::Delivered));
            rows.push(row(format!("{vip} udp {port}"), L2, to(vip, L4::Udp(9, port)), Expect::Delivered));
        }
    }
    rows
}

/// What is counted is what the IP header states.
fn sizes() -> Vec<Row> {
    let mut rows = Vec::new();
    for vip in BOTH {
        let padded = Packet { trailer: vec![0; 20], ..tcp(vip).sized(0) };
        rows.push(row(format!("{vip} padded to the shortest frame"), L2, padded, Expect::Delivered));
        for length in [1500, 3000, 9000] {
            let packet = tcp(vip).of_length(length);
            rows.push(row(format!("{vip} {length} bytes"), L2, packet, Expect::Delivered));
        }
        let broadcast = Packet { macs: [[0xff; 6], [2, 1, 1, 1, 1, 1]], ..tcp(vip) };
        rows.push(row(format!("{vip} in a broadcast frame"), L2, broadcast, Expect::Delivered));
        let zero = udp(vip).edited(if is_v6(vip) { 46 } else { 26 }, &[0, 0]);
        rows.push(row(format!("{vip} udp without a checksum"), L2, zero, Expect::Delivered));
    }
    rows
}

/// One packet each; [`crate::transition`] has the stories.
fn transition() -> Vec<Row> {
    let moving = State { slot: Some(Slot::in_transition(1, 0)), ..L2 };
    let mut rows = Vec::new();
    for vip in BOTH {
        let ack = segment(vip, 80, |tcp| (tcp.source_port, tcp.ack) = (50_000, true));
        let syn = segment(vip, 80, |tcp| (tcp.source_port, tcp.syn) = (50_001, true));
        let then = segment(vip, 80, |tcp| (tcp.source_port, tcp.ack) = (50_001, true));
        rows.push(row(format!("{vip} flow from before the move"), moving, ack, Expect::To(0)));
        rows.push(row(format!("{vip} flow that opens in the move"), moving, syn, Expect::To(1)));
        rows.push(row(format!("{vip} the next packet of that"), moving, then, Expect::To(1)));
        rows.push(row(format!("{vip} stateless datagram"), moving, udp(vip), Expect::To(1)));
    }
    rows
}
