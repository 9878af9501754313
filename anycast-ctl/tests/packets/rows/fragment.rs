//! Fragments: later ones follow the first, and those that cannot go by addresses and protocol.

use anycast_common::{
    address::Address,
    backend::Delivery,
    detail::Detail::{FragmentFirst, FragmentFollowed, FragmentOutOfOrder, FragmentOverlap, FragmentStray},
    flow::Flow,
    reason::Reason,
    slot::Slot,
};
use anycast_ctl::model::UdpPolicy;

use crate::{
    harness::Harness,
    packet::{BOTH, Extension, L4, Packet, V4, V6, client, is_v6, syn, to, udp},
    site::{L2, State, by},
    table::{Expect, Row, check, row},
};

#[test]
fn fragments_follow_the_first() {
    check(&mut Harness::new(), &rows());
}

pub fn rows() -> Vec<Row> {
    let per_vip = [stories, states, tunnels, services, lengths];
    let both = per_vip.into_iter().flat_map(|table| BOTH.into_iter().flat_map(table));
    both.chain(only_v6()).collect()
}

/// A datagram of 48 bytes with its UDP header.
fn datagram(vip: &str) -> Packet {
    udp(vip).sized(40)
}

/// A later fragment that nothing is known about.
fn stray(packet: &Packet) -> Packet {
    let vip = packet.destination;
    let flow = Flow {
        source: Address::from(packet.source),
        destination: Address::from(vip),
        source_port: 0,
        destination_port: 0,
        // IPv6 does not say in later fragments what they are of: taken for UDP.
        protocol: if vip.is_ipv6() { 17 } else { packet.protocol() },
    };
    Packet { flow: Some(flow), ..packet.clone() }
}

fn name(vip: &str, what: &str) -> String {
    format!("{}, {what}", if is_v6(vip) { "v6" } else { "v4" })
}

fn stories(vip: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |what: &str, packet: &Packet, details: &[_]| {
        let packet = if details.contains(&FragmentStray) { stray(packet) } else { packet.clone() };
        rows.push(row(name(vip, what), L2, packet, Expect::Delivered).details(details));
    };
    let whole = datagram(vip);
    let parts = whole.fragments(1, &[16, 32]);
    add("first of three", &parts[0], &[FragmentFirst]);
    add("second", &parts[1], &[FragmentFollowed]);
    add("last", &parts[2], &[FragmentFollowed]);
    add("last, repeated", &parts[2], &[FragmentFollowed, FragmentOverlap]);
    add("second, repeated", &parts[1], &[FragmentFollowed, FragmentOverlap]);

    let parts = whole.fragments(2, &[16, 24, 32]);
    add("first, then out of order", &parts[0], &[FragmentFirst]);
    add("the last before the second", &parts[3], &[FragmentFollowed, FragmentOutOfOrder]);
    add("the third before the second", &parts[2], &[FragmentFollowed, FragmentOutOfOrder]);
    add("the second fills the gap", &parts[1], &[FragmentFollowed]);

    let (parts, others) = (whole.fragments(3, &[16, 32]), whole.fragments(3, &[24, 40]));
    add("first, then an overlap", &parts[0], &[FragmentFirst]);
    add("second of that", &parts[1], &[FragmentFollowed]);
    add("one that reaches back into it", &others[1], &[FragmentFollowed, FragmentOverlap]);

    let parts = whole.fragments(4, &[16, 32]);
    add("one before its first", &parts[1], &[FragmentStray]);
    add("the first of it", &parts[0], &[FragmentFirst]);
    add("the last of it", &parts[2], &[FragmentFollowed, FragmentOutOfOrder]);

    // Another datagram of the same number: it begins anew.
    let reused = whole.clone().with_port(40_001).fragments(1, &[16]);
    add("number used again", &reused[0], &[FragmentFirst]);
    add("later of the number used again", &reused[1], &[FragmentFollowed]);
    add("later of another number", &whole.fragments(5, &[16])[1], &[FragmentStray]);
    let source = if is_v6(vip) { "2001:db8:ffff::8" } else { "198.51.100.8" }.parse().unwrap();
    let elsewhere = Packet { source, ..datagram(vip) }.fragments(1, &[16]);
    add("later from another source", &elsewhere[1], &[FragmentStray]);

    let parts = syn(vip).sized(40).fragments(6, &[24]);
    add("first of a tcp segment", &parts[0], &[FragmentFirst]);
    add("later of a tcp segment", &parts[1], &[FragmentFollowed]);
    let parts = datagram(vip).tagged(&[7, 8]).fragments(7, &[8]);
    add("nothing but the udp header, tagged", &parts[0], &[FragmentFirst]);
    add("all of the payload, tagged", &parts[1], &[FragmentFollowed]);
    let long = udp(vip).of_length(4400).fragments(8, &[1480, 2960]);
    add("first of a long datagram", &long[0], &[FragmentFirst]);
    add("second of a long datagram", &long[1], &[FragmentFollowed]);
    add("last of a long datagram", &long[2], &[FragmentFollowed]);
    rows
}

/// What is remembered is believed as long as the backend is the same and usable.
fn states(vip: &'static str) -> Vec<Row> {
    let state = |owner| State { slot: Some(Slot::stable(owner)), ..L2 };
    let parts = |id| datagram(vip).fragments(id, &[16, 32]);
    let (one, other) = (parts(20), parts(21));
    let pinned = datagram(vip).with_port(41_000);
    let pinned = Packet { opens: Some(true), ..pinned }.fragments(22, &[16, 32]);
    let stray = |packet| stray(packet);
    let down = State { down: Some(1), ..state(1) };
    vec![
        row(name(vip, "first, to 1"), state(1), one[0].clone(), Expect::To(1)).details(&[FragmentFirst]),
        row(name(vip, "slot moves to 2"), state(2), one[1].clone(), Expect::To(1))
            .details(&[FragmentFollowed]),
        row(name(vip, "1 is down"), down, stray(&one[2]), Expect::Refused(Reason::BackendUnusable))
            .details(&[FragmentStray]),
        row(
            name(vip, "1 is down, slot at 2"),
            State { down: Some(1), ..state(2) },
            stray(&one[2]),
            Expect::To(2),
        )
        .details(&[FragmentStray]),
        row(name(vip, "1 is back"), state(2), one[2].clone(), Expect::To(1)).details(&[FragmentFollowed]),
        row(name(vip, "another first, to 1"), state(1), other[0].clone(), Expect::To(1))
            .details(&[FragmentFirst]),
        row(name(vip, "1 is another"), State { generation: 1, ..state(2) }, stray(&other[1]), Expect::To(2))
            .details(&[FragmentStray]),
        row(
            name(vip, "first while 1 is down"),
            down,
            parts(23)[0].clone(),
            Expect::Refused(Reason::BackendUnusable),
        ),
        row(name(vip, "later of the refused first"), state(2), stray(&parts(23)[1]), Expect::To(2))
            .details(&[FragmentStray]),
        row(
            name(vip, "pinned, first"),
            State { udp: UdpPolicy::Pinned, ..state(1) },
            pinned[0].clone(),
            Expect::To(1),
        )
        .details(&[FragmentFirst]),
        row(
            name(vip, "pinned, later"),
            State { udp: UdpPolicy::Pinned, ..state(2) },
            pinned[1].clone(),
            Expect::To(1),
        )
        .details(&[FragmentFollowed]),
    ]
}

/// All fragments of a datagram look the same from outside, so that they take the same way.
fn tunnels(vip: &'static str) -> Vec<Row> {
    let tunnels =
        [Delivery::IpipV4, Delivery::IpipV6, Delivery::GueV4, Delivery::GueV6].into_iter().zip(30..);
    let mut rows = Vec::new();
    for (delivery, id) in tunnels {
        let state = State { slot: Some(Slot::stable(1)), ..by(delivery) };
        let parts = datagram(vip).fragments(id, &[16, 32]);
        let follows = || Expect::Follows(1, Box::new(datagram(vip)));
        let name = |what| name(vip, &format!("{delivery:?}, {what}"));
        rows.push(row(name("first"), state, parts[0].clone(), Expect::To(1)).details(&[FragmentFirst]));
        rows.push(row(name("second"), state, parts[1].clone(), follows()).details(&[FragmentFollowed]));
        rows.push(row(name("last"), state, parts[2].clone(), follows()).details(&[FragmentFollowed]));
    }
    let parts = datagram(vip).fragments(40, &[16]);
    let lone = row(name(vip, "stray in a tunnel"), by(Delivery::GueV4), stray(&parts[1]), Expect::Delivered);
    rows.push(lone.details(&[FragmentStray]));
    let local = by(Delivery::Local);
    rows.push(
        row(name(vip, "local, first"), local, parts[0].clone(), Expect::Delivered).details(&[FragmentFirst]),
    );
    rows.push(
        row(name(vip, "local, later"), local, parts[1].clone(), Expect::Delivered)
            .details(&[FragmentFollowed]),
    );
    rows
}

fn services(vip: &'static str) -> Vec<Row> {
    let refused = |what: &str, packet, reason| row(name(vip, what), L2, packet, Expect::Refused(reason));
    let (v4, v6) = ((V4, "192.0.2.5", "192.0.2.13"), (V6, "2001:db8:0:1::5", "2001:db8:0:1::13"));
    let (passing, dropping, tcp_only) = if is_v6(vip) { v6 } else { v4 };
    let unserved = to(passing, L4::Udp(1, 99)).sized(40).fragments(50, &[16]);
    let gre = |vip| to(vip, L4::Raw(47)).sized(48).fragments(51, &[16]);
    // What IPv6 is of, its later fragments do not say.
    let taken_for_udp = |reason| if is_v6(vip) { Expect::Delivered } else { Expect::Refused(reason) };
    let (pass, drop) = (Reason::UnknownPortPassed, Reason::UnknownPortDropped);
    let tcp_later = stray(&syn(tcp_only).sized(40).fragments(52, &[24])[1]);
    let tcp_expected = if is_v6(vip) { Expect::Refused(pass) } else { Expect::Delivered };
    let udp_later = stray(&datagram(tcp_only).fragments(53, &[24])[1]);
    let first = |packet: Packet, cut| packet.fragments(54, &[cut])[0].clone();
    let loops = Packet { hop_limit: 1, ..datagram(vip) }.fragments(55, &[16]);
    vec![
        refused("first to a port nobody serves", unserved[0].clone(), pass),
        row(name(vip, "later of the port nobody serves"), L2, stray(&unserved[1]), Expect::Delivered)
            .details(&[FragmentStray]),
        refused("first of gre", gre(passing)[0].clone(), pass),
        row(name(vip, "later of gre"), L2, stray(&gre(passing)[1]), taken_for_udp(pass))
            .details(&[FragmentStray]),
        refused("first of gre, dropped", gre(dropping)[0].clone(), drop),
        row(name(vip, "later of gre, dropped"), L2, stray(&gre(dropping)[1]), taken_for_udp(drop))
            .details(&[FragmentStray]),
        row(name(vip, "tcp served, later of tcp"), L2, tcp_later, tcp_expected).details(&[FragmentStray]),
        row(name(vip, "tcp served, later of udp"), L2, udp_later, Expect::Refused(pass))
            .details(&[FragmentStray]),
        refused("tiny first of tcp", first(syn(vip).sized(40), 8), Reason::Truncated),
        refused("first of tcp, less four bytes", first(syn(vip).sized(40), 16), Reason::Truncated),
        row(name(vip, "first with hop limit 1"), L2, loops[0].clone(), Expect::Refused(Reason::TtlExpired))
            .details(&[FragmentFirst]),
        row(name(vip, "later with hop limit 1"), L2, loops[1].clone(), Expect::Refused(Reason::TtlExpired))
            .details(&[FragmentFollowed]),
    ]
}

fn lengths(vip: &'static str) -> Vec<Row> {
    let piece = |steps, more, bytes| {
        let packet = to(vip, L4::Raw(17)).sized(bytes);
        stray(&if is_v6(vip) {
            Packet { extensions: vec![Extension::Fragment { steps, more, id: 60 }], ..packet }
        } else {
            Packet { fragment: (steps, more), identification: 60, ..packet }
        })
    };
    let bad = |what: &str, steps, more, bytes| {
        row(name(vip, what), L2, piece(steps, more, bytes), Expect::Refused(Reason::BadFragment))
    };
    let good = |what: &str, steps, more, bytes| {
        row(name(vip, what), L2, piece(steps, more, bytes), Expect::Delivered).details(&[FragmentStray])
    };
    // What is reassembled is a packet with a header, and states its length in 16 bits: IPv4's includes the header.
    let (steps, bytes) = if is_v6(vip) { (8191, 7) } else { (8189, 3) };
    vec![
        bad("empty first", 0, true, 0),
        bad("empty later", 3, true, 0),
        bad("empty last", 3, false, 0),
        bad("first of 17 bytes", 0, true, 17),
        bad("later of 7 bytes", 3, true, 7),
        good("last of 7 bytes", 3, false, 7),
        good("last of 1 byte", 3, false, 1),
        good("ends at the last byte", steps, false, bytes),
        bad("ends behind the last byte", steps, false, bytes + 1),
        bad("ends far behind the last byte", 8191, false, 1400),
        bad("more to come behind the last byte", 8191, true, 8),
    ]
}

fn only_v6() -> Vec<Row> {
    let fragment = |steps, more, id| Extension::Fragment { steps, more, id };
    let with =
        |extensions: &[Extension], packet: Packet| Packet { extensions: extensions.to_vec(), ..packet };
    let row = |what: &str, packet, details: &[_]| {
        row(name(V6, what), L2, packet, Expect::Delivered).details(details)
    };
    // Headers in front of the fragment header are in each fragment, those behind it in the first alone.
    let front = with(&[Extension::HopByHop(8), Extension::Routing(24)], datagram(V6)).fragments(70, &[16]);
    let mut rows = vec![
        row("atomic", with(&[fragment(0, false, 1)], udp(V6)), &[]),
        row("first behind other headers", front[0].clone(), &[FragmentFirst]),
        row("later behind other headers", front[1].clone(), &[FragmentFollowed]),
    ];
    let body = datagram(V6).body();
    for (id, inner) in [(71, Extension::Destination(16)), (72, Extension::Authentication(24))] {
        let length = 16 + if id == 72 { 8 } else { 0 };
        let first = with(&[fragment(0, true, id), inner], to(V6, L4::Raw(17)));
        let flow = Some(datagram(V6).flow());
        let first = Packet { payload: body[..24].to_vec(), flow, ..first };
        let steps = (length + 24) / 8;
        let last = with(&[fragment(steps, false, id)], to(V6, L4::Raw(inner.number())));
        let last = Packet { payload: body[24..].to_vec(), flow, ..last };
        rows.push(row(&format!("first with {inner:?} inside"), first, &[FragmentFirst]));
        rows.push(row(&format!("later, first with {inner:?} inside"), last, &[FragmentFollowed]));
    }
    // With other headers in the packet, less fits behind them.
    let beyond = with(&[Extension::HopByHop(8), fragment(8190, false, 73)], to(V6, L4::Raw(17)));
    let bad = |bytes| Expect::Refused(if bytes > 7 { Reason::BadFragment } else { Reason::Icmp });
    rows.push(row("ends at the last byte, other headers", stray(&beyond.clone().sized(7)), &[FragmentStray]));
    rows.push(Row { expect: bad(8), ..row("ends behind it, other headers", beyond.sized(8), &[]) });
    // The number of what follows may differ: only the first one's counts (RFC 8200 section 4.5).
    let parts = datagram(V6).fragments(74, &[16]);
    let odd = with(&[fragment(2, false, 74)], Packet { l4: L4::Raw(6), ..parts[1].clone() });
    rows.push(row("first, of udp", parts[0].clone(), &[FragmentFirst]));
    rows.push(row("later, said to be of tcp", odd, &[FragmentFollowed]));
    assert_eq!(rows[0].packet.source, client(V6));
    rows
}
