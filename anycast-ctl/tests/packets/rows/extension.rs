//! IPv6 extension headers are walked, up to a limit, and stay.

use anycast_common::{backend::Delivery, reason::Reason};

use crate::{
    harness::Harness,
    packet::{Extension, L4, Packet, V6, icmp, syn, tcp, to, udp},
    site::{L2, by},
    table::{Expect, Row, check, row},
};

use Extension::{Authentication, Destination, Fragment, HopByHop, Routing};

/// One that is a whole packet (RFC 6946).
const ATOMIC: Extension = Fragment { steps: 0, more: false, id: 7 };

#[test]
fn extension_headers_are_walked() {
    check(&mut Harness::new(), &rows());
}

pub fn rows() -> Vec<Row> {
    [single(), chains(), ends()].concat()
}

fn with(extensions: &[Extension], packet: Packet) -> Packet {
    Packet { extensions: extensions.to_vec(), ..packet }
}

fn single() -> Vec<Row> {
    let kinds: [fn(usize) -> Extension; 3] = [HopByHop, Routing, Destination];
    let sized = kinds.into_iter().flat_map(|kind| [8, 16, 24, 264, 1024, 2048].map(kind));
    // AH counts in words of 4 bytes, less 2 (RFC 4302 section 2.2).
    let authentication = [12, 16, 20, 24, 28, 44, 1024].map(Authentication);
    let mut rows = Vec::new();
    for extension in sized.chain(authentication).chain([ATOMIC]) {
        for (name, packet) in [("tcp", syn(V6)), ("udp", udp(V6))] {
            let packet = with(&[extension], packet);
            rows.push(row(format!("{name} behind {extension:?}"), L2, packet, Expect::Delivered));
        }
    }
    for extension in [HopByHop(8), Routing(24), Destination(264), Authentication(20), ATOMIC] {
        let tagged = with(&[extension], tcp(V6)).tagged(&[1, 2]);
        rows.push(row(format!("tagged, {extension:?}"), L2, tagged, Expect::Delivered));
        for delivery in [Delivery::IpipV4, Delivery::GueV6] {
            let packet = with(&[extension], udp(V6));
            rows.push(row(format!("{delivery:?}, {extension:?}"), by(delivery), packet, Expect::Delivered));
        }
    }
    rows
}

fn chains() -> Vec<Row> {
    let mut rows = Vec::new();
    // The order of RFC 8200 section 4.1.
    let whole = [HopByHop(8), Destination(16), Routing(24), ATOMIC, Authentication(24), Destination(8)];
    for length in 2..=6 {
        let packet = with(&whole[..length], tcp(V6));
        rows.push(row(format!("the first {length} of the order"), L2, packet, Expect::Delivered));
        let packet = with(&[Destination(8)].repeat(length), udp(V6));
        rows.push(row(format!("{length} destination options"), L2, packet, Expect::Delivered));
        let packet = with(&[Authentication(12)].repeat(length), udp(V6));
        rows.push(row(format!("{length} of AH, of 12 bytes"), L2, packet, Expect::Delivered));
    }
    rows.push(row("two atomic fragment headers", L2, with(&[ATOMIC, ATOMIC], udp(V6)), Expect::Delivered));
    for length in [7, 8, 20] {
        let packet = with(&[Destination(8)].repeat(length), udp(V6));
        let dropped = Expect::Refused(Reason::ExtensionHeader);
        rows.push(row(format!("{length} extension headers"), L2, packet, dropped));
    }
    rows
}

/// What comes behind, or does not.
fn ends() -> Vec<Row> {
    let refused = |name: &str, packet, reason| row(name, L2, packet, Expect::Refused(reason));
    let raw = |protocol, bytes| to(V6, L4::Raw(protocol)).sized(bytes);
    let behind = |packet| with(&[HopByHop(8)], packet);
    let (cut, unknown) = (Reason::ExtensionHeader, Reason::UnknownPortPassed);
    let mut rows = vec![
        refused("no next header", behind(raw(59, 0)), unknown),
        refused("no next header, and bytes behind it", behind(raw(59, 9)), unknown),
        refused("esp", behind(raw(50, 40)), unknown),
        refused("mobility header", behind(raw(135, 16)), unknown),
        refused("icmp of the other family", behind(raw(1, 16)), unknown),
        refused("a port nobody serves", behind(to(V6, L4::Udp(1, 99))), unknown),
        refused("echo request", behind(icmp(V6, 128, 0, [0, 1, 0, 1], b"ping")), Reason::Icmp),
        refused("cut within a tcp header", with(&[Destination(8)], raw(6, 19)), Reason::Truncated),
        refused("cut within a udp header", with(&[Destination(8)], raw(17, 7)), Reason::Truncated),
        refused("hop limit 1", Packet { hop_limit: 1, ..behind(udp(V6)) }, Reason::TtlExpired),
    ];
    for (name, number) in
        [("hop-by-hop", 0), ("routing", 43), ("fragment", 44), ("authentication", 51), ("destination", 60)]
    {
        for bytes in [0, 1, 3, 7] {
            let packet = behind(raw(number, bytes));
            // What the frame has behind the packet is none of it.
            let padded = Packet { trailer: vec![0; 64], ..packet.clone() };
            rows.push(refused(&format!("{bytes} bytes of a {name} header"), packet, cut));
            rows.push(refused(&format!("{bytes} bytes of a {name} header, padded"), padded, cut));
        }
        // One that states more than there is: a length of 31 units.
        let payload = [&[17, 31, 0, 0, 0, 0, 0, 9][..], &[0; 32]].concat();
        let packet = Packet { payload, ..to(V6, L4::Raw(number)) };
        if number != 44 {
            rows.push(refused(&format!("a {name} header longer than the packet"), packet.clone(), cut));
            let padded = Packet { trailer: vec![0; 300], ..packet };
            rows.push(refused(&format!("a {name} header longer than the packet, padded"), padded, cut));
        }
    }
    rows
}
