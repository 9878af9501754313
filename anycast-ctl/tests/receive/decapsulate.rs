//! Tunnel packets of senders: what is inside comes out, and nothing else.

use anycast_common::receive::Outcome;

use crate::{
    harness::{Harness, Row, Setup, USUAL},
    packet::{Carrier, EDGE_V4, EDGE_V6, GUE, Tunnel, V4, V6, Version},
    verify::check,
};

/// The outcome of a tunnel packet.
pub fn outcome(carrier: Carrier) -> Outcome {
    match carrier {
        Carrier::Ipip => Outcome::Ipip,
        Carrier::Gue { .. } => Outcome::Gue,
    }
}

/// Every way to carry every version in every version.
pub fn every_kind() -> impl Iterator<Item = (String, Tunnel<'static>)> {
    let pairs = Version::BOTH.into_iter().flat_map(|outer| Version::BOTH.map(|inner| (outer, inner)));
    pairs.flat_map(|(outer, inner)| {
        [Carrier::Ipip, GUE].map(|carrier| {
            (format!("{inner:?} in {outer:?} by {carrier:?}"), Tunnel::new(outer, carrier, inner))
        })
    })
}

/// The row of a packet that comes out whole, its ECN field as it was sent.
fn row(name: String, tunnel: &Tunnel<'_>) -> Row {
    Row::inside(name, tunnel.bytes(), outcome(tunnel.carrier), tunnel.expected(tunnel.inner_ecn))
}

#[test]
fn the_packet_inside_comes_out() {
    let mut rows = Vec::new();
    for (name, tunnel) in every_kind() {
        for tags in [&[][..], &[100], &[100, 200]] {
            for udp in [false, true] {
                rows.push(row(format!("{name}, tags {tags:?}, udp {udp}"), &Tunnel { tags, udp, ..tunnel }));
            }
        }
        // The edge host has taken one off; what is left is none of this program's business.
        for ttl in [0, 1, 255] {
            rows.push(row(format!("{name}, ttl {ttl}"), &Tunnel { ttl, ..tunnel }));
        }
        rows.push(row(format!("{name}, no payload"), &Tunnel { payload: b"", ..tunnel }));
    }
    for row in &rows {
        check(&row.name, &row.output);
    }
    Harness::new().run_all(&rows);
}

#[test]
fn outer_options_are_walked() {
    // No-operations and end-of-list, RFC 791 section 3.1, up to the longest header there is.
    const OPTIONS: [u8; 40] = [1; 40];
    let mut rows = Vec::new();
    for (name, tunnel) in every_kind().filter(|(_, tunnel)| tunnel.outer == V4) {
        for words in 1..=10 {
            for tags in [&[][..], &[100, 200]] {
                let tunnel = Tunnel { options: &OPTIONS[..4 * words], tags, ..tunnel };
                rows.push(row(format!("{name}, {words} words of options, tags {tags:?}"), &tunnel));
            }
        }
    }
    Harness::new().run_all(&rows);
}

#[test]
fn any_outer_udp_checksum_will_do() {
    let mut rows = Vec::new();
    for outer in Version::BOTH {
        for inner in Version::BOTH {
            let right = Tunnel::new(outer, Carrier::Gue { port: 6080, checksum: true }, inner);
            rows.push(row(format!("right, {inner:?} in {outer:?}"), &right));
            let mut wrong = right.bytes();
            wrong[right.carrier_at() + 6] ^= 0x55;
            rows.push(Row::inside(
                format!("wrong, {inner:?} in {outer:?}"),
                wrong,
                Outcome::Gue,
                right.expected(0),
            ));
        }
    }
    Harness::new().run_all(&rows);
}

#[test]
fn what_lies_behind_the_packet_stays_behind_it() {
    let mut rows = Vec::new();
    for (name, tunnel) in every_kind() {
        // Padding of the frame.
        let (mut input, mut output) = (tunnel.bytes(), tunnel.expected(0));
        input.extend([0; 9]);
        output.extend([0; 9]);
        rows.push(Row::inside(format!("{name}, frame padded"), input, outcome(tunnel.carrier), output));
        // Bytes inside the tunnel packet behind the inner one.
        let (mut inner, mut output) = (tunnel.inner_bytes(0), tunnel.expected(0));
        inner.extend([0xee; 5]);
        output.extend([0xee; 5]);
        let input = tunnel.around(inner);
        rows.push(Row::inside(
            format!("{name}, inner packet padded"),
            input,
            outcome(tunnel.carrier),
            output,
        ));
    }
    // UDP may state less than IP does (RFC 768 says nothing of it); the inner packet ends with UDP.
    let tunnel = Tunnel::new(V4, GUE, V4);
    let mut input = tunnel.bytes();
    input.extend([0xdd; 3]);
    let at = tunnel.outer_at() + 2;
    let length = u16::from_be_bytes([input[at], input[at + 1]]) + 3;
    input[at..at + 2].copy_from_slice(&length.to_be_bytes());
    let output = [tunnel.expected(0), vec![0xdd; 3]].concat();
    rows.push(Row::inside("surplus behind UDP", input, Outcome::Gue, output));
    Harness::new().run_all(&rows);
}

#[test]
fn packets_in_several_buffers_are_taken() {
    let payload = vec![0x5a; 8800];
    let rows: Vec<Row> = every_kind()
        .flat_map(|(name, tunnel)| {
            [1400, 8800].map(|length| {
                row(format!("{name}, {length} bytes"), &Tunnel { payload: &payload[..length], ..tunnel })
            })
        })
        .collect();
    Harness::new().run_all(&rows);
}

#[test]
fn a_wrong_inner_checksum_is_left_to_the_stack() {
    let mut rows = Vec::new();
    for outer in Version::BOTH {
        let tunnel = Tunnel::new(outer, Carrier::Ipip, V4);
        let (mut input, mut output) = (tunnel.bytes(), tunnel.expected(0));
        input[tunnel.inner_at() + 10] ^= 0xff;
        output[14 + 10] ^= 0xff;
        rows.push(Row::inside(format!("in {outer:?}"), input, Outcome::Ipip, output));
    }
    Harness::new().run_all(&rows);
}

#[test]
fn senders_and_the_port_of_gue_are_what_was_configured() {
    let other_port = Setup { gue_port: Some(5555), ..USUAL };
    let elsewhere = Carrier::Gue { port: 5555, checksum: false };
    let mut rows = Vec::new();
    for version in Version::BOTH {
        let tunnel = Tunnel::new(version, elsewhere, version);
        rows.push(row(format!("GUE elsewhere, {version:?}"), &tunnel).with(other_port));
        // Any prefix, up to the single address and down to none.
        for senders in [
            &["192.0.2.10/32", "2001:db8:e::10/128"][..],
            &["192.0.2.8/29", "2001:db8:e::/64"],
            &["128.0.0.0/1", "2000::/3"],
            &["0.0.0.0/0", "::/0"],
            &["192.0.0.0/8", "192.0.2.0/24", "192.0.2.10", "2001::/16", "2001:db8:e::/48"],
        ] {
            let setup = Setup { senders, ..USUAL };
            let tunnel = Tunnel::new(version, Carrier::Ipip, version);
            rows.push(row(format!("{version:?} from {senders:?}"), &tunnel).with(setup));
        }
    }
    for last in [0, 255] {
        let tunnel = Tunnel { source_v4: [192, 0, 2, last], ..Tunnel::new(V4, GUE, V6) };
        rows.push(row(format!("from {:?}", tunnel.source_v4), &tunnel));
    }
    assert_eq!((EDGE_V4[3], EDGE_V6[15]), (10, 0x10));
    let tunnel = Tunnel {
        source_v6: [&EDGE_V6[..6], &[0xff; 10]].concat().try_into().unwrap(),
        ..Tunnel::new(V6, GUE, V4)
    };
    rows.push(row("from the last address of the prefix".into(), &tunnel));
    Harness::new().run_all(&rows);
}
