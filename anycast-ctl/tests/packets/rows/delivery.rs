//! Each way of delivery, for both families, and all of them in one pool.

use anycast_common::{backend::Delivery, reason::Reason};

use crate::{
    harness::Harness,
    packet::{BOTH, L4, Packet, syn, tcp, to, udp},
    site::{L2, State, by},
    table::{Expect, Row, check, row},
};

#[test]
fn every_way_of_delivery_works() {
    check(&mut Harness::new(), &rows());
}

pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for delivery in Delivery::ALL {
        for vip in BOTH {
            let mut add = |name: &str, packet, expect| {
                rows.push(row(format!("{vip} by {delivery:?}, {name}"), by(delivery), packet, expect));
            };
            add("syn", syn(vip), Expect::Delivered);
            add("ack", tcp(vip), Expect::Delivered);
            add("udp", udp(vip), Expect::Delivered);
            add("nothing behind the headers", tcp(vip).sized(0), Expect::Delivered);
            let padded = Packet { trailer: vec![0; 14], ..udp(vip).sized(0) };
            add("padded", padded, Expect::Delivered);
            add("full frame", tcp(vip).of_length(1500), Expect::Delivered);
            add("in several buffers", udp(vip).of_length(9000), Expect::Delivered);
            add("not to be fragmented", Packet { dont_fragment: true, ..tcp(vip) }, Expect::Delivered);
            add("hop limit 2", Packet { hop_limit: 2, ..udp(vip) }, Expect::Delivered);
            add("hop limit 255", Packet { hop_limit: 255, ..udp(vip) }, Expect::Delivered);
            for hop_limit in [0, 1] {
                // To this host's own stack it is no hop.
                let is_local = delivery == Delivery::Local;
                let expect = if is_local { Expect::Delivered } else { Expect::Refused(Reason::TtlExpired) };
                add(&format!("hop limit {hop_limit}"), Packet { hop_limit, ..udp(vip) }, expect);
            }
        }
    }
    rows.extend(mixed());
    rows
}

/// A pool whose backends are reached in four ways.
fn mixed() -> Vec<Row> {
    let mixed = State { delivery: None, ..L2 };
    let flows = (0..8).flat_map(|port| BOTH.map(|vip| (vip, 42_000 + port)));
    let mut rows: Vec<Row> = flows
        .map(|(vip, port)| {
            row(format!("{vip} mixed, port {port}"), mixed, to(vip, L4::Udp(port, 53)), Expect::Delivered)
        })
        .collect();
    for vip in BOTH {
        // Nothing is too big for this host.
        let local = State { mtu: 1400, ..by(Delivery::Local) };
        let packet = udp(vip).of_length(1500).tagged(&[4]);
        rows.push(row(format!("{vip} local, longer than the mtu"), local, packet, Expect::Delivered));
    }
    rows
}
