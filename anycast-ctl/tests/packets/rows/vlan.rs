//! VLAN tags: none, one, two, of either type; kept by layer 2 delivery, and by tunnels as the backend says.

use anycast_common::backend::{Delivery, LinkTag};

use crate::{
    harness::Harness,
    packet::{BOTH, C_TAG, Packet, S_TAG, tcp},
    site::{L2, State, by},
    table::{Expect, Row, check, row},
};

#[test]
fn tags_are_walked_and_kept_or_not() {
    check(&mut Harness::new(), &rows());
}

pub fn rows() -> Vec<Row> {
    let frames: [(&str, &[(u16, u16)]); 5] = [
        ("untagged", &[]),
        ("customer's tag with priority", &[(C_TAG, 0xa064)]),
        ("provider's tag", &[(S_TAG, 0x00c8)]),
        ("provider's and customer's", &[(S_TAG, 0x00c8), (C_TAG, 0x3064)]),
        ("two customer's", &[(C_TAG, 0x0fff), (C_TAG, 0)]),
    ];
    let tunnels = [Delivery::IpipV4, Delivery::IpipV6, Delivery::GueV4, Delivery::GueV6];
    let link_tags = [LinkTag::Strip, LinkTag::Keep, LinkTag::Set];
    let tunnels = tunnels.into_iter().flat_map(|tunnel| {
        link_tags.map(|link_tag| (format!("{tunnel:?} {link_tag:?}"), State { link_tag, ..by(tunnel) }))
    });
    let states: Vec<_> = [("L2".to_owned(), L2)].into_iter().chain(tunnels).collect();
    let mut rows = Vec::new();
    for (mode, state) in states {
        for (tags_name, tags) in frames {
            for vip in BOTH {
                let packet = Packet { tags: tags.to_vec(), ..tcp(vip) };
                rows.push(row(format!("{vip} {tags_name}, {mode}"), state, packet, Expect::Delivered));
            }
        }
    }
    rows
}
