//! Packets cut short at every byte, header boundaries included.

use anycast_common::reason::Reason;

use crate::{
    harness::{Harness, Outcome},
    packet::{Packet, V4, V6, syn, udp},
};

/// The kernel takes no test frame below an Ethernet header.
const SHORTEST: usize = 14;

#[test]
fn a_frame_cut_at_any_byte_is_judged_by_what_is_left() {
    let mut harness = Harness::lean();
    for (vip, address, ip_header) in [(1, V4, 20), (2, V6, 40)] {
        for whole in [syn(address), udp(address)] {
            for tags in [&[][..], &[100], &[100, 200]] {
                let packet = Packet { payload: vec![1], ..whole.clone() }.tagged(tags).bytes();
                let destination_known = 14 + 4 * tags.len() + ip_header;
                for length in SHORTEST..packet.len() {
                    let name =
                        format!("{address} {:?} {tags:?} cut to {length} of {}", whole.l4, packet.len());
                    // The IP header states more than what is left, whatever header the cut lies in.
                    let expected = if length < destination_known {
                        Outcome::Passed { vip: 0, reason: Reason::NotIp }
                    } else {
                        Outcome::Dropped { vip, reason: Reason::BadHeader }
                    };
                    assert_eq!(harness.run(&name, &packet[..length]), expected, "{name}");
                }
            }
        }
    }
}

#[test]
fn an_honest_header_over_too_little_transport_is_truncated() {
    let mut harness = Harness::lean();
    for (vip, address, length_at, ip_header) in [(1, V4, 16, 20), (2, V6, 18, 40)] {
        for (whole, transport_header) in [(syn(address), 20), (udp(address), 8)] {
            let packet = whole.clone().sized(0).bytes();
            for room in 0..transport_header {
                let mut cut = packet[..14 + ip_header + room].to_owned();
                let stated = if ip_header == 20 { ip_header + room } else { room } as u16;
                cut[length_at..length_at + 2].copy_from_slice(&stated.to_be_bytes());
                let name = format!("{address} {:?} with {room} of {transport_header} bytes", whole.l4);
                let expected = Outcome::Dropped { vip, reason: Reason::Truncated };
                assert_eq!(harness.run(&name, &cut), expected, "{name}");
            }
        }
    }
}
