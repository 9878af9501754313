//! Outer headers: what they have of the packet, and what they have of the template.

use anycast_common::backend::LinkTag;

use crate::{
    harness::Harness,
    packet::{BOTH, Extension, Packet, V4, V6, syn, tcp, udp},
    site::{State, TUNNELS, by},
    table::{Expect, Row, check, row},
};

#[test]
fn outer_headers_are_complete() {
    check(&mut Harness::new(), &rows());
}

pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for delivery in TUNNELS {
        for vip in BOTH {
            let mut add = |name: &str, packet| {
                let name = format!("{vip} by {delivery:?}, {name}");
                rows.push(row(name, by(delivery), packet, Expect::Delivered));
            };
            for class in [0x01, 0x03, 0xb8, 0xff] {
                add(&format!("class {class:#04x}"), Packet { class, ..udp(vip) });
            }
            for length in [61, 576, 1279, 3000] {
                add(&format!("{length} bytes"), tcp(vip).of_length(length));
            }
            for port in [1, 1000, 65_535] {
                add(&format!("from port {port}"), syn(vip).with_port(port));
            }
        }
        let options = Packet { options: vec![1; 40], ..tcp(V4) };
        rows.push(row(format!("{delivery:?}, options"), by(delivery), options, Expect::Delivered));
        let chain = vec![Extension::HopByHop(8), Extension::Routing(24), Extension::Destination(264)];
        let chain = Packet { extensions: chain, ..tcp(V6) };
        rows.push(row(format!("{delivery:?}, extension headers"), by(delivery), chain, Expect::Delivered));
        for vlan in [0, 1, 4094, 0xffff] {
            let state = State { link_tag: LinkTag::Set, vlan, ..by(delivery) };
            rows.push(row(format!("{delivery:?}, tag {vlan:#06x}"), state, udp(V4), Expect::Delivered));
        }
    }
    rows
}
