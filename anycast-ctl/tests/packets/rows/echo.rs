//! Echo requests are answered in place; what else ICMP has for a VIP goes to the host's stack.

use anycast_common::reason::Reason;

use crate::{
    harness::Harness,
    packet::{BOTH, Extension, L4, Packet, V4, V6, icmp, is_v6, to},
    site::{L2, State},
    table::{Expect, Row, check, row},
};

#[test]
fn echo_requests_are_answered() {
    check(&mut Harness::new(), &rows());
}

pub fn rows() -> Vec<Row> {
    [answered(), passed(), sources(), other_types()].concat()
}

/// An echo request.
pub fn request(vip: &str) -> Packet {
    icmp(vip, if is_v6(vip) { 128 } else { 8 }, 0, [0x12, 0x34, 0, 1], b"abcdefgh")
}

/// Its reply.
pub fn reply(request: &Packet) -> Packet {
    let L4::Icmp(_, code, rest) = request.l4 else { panic!("no icmp") };
    let [destination, source] = request.macs;
    // 0 and 0xffff are one number, and the program prefers the one that is right for all data.
    let is_zero = request.body()[4..].iter().all(|&byte| byte == 0xff) && request.destination.is_ipv4();
    let edits = if is_zero { vec![(22, vec![0xff, 0xff])] } else { Vec::new() };
    Packet {
        edits,
        macs: [source, destination],
        source: request.destination,
        destination: request.source,
        hop_limit: 64,
        l4: L4::Icmp(if request.destination.is_ipv6() { 129 } else { 0 }, code, rest),
        ..request.clone()
    }
}

fn answered() -> Vec<Row> {
    let mut rows = Vec::new();
    // Every VIP answers, whatever its pool.
    for vip in [V4, V6, "192.0.2.5", "2001:db8:0:1::5", "192.0.2.7", "2001:db8:0:1::7"] {
        let mut add = |name: &str, request: Packet| {
            let answer = Expect::Answered(Reason::EchoAnswered, Box::new(reply(&request)));
            rows.push(row(format!("{vip} {name}"), L2, request, answer));
        };
        add("echo", request(vip));
        if !BOTH.contains(&vip) {
            continue;
        }
        for size in [0, 1, 7, 56, 1400, 3300, 8000] {
            add(&format!("echo of {size} bytes"), request(vip).sized(size));
        }
        for hop_limit in [0, 1, 2, 255] {
            add(&format!("echo with hop limit {hop_limit}"), Packet { hop_limit, ..request(vip) });
        }
        add("echo, one tag", request(vip).tagged(&[9]));
        add("echo, two tags", request(vip).tagged(&[9, 10]));
        add("echo with a class", Packet { class: 0xb9, ..request(vip) });
        add("echo that is not to be fragmented", Packet { dont_fragment: true, ..request(vip) });
        add("echo in a padded frame", Packet { trailer: vec![0; 12], ..request(vip) });
        add("echo from the vip itself", Packet { source: vip.parse().unwrap(), ..request(vip) });
        let code = if is_v6(vip) { 128 } else { 8 };
        add("echo with a code", icmp(vip, code, 5, [0; 4], b""));
        // What makes the sums 0 or -0.
        add("echo of zeroes", icmp(vip, code, 0, [0; 4], &[]));
        add("echo of ones", icmp(vip, code, 0, [0xff; 4], &[0xff; 8]));
    }
    rows
}

fn passed() -> Vec<Row> {
    let mut rows = Vec::new();
    let silent = State { echo: false, ..L2 };
    for vip in BOTH {
        let mut add = |name: &str, state, packet, reason| {
            rows.push(row(format!("{vip} {name}"), state, packet, Expect::Refused(reason)));
        };
        add("echo that the vip does not want answered", silent, request(vip), Reason::Icmp);
        let broadcast = Packet { macs: [[0xff; 6], [2, 1, 1, 1, 1, 1]], ..request(vip) };
        add("echo in a broadcast frame", L2, broadcast, Reason::Icmp);
        let multicast = Packet { macs: [[1, 0, 0x5e, 0, 0, 1], [2, 1, 1, 1, 1, 1]], ..request(vip) };
        add("echo in a multicast frame", L2, multicast, Reason::Icmp);
        add("echo reply", L2, icmp(vip, if is_v6(vip) { 129 } else { 0 }, 0, [0; 4], b"ping"), Reason::Icmp);
        for fragment in request(vip).sized(40).fragments(77, &[16, 32]).into_iter().enumerate() {
            add(&format!("fragment {} of an echo", fragment.0), L2, fragment.1, Reason::Icmp);
        }
        for bytes in [0, 1, 4, 7] {
            let protocol = if is_v6(vip) { 58 } else { 1 };
            let cut = to(vip, L4::Raw(protocol)).sized(bytes);
            add(&format!("{bytes} bytes of icmp"), L2, cut, Reason::Truncated);
        }
        let other = to(vip, L4::Raw(if is_v6(vip) { 1 } else { 58 }));
        add("icmp of the other family", L2, other, Reason::UnknownPortPassed);
    }
    // Later fragments too, where ports that nobody serves are dropped.
    for vip in ["192.0.2.5", "2001:db8:0:1::5"] {
        for (position, fragment) in request(vip).sized(40).fragments(78, &[16]).into_iter().enumerate() {
            let name = format!("{vip} fragment {position} of an echo");
            rows.push(row(name, L2, fragment, Expect::Refused(Reason::Icmp)));
        }
    }
    for words in [1, 10] {
        let packet = Packet { options: vec![1; words * 4], ..request(V4) };
        rows.push(row(
            format!("echo with {words} words of options"),
            L2,
            packet,
            Expect::Refused(Reason::Icmp),
        ));
    }
    for extension in [
        Extension::HopByHop(8),
        Extension::Destination(16),
        Extension::Authentication(24),
        Extension::Fragment { steps: 0, more: false, id: 3 },
    ] {
        let packet = Packet { extensions: vec![extension], ..request(V6) };
        rows.push(row(format!("echo behind {extension:?}"), L2, packet, Expect::Refused(Reason::Icmp)));
    }
    rows
}

/// Sources that nobody has: an answer would go astray, or to many.
fn sources() -> Vec<Row> {
    let v4 =
        ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"];
    let v6 = ["::", "::1", "ff02::1", "ff0e::7"];
    let v4 = v4.map(|source| (V4, source)).into_iter();
    v4.chain(v6.map(|source| (V6, source)))
        .map(|(vip, source)| {
            let packet = Packet { source: source.parse().unwrap(), ..request(vip) };
            row(format!("echo from {source}"), L2, packet, Expect::Refused(Reason::Icmp))
        })
        .collect()
}

fn other_types() -> Vec<Row> {
    let v4 = [
        ("source quench", 4),
        ("redirect", 5),
        ("router advertisement", 9),
        ("router solicitation", 10),
        ("timestamp", 13),
        ("information request", 15),
        ("address mask request", 17),
        ("an unknown type", 200),
        ("icmpv6's echo request", 128),
    ];
    let v6 = [
        ("type 0", 0),
        ("an unknown error", 5),
        ("private error", 100),
        ("the last error type", 127),
        ("multicast listener query", 130),
        ("router solicitation", 133),
        ("router advertisement", 134),
        ("neighbour solicitation", 135),
        ("neighbour advertisement", 136),
        ("redirect", 137),
        ("icmp's echo request", 8),
    ];
    let v4 = v4.map(|(name, kind)| (V4, name, kind)).into_iter();
    v4.chain(v6.map(|(name, kind)| (V6, name, kind)))
        .map(|(vip, name, kind)| {
            let packet = icmp(vip, kind, 0, [0; 4], &[0x20; 32]);
            row(format!("{vip} {name}"), L2, packet, Expect::Refused(Reason::Icmp))
        })
        .collect()
}
