//! IPv4 options are stepped over, and stay.

use anycast_common::{backend::Delivery, reason::Reason};

use crate::{
    harness::Harness,
    packet::{Packet, V4, icmp, syn, tcp, udp},
    site::{L2, by},
    table::{Expect, Row, check, row},
};

#[test]
fn options_are_stepped_over() {
    check(&mut Harness::new(), &rows());
}

pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for words in 1..=10 {
        // No-operations, which look like TCP to a program that takes them for the transport header.
        let options = vec![1; words * 4];
        let length = 20 + words * 4;
        for (name, packet) in [("tcp", syn(V4)), ("udp", udp(V4))] {
            let packet = Packet { options: options.clone(), ..packet };
            rows.push(row(format!("{name}, header of {length}"), L2, packet, Expect::Delivered));
        }
        let packet = Packet { options, ..tcp(V4) };
        let state = by([Delivery::IpipV4, Delivery::GueV6][words % 2]);
        rows.push(row(format!("tunnel, header of {length}"), state, packet, Expect::Delivered));
    }
    for (name, options) in [
        ("record route", vec![7, 7, 4, 0, 0, 0, 0, 0]),
        ("timestamp", vec![68, 8, 5, 0, 0, 0, 0, 0]),
        ("loose source route, used up", vec![131, 7, 8, 192, 0, 2, 99, 0]),
        ("router alert", vec![148, 4, 0, 0]),
        ("an option longer than the header", vec![7, 39, 4, 0]),
        ("ports of a service", vec![0x9c, 0x40, 0, 53]),
    ] {
        let tagged = Packet { options: options.clone(), ..tcp(V4) }.tagged(&[5]);
        rows.push(row(format!("tagged, {name}"), L2, tagged, Expect::Delivered));
        rows.push(row(name, L2, Packet { options, ..udp(V4) }, Expect::Delivered));
    }
    let cut = Packet { options: vec![1; 40], ..udp(V4) }.sized(0);
    let (reason, dropped) = (Reason::Truncated, Expect::Refused);
    rows.push(row("options cut the udp header", L2, cut.edited(2, &[0, 67]), dropped(reason)));
    let loop_ = Packet { options: vec![1; 40], hop_limit: 1, ..udp(V4) };
    rows.push(row("hop limit 1", L2, loop_, dropped(Reason::TtlExpired)));
    let echo = Packet { options: vec![1; 4], ..icmp(V4, 8, 0, [0, 1, 0, 1], b"ping") };
    rows.push(row("echo request with options", L2, echo, dropped(Reason::Icmp)));
    rows
}
