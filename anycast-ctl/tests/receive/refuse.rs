//! Tunnel packets that are dropped, each for its reason, none changed.

use anycast_common::receive::Outcome;

use crate::{
    decapsulate::every_kind,
    harness::{Harness, Row, Setup, USUAL},
    packet::{Carrier, GUE, Tunnel, V4, V6, Version, fragment_v6},
};

/// The packet with bytes of it overwritten.
fn edited(tunnel: &Tunnel<'_>, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut packet = tunnel.bytes();
    packet[at..at + bytes.len()].copy_from_slice(bytes);
    packet
}

fn dropped(name: impl Into<String>, packet: Vec<u8>, outcome: Outcome) -> Row {
    Row::unchanged(name, packet, outcome)
}

#[test]
fn tunnels_of_others_are_dropped() {
    let mut rows = Vec::new();
    let mapped = [[0; 10].as_slice(), &[0xff; 2], &[192, 0, 2, 10]].concat().try_into().unwrap();
    for (name, tunnel) in every_kind() {
        for source_v4 in [[192, 0, 1, 255], [192, 0, 3, 0], [127, 0, 0, 1], [0; 4], [203, 0, 113, 11]] {
            if tunnel.outer == V4 {
                let packet = Tunnel { source_v4, ..tunnel }.bytes();
                rows.push(dropped(format!("{name} from {source_v4:?}"), packet, Outcome::UnknownSender));
            }
        }
        let mut other = tunnel.source_v6;
        other[5] ^= 1;
        for source_v6 in [other, [0; 16], mapped] {
            if tunnel.outer == V6 {
                let packet = Tunnel { source_v6, ..tunnel }.bytes();
                rows.push(dropped(format!("{name} from {source_v6:?}"), packet, Outcome::UnknownSender));
            }
        }
        // A prefix of one family means nothing to the other, however short it is.
        let senders: &[&str] = if tunnel.outer == V4 { &["::/0"] } else { &["0.0.0.0/0"] };
        for senders in [senders, &[]] {
            let row = dropped(format!("{name}, only {senders:?}"), tunnel.bytes(), Outcome::UnknownSender);
            rows.push(row.with(Setup { senders, ..USUAL }));
        }
        // Nobody else's packets are judged any further.
        let stranger = Tunnel { source_v4: [10, 0, 0, 1], source_v6: other, ..tunnel };
        let mut broken = stranger.bytes();
        broken.truncate(stranger.inner_at());
        rows.push(dropped(format!("{name} from others, cut"), broken, Outcome::UnknownSender));
    }
    Harness::new().run_all(&rows);
}

#[test]
fn fragments_of_tunnels_are_dropped() {
    let mut rows = Vec::new();
    for (name, tunnel) in every_kind() {
        let is_gue = tunnel.carrier != Carrier::Ipip;
        // More fragments, middle, last. Ports lie in the first one only: of others nobody knows that they are GUE's.
        for (kind, offset, more) in
            [("first", 0, true), ("second", 1, true), ("middle", 5, true), ("last", 5, false)]
        {
            let outcome = if is_gue && offset > 0 { Outcome::NotTunnel } else { Outcome::Fragment };
            let packet = match tunnel.outer {
                V4 => {
                    let flags = u16::from(more) << 13 | offset;
                    edited(&tunnel, tunnel.outer_at() + 6, &flags.to_be_bytes())
                }
                V6 => fragment_v6(&tunnel, offset, more),
            };
            rows.push(dropped(format!("{name}, {kind} fragment"), packet, outcome));
        }
    }
    // A whole packet with a fragment header (RFC 6946) is one that a sender of ours does not send.
    let whole = fragment_v6(&Tunnel::new(V6, Carrier::Ipip, V4), 0, false);
    rows.push(dropped("atomic fragment", whole, Outcome::Fragment));
    Harness::new().run_all(&rows);
}

#[test]
fn outer_headers_that_lie_are_dropped() {
    let mut rows = Vec::new();
    for (name, tunnel) in every_kind() {
        let (at, carrier_at, is_gue) =
            (tunnel.outer_at(), tunnel.carrier_at(), tunnel.carrier != Carrier::Ipip);
        let total = (tunnel.bytes().len() - at) as u16;
        // With lengths like these nobody knows whether UDP is GUE: the stack may judge it.
        let unclear = if is_gue { Outcome::NotTunnel } else { Outcome::BadOuter };
        match tunnel.outer {
            V4 => {
                for first in [0x40, 0x44] {
                    let packet = edited(&tunnel, at, &[first]);
                    rows.push(dropped(format!("{name}, header length {first:#x}"), packet, unclear));
                }
                for length in [0, 19] {
                    let packet = edited(&tunnel, at + 2, &u16::to_be_bytes(length));
                    rows.push(dropped(format!("{name}, total length {length}"), packet, unclear));
                }
                for length in [total + 1, u16::MAX] {
                    let packet = edited(&tunnel, at + 2, &length.to_be_bytes());
                    rows.push(dropped(format!("{name}, total length {length}"), packet, Outcome::BadOuter));
                }
            }
            V6 => {
                for length in [total - 40 + 1, u16::MAX] {
                    let packet = edited(&tunnel, at + 4, &length.to_be_bytes());
                    rows.push(dropped(format!("{name}, payload length {length}"), packet, Outcome::BadOuter));
                }
            }
        }
        if is_gue {
            let room = (tunnel.bytes().len() - carrier_at) as u16;
            for length in [0, 7, room + 1, u16::MAX] {
                let packet = edited(&tunnel, carrier_at + 4, &length.to_be_bytes());
                rows.push(dropped(format!("{name}, UDP length {length}"), packet, Outcome::BadOuter));
            }
        }
        // Cut short, while the outer header states what was sent.
        for cut in 1..=tunnel.inner_bytes(0).len() {
            let mut packet = tunnel.bytes();
            packet.truncate(packet.len() - cut);
            rows.push(dropped(format!("{name}, {cut} bytes cut"), packet, Outcome::BadOuter));
        }
    }
    Harness::new().run_all(&rows);
}

#[test]
fn inner_headers_that_lie_are_dropped() {
    let mut rows = Vec::new();
    for (name, tunnel) in every_kind() {
        let (at, is_gue) = (tunnel.inner_at(), tunnel.carrier != Carrier::Ipip);
        let length = tunnel.inner_bytes(0).len() as u16;
        match tunnel.inner {
            V4 => {
                for first in [0x40, 0x44] {
                    let packet = edited(&tunnel, at, &[first]);
                    rows.push(dropped(
                        format!("{name}, header length {first:#x}"),
                        packet,
                        Outcome::BadInner,
                    ));
                }
                for length in [0, 19, length + 1, u16::MAX] {
                    let packet = edited(&tunnel, at + 2, &length.to_be_bytes());
                    rows.push(dropped(format!("{name}, total length {length}"), packet, Outcome::BadInner));
                }
                // Options that end behind the packet.
                let mut packet = edited(&tunnel, at, &[0x4f]);
                packet[at + 2..at + 4].copy_from_slice(&59_u16.to_be_bytes());
                rows.push(dropped(format!("{name}, options beyond the packet"), packet, Outcome::BadInner));
            }
            V6 => {
                for length in [length - 40 + 1, u16::MAX] {
                    let packet = edited(&tunnel, at + 4, &length.to_be_bytes());
                    rows.push(dropped(format!("{name}, payload length {length}"), packet, Outcome::BadInner));
                }
            }
        }
        // An honest tunnel packet around too little.
        for room in 0..tunnel.inner.header() {
            let packet = tunnel.around(tunnel.inner_bytes(0)[..room].to_owned());
            rows.push(dropped(format!("{name} with {room} bytes"), packet, Outcome::BadInner));
        }
        // The nibble that is the version.
        for nibble in (0..16).filter(|nibble| *nibble != tunnel.inner_bytes(0)[0] >> 4) {
            let packet = edited(&tunnel, at, &[nibble << 4 | 5]);
            let outcome = match nibble {
                // GUE says nothing of the version beforehand: the other one may be a lie in the lengths.
                4 | 6 if is_gue => continue,
                _ if is_gue => Outcome::GueVariant,
                _ => Outcome::InnerVersion,
            };
            rows.push(dropped(format!("{name}, version {nibble}"), packet, outcome));
        }
    }
    Harness::new().run_all(&rows);
}

#[test]
fn gue_with_a_header_of_its_own_is_dropped() {
    let mut rows = Vec::new();
    for outer in Version::BOTH {
        // Variant 0 (draft-ietf-intarea-gue section 3): version and header length, protocol, flags; data and control.
        for (name, header) in
            [("data", [0x00, 4, 0, 0]), ("control", [0x20, 1, 0, 0]), ("with a field", [0x01, 41, 0, 0])]
        {
            let tunnel = Tunnel::new(outer, GUE, V4);
            let packet = tunnel.around([&header[..], &tunnel.inner_bytes(0)].concat());
            rows.push(dropped(format!("variant 0, {name}, in {outer:?}"), packet, Outcome::GueVariant));
        }
        let text = Tunnel::new(outer, GUE, V6).around(b"GET / HTTP/1.1\r\n\r\n".to_vec());
        rows.push(dropped(format!("nothing like GUE in {outer:?}"), text, Outcome::BadInner));
        let probe = Tunnel::new(outer, GUE, V6).around(b"\xc0probe".to_vec());
        rows.push(dropped(format!("a QUIC-like probe in {outer:?}"), probe, Outcome::GueVariant));
    }
    Harness::new().run_all(&rows);
}

#[test]
fn the_last_unknown_sender_is_remembered() {
    for (tunnel, address) in [
        (Tunnel { source_v4: [10, 9, 8, 7], ..Tunnel::new(V4, GUE, V4) }, "10.9.8.7"),
        (
            Tunnel { source_v6: [0xfd; 16], ..Tunnel::new(V6, GUE, V4) },
            "fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd",
        ),
    ] {
        let mut harness = Harness::new();
        harness.set_up(USUAL);
        assert!(harness.strangers().is_empty());
        harness.run("of a sender", &Tunnel::new(V4, GUE, V4).bytes(), &Tunnel::new(V4, GUE, V4).expected(0));
        assert!(harness.strangers().is_empty());
        harness.run("of a stranger", &tunnel.bytes(), &tunnel.bytes());
        // The two programs may have run on different CPUs, each with maps of its own.
        assert_eq!(harness.strangers(), [address.parse().unwrap()].into());
    }
}
