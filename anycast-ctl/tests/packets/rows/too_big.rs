//! Packets that do not fit the way to their backend: their senders are told what does, where they may be.

use anycast_common::{backend::Delivery, detail::Detail, reason::Reason};

use crate::{
    harness::Harness,
    packet::{BOTH, Extension, L4, Packet, V4, V6, icmp, is_v6, syn, tcp, to, udp},
    site::{L2, State, by},
    table::{Expect, Row, check, row},
};

#[test]
fn senders_are_told_the_mtu() {
    check(&mut Harness::new(), &rows());
}

pub fn rows() -> Vec<Row> {
    let both = [fits, answered, silent].into_iter().flat_map(|table| BOTH.into_iter().flat_map(table));
    both.chain(only_v4()).chain(only_v6()).collect()
}

fn mtu(mtu: u16) -> State {
    State { mtu, ..L2 }
}

/// A packet that routers may not fragment.
fn whole(packet: Packet) -> Packet {
    Packet { dont_fragment: true, ..packet }
}

/// What its sender is told: by the VIP, with as much of the packet as there is room for.
pub fn answer(packet: &Packet, mtu: u16) -> Packet {
    let vip = packet.destination.to_string();
    let (kind, code, room) = if is_v6(&vip) { (2, 0, 1280 - 48) } else { (3, 4, 512) };
    let [high, low] = mtu.to_be_bytes();
    let class = if is_v6(&vip) { 0 } else { 0xc0 };
    let answer = icmp(&vip, kind, code, [0, 0, high, low], &packet.ip()[..room]);
    packet.answered_by(Packet { class, ..answer })
}

fn told(name: String, state: State, packet: Packet) -> Row {
    let answer = answer(&packet, state.mtu);
    row(name, state, packet, Expect::Answered(Reason::TooBigAnswered, Box::new(answer)))
}

fn dropped(name: String, state: State, packet: Packet) -> Row {
    row(name, state, packet, Expect::Refused(Reason::TooBig))
}

fn fits(vip: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    for delivery in [Delivery::L2, Delivery::IpipV4, Delivery::IpipV6, Delivery::GueV4, Delivery::GueV6] {
        let state = State { mtu: 1420, ..by(delivery) };
        let exact = whole(tcp(vip).of_length(1420));
        rows.push(row(format!("{vip} {delivery:?}, fits exactly"), state, exact, Expect::Delivered));
        let over = whole(tcp(vip).of_length(1421));
        rows.push(told(format!("{vip} {delivery:?}, one byte too big"), state, over));
    }
    // What the frame has behind the packet does not count.
    let padded = Packet { trailer: vec![0; 30], ..whole(udp(vip).of_length(1420)) };
    rows.push(row(format!("{vip} fits, in a longer frame"), mtu(1420), padded, Expect::Delivered));
    rows
}

fn answered(vip: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: &str, state, packet| rows.push(told(format!("{vip} {name}"), state, whole(packet)));
    add("udp", mtu(1400), udp(vip).of_length(1500));
    add("syn", mtu(1400), syn(vip).of_length(1500));
    add("one tag", mtu(1400), tcp(vip).of_length(1500).tagged(&[7]));
    add("two tags", mtu(1400), tcp(vip).of_length(1500).tagged(&[7, 8]));
    add(
        "tags, of a tunnel",
        State { mtu: 1400, ..by(Delivery::GueV6) },
        tcp(vip).of_length(1500).tagged(&[7]),
    );
    add("hop limit 1", mtu(1400), Packet { hop_limit: 1, ..tcp(vip).of_length(1500) });
    add("in a longer frame", mtu(1400), Packet { trailer: vec![0; 30], ..tcp(vip).of_length(1500) });
    for length in [1401, 3000, 4097, 8999, 9001] {
        add(&format!("{length} bytes, of several buffers"), mtu(1280), udp(vip).of_length(length));
    }
    for size in [1280, 1281, 1499, 8999] {
        add(&format!("mtu {size}"), mtu(size), udp(vip).of_length(usize::from(size) + 1));
    }
    add(
        "class, and another hop limit",
        mtu(1400),
        Packet { class: 0x2e, hop_limit: 9, ..tcp(vip).of_length(1500) },
    );
    rows
}

/// Senders that may not be told.
fn silent(vip: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: &str, packet: Packet| {
        rows.push(dropped(format!("{vip} {name}"), mtu(1400), whole(packet)));
    };
    let sources: &[&str] = if is_v6(vip) {
        &["::", "::1", "ff02::1"]
    } else {
        &["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"]
    };
    for source in sources {
        add(source, Packet { source: source.parse().unwrap(), ..udp(vip).of_length(1500) });
    }
    for (name, mac) in [("broadcast", [0xff; 6]), ("multicast", [0x33, 0x33, 0, 0, 0, 1])] {
        let frame = Packet { macs: [mac, [2, 1, 1, 1, 1, 1]], ..udp(vip).of_length(1500) };
        add(&format!("in a {name} frame"), frame);
    }
    let error = about_an_error(vip);
    rows.push(dropped(format!("{vip} an icmp error"), mtu(1400), error).details(&[Detail::IcmpError]));
    rows
}

/// An ICMP error that does not fit.
fn about_an_error(vip: &str) -> Packet {
    let sent = Packet {
        source: vip.parse().unwrap(),
        destination: crate::packet::client(vip),
        ..to(vip, L4::Udp(53, 40_000)).of_length(1472)
    };
    let kind = if is_v6(vip) { 1 } else { 3 };
    Packet { flow: Some(udp(vip).flow()), ..whole(icmp(vip, kind, 0, [0; 4], &sent.ip())) }
}

fn only_v4() -> Vec<Row> {
    let may = [Detail::TooBigMayFragment];
    let long = || udp(V4).of_length(4400);
    let parts = Packet { dont_fragment: false, ..long() }.fragments(90, &[1480, 2960]);
    let first = [Detail::FragmentFirst, Detail::TooBigMayFragment];
    let follows = [Detail::FragmentFollowed, Detail::TooBigMayFragment];
    let state = mtu(1400);
    let options = Packet { options: vec![1; 12], ..whole(tcp(V4)) };
    vec![
        told("may be fragmented".into(), state, tcp(V4).of_length(1500)).details(&may),
        told(
            "may be fragmented, of a tunnel".into(),
            State { mtu: 1400, ..by(Delivery::IpipV4) },
            tcp(V4).of_length(1500),
        )
        .details(&may),
        dropped(
            "from nobody, may be fragmented".into(),
            state,
            Packet { source: [0; 4].into(), ..udp(V4).of_length(1500) },
        )
        .details(&may),
        told("first fragment".into(), state, parts[0].clone()).details(&first),
        dropped("later fragment".into(), state, parts[1].clone()).details(&follows),
        told("options".into(), state, options.of_length(1500)),
        told("mtu 576".into(), mtu(576), whole(udp(V4).of_length(577))),
        told("mtu 600, 20 bytes too big".into(), mtu(600), whole(udp(V4).of_length(620))),
        // Less than the quote has room for.
        dropped("mtu 500".into(), mtu(500), whole(udp(V4).of_length(511))),
        told("mtu 500, room for the quote".into(), mtu(500), whole(udp(V4).of_length(512))),
    ]
}

fn only_v6() -> Vec<Row> {
    let state = mtu(1400);
    let parts = udp(V6).of_length(4400).fragments(91, &[1448, 2896]);
    let with = |extension| Packet { extensions: vec![extension], ..tcp(V6) };
    let hidden = Packet { extensions: vec![Extension::Destination(8)], ..about_an_error(V6) };
    let below = |bytes| mtu(bytes);
    vec![
        told("first fragment, v6".into(), state, parts[0].clone()).details(&[Detail::FragmentFirst]),
        // IPv6 tells about every fragment.
        told("later fragment, v6".into(), state, parts[1].clone()).details(&[Detail::FragmentFollowed]),
        told("behind hop-by-hop options".into(), state, with(Extension::HopByHop(8)).of_length(1500)),
        told("behind a routing header".into(), state, with(Extension::Routing(264)).of_length(1500)),
        dropped("an error behind destination options".into(), state, hidden).details(&[Detail::IcmpError]),
        // Every link takes 1280 bytes: nothing below it is believed.
        dropped("mtu 1279".into(), below(1279), tcp(V6).of_length(1280)),
        dropped("mtu 1000".into(), below(1000), tcp(V6).of_length(1500)),
    ]
}
