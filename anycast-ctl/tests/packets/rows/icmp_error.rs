//! ICMP errors go where the packets went that they are about.

use anycast_common::{
    address::Address, backend::Delivery, detail::Detail, flow::Flow, reason::Reason, slot::Slot,
};
use anycast_ctl::model::UdpPolicy;
use etherparse::TcpHeader;

use crate::{
    harness::Harness,
    packet::{BOTH, Extension, L4, Packet, V4, V6, client, icmp, is_v6, syn, tcp, to, udp},
    site::{L2, State, by},
    table::{Expect, Row, check, row},
};

#[test]
fn errors_go_where_the_quoted_packet_belongs() {
    check(&mut Harness::new(), &rows());
}

pub fn rows() -> Vec<Row> {
    let per_vip = [types, quotes, bad_quotes, remembered, delivery];
    let both = per_vip.into_iter().flat_map(|table| BOTH.into_iter().flat_map(table));
    both.chain(only_v4()).chain(only_v6()).collect()
}

/// What the backend sent to the client in the VIP's name, from that port to port 40,000.
fn sent(vip: &str, l4: L4) -> Packet {
    Packet { source: vip.parse().unwrap(), destination: client(vip), hop_limit: 3, ..to(vip, l4) }.sized(64)
}

fn sent_tcp(vip: &str) -> Packet {
    let header = TcpHeader { ack: true, ..TcpHeader::new(80, 40_000, 2000, 512) };
    sent(vip, L4::Tcp(Box::new(header)))
}

fn sent_udp(vip: &str) -> Packet {
    sent(vip, L4::Udp(53, 40_000))
}

/// An error from a router, with that quote of that packet.
fn error(vip: &str, quoted: &Packet, quote: &[u8]) -> Packet {
    error_of((if is_v6(vip) { 1 } else { 3 }, 0), vip, quoted, quote)
}

fn error_of((kind, code): (u8, u8), vip: &str, quoted: &Packet, quote: &[u8]) -> Packet {
    let source = if is_v6(vip) { "2001:db8:aaaa::1" } else { "203.0.113.77" }.parse().unwrap();
    let sent = quoted.flow();
    let flow = Flow {
        source: sent.destination,
        destination: Address::from(vip.parse::<std::net::IpAddr>().unwrap()),
        source_port: sent.destination_port,
        destination_port: sent.source_port,
        protocol: sent.protocol,
    };
    Packet { source, flow: Some(flow), ..icmp(vip, kind, code, [0, 0, 5, 0], quote) }
}

fn steered(name: String, state: State, packet: Packet, expect: Expect) -> Row {
    row(name, state, packet, expect).details(&[Detail::IcmpError])
}

fn refused(name: String, packet: Packet, reason: Reason) -> Row {
    row(name, L2, packet, Expect::Refused(reason))
}

fn types(vip: &'static str) -> Vec<Row> {
    let v4 = [(3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (11, 0), (11, 1), (12, 0), (12, 2)];
    let v6 = [(1, 0), (1, 3), (1, 4), (1, 6), (2, 0), (3, 0), (3, 1), (4, 0), (4, 1)];
    let mut rows = Vec::new();
    for kind in if is_v6(vip) { v6 } else { v4 } {
        let (tcp, udp) = (sent_tcp(vip), sent_udp(vip));
        let whole = error_of(kind, vip, &tcp, &tcp.ip());
        rows.push(steered(format!("{vip} {kind:?}, whole tcp segment"), L2, whole, Expect::Delivered));
        let least = error_of(kind, vip, &udp, &udp.ip()[..if is_v6(vip) { 48 } else { 28 }]);
        rows.push(steered(format!("{vip} {kind:?}, 8 bytes of udp"), L2, least, Expect::Delivered));
    }
    rows
}

/// Quotes that tell enough.
fn quotes(vip: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    let header = if is_v6(vip) { 40 } else { 20 };
    for (name, quoted) in [("tcp", sent_tcp(vip)), ("udp", sent_udp(vip))] {
        for bytes in [4, 5, 8, 20, 40] {
            let packet = error(vip, &quoted, &quoted.ip()[..header + bytes]);
            rows.push(steered(format!("{vip} {bytes} bytes of {name}"), L2, packet, Expect::Delivered));
        }
        let tagged = error(vip, &quoted, &quoted.ip()).tagged(&[1, 2]);
        rows.push(steered(format!("{vip} {name}, tagged"), L2, tagged, Expect::Delivered));
        let first = &quoted.fragments(9, &[24])[0];
        let packet = error(vip, &quoted, &first.ip());
        rows.push(steered(format!("{vip} first fragment of {name}"), L2, packet, Expect::Delivered));
        let padded = Packet { trailer: vec![0; 9], ..error(vip, &quoted, &quoted.ip()[..header + 4]) };
        rows.push(steered(format!("{vip} {name}, padded frame"), L2, padded, Expect::Delivered));
        // RFC 4884: behind a quote of at least 128 bytes there may be more.
        let extended = [&quoted.ip()[..], &[0; 64], &[0x20, 0, 0, 0]].concat();
        let packet = error(vip, &quoted, &extended);
        rows.push(steered(format!("{vip} {name}, with extensions of icmp"), L2, packet, Expect::Delivered));
    }
    for udp in [UdpPolicy::Quic, UdpPolicy::Pinned] {
        let packet = error(vip, &sent_udp(vip), &sent_udp(vip).ip());
        let state = State { udp, ..L2 };
        rows.push(steered(format!("{vip} {udp:?} datagram"), state, packet, Expect::Delivered));
    }
    rows
}

/// Quotes that do not, or of what the VIP never sent.
fn bad_quotes(vip: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    let (tcp, header) = (sent_tcp(vip), if is_v6(vip) { 40 } else { 20 });
    let mut bad = |name: &str, quote: &[u8]| {
        rows.push(refused(format!("{vip} {name}"), error(vip, &tcp, quote), Reason::BadQuote));
    };
    for bytes in [0, 1, 3] {
        bad(&format!("{bytes} bytes of tcp"), &tcp.ip()[..header + bytes]);
    }
    for bytes in [0, 1, 19] {
        bad(&format!("{bytes} bytes of quote"), &tcp.ip()[..bytes]);
    }
    bad("later fragment", &tcp.fragments(9, &[24])[1].ip());
    bad("quote of the other direction", &syn(vip).ip());
    let other = if is_v6(vip) { "2001:db8:0:1::3" } else { "192.0.2.3" };
    bad("quote of another vip", &sent_tcp(other).ip());
    bad("quote of the other family", &sent_tcp(if is_v6(vip) { V4 } else { V6 }).ip());
    bad("quote of garbage", &[0xff; 64]);
    bad("quote of an echo reply", &sent(vip, L4::Icmp(if is_v6(vip) { 129 } else { 0 }, 0, [0; 4])).ip());
    bad("quote of gre", &sent(vip, L4::Raw(47)).ip());
    let padded = Packet { trailer: vec![0; 40], ..error(vip, &tcp, &tcp.ip()[..header]) };
    rows.push(refused(format!("{vip} ports in the padding"), padded, Reason::BadQuote));

    let unserved = sent(vip, L4::Udp(99, 40_000));
    let unknown = Reason::UnknownPortPassed;
    rows.push(refused(format!("{vip} unserved port"), error(vip, &unserved, &unserved.ip()), unknown));
    let (dropping, empty) =
        if is_v6(vip) { ("2001:db8:0:1::5", "2001:db8:0:1::7") } else { ("192.0.2.5", "192.0.2.7") };
    let unserved = sent(dropping, L4::Udp(99, 40_000));
    let packet = error(dropping, &unserved, &unserved.ip());
    rows.push(refused(format!("{vip} unserved port, dropped"), packet, Reason::UnknownPortDropped));
    let packet = error(empty, &sent_tcp(empty), &sent_tcp(empty).ip());
    rows.push(refused(format!("{vip} no backend"), packet, Reason::NoBackend));
    for (position, fragment) in error(vip, &tcp, &tcp.ip()).fragments(5, &[48]).into_iter().enumerate() {
        rows.push(refused(format!("{vip} fragment {position} of an error"), fragment, Reason::Icmp));
    }
    rows
}

/// An error follows what is remembered of the flow, and adds nothing to it.
fn remembered(vip: &'static str) -> Vec<Row> {
    let moving = State { slot: Some(Slot::in_transition(1, 0)), ..L2 };
    let on = State { slot: Some(Slot::in_transition(2, 0)), ..L2 };
    let sent_to = |port| {
        let L4::Tcp(header) = sent_tcp(vip).l4 else { panic!("no tcp") };
        sent(vip, L4::Tcp(Box::new(TcpHeader { destination_port: port, ..*header })))
    };
    let about = |port| error(vip, &sent_to(port), &sent_to(port).ip());
    let plain = |name: &str, state, packet, expect| row(format!("{vip} {name}"), state, packet, expect);
    let report =
        |name: &str, state, port, to| steered(format!("{vip} {name}"), state, about(port), Expect::To(to));
    let mut rows = vec![
        report("about a flow from before the move", moving, 1, 0),
        plain("a flow opens in the move", moving, syn(vip).with_port(2), Expect::To(1)),
        report("about that flow", moving, 2, 1),
        // Were it pinned by the error, it would still be the embryonic one that goes on.
        plain("it goes on", moving, tcp(vip).with_port(2), Expect::To(1)),
        report("about that flow, the slot moved on", on, 2, 1),
        report("about an unknown flow", on, 3, 0),
        plain("which the error did not pin", on, tcp(vip).with_port(3), Expect::To(0)),
    ];
    let pinned = |owner| State { slot: Some(Slot::stable(owner)), udp: UdpPolicy::Pinned, ..L2 };
    let datagram = |port, opens| Packet { opens: Some(opens), ..udp(vip).with_port(port) };
    let sent_to = |port| sent(vip, L4::Udp(53, port));
    let about = |port| error(vip, &sent_to(port), &sent_to(port).ip());
    let report =
        |name: &str, state, port, to| steered(format!("{vip} {name}"), state, about(port), Expect::To(to));
    let quic = State { udp: UdpPolicy::Quic, ..moving };
    let initial = Packet { payload: vec![0xc3, 0, 0, 0, 1, 8], opens: Some(true), ..udp(vip).with_port(6) };
    rows.extend([
        plain("quic opens in the move", quic, initial, Expect::To(1)),
        report("about that quic flow", quic, 6, 1),
        report("about a quic flow from before the move", quic, 7, 0),
        report("about stateless datagrams in the move", moving, 7, 1),
    ]);
    rows.extend([
        plain("a datagram is pinned", pinned(0), datagram(4, true), Expect::To(0)),
        report("about pinned datagrams", pinned(2), 4, 0),
        report("about datagrams that are not pinned", pinned(2), 5, 2),
        plain("which the error did not pin either", pinned(3), datagram(5, true), Expect::To(3)),
    ]);
    rows
}

fn delivery(vip: &'static str) -> Vec<Row> {
    let packet = error(vip, &sent_tcp(vip), &sent_tcp(vip).ip());
    let mut rows = Vec::new();
    for delivery in Delivery::ALL {
        rows.push(steered(format!("{vip} by {delivery:?}"), by(delivery), packet.clone(), Expect::Delivered));
    }
    let looping = Packet { hop_limit: 1, ..packet };
    rows.push(steered(format!("{vip} hop limit 1"), L2, looping, Expect::Refused(Reason::TtlExpired)));
    rows
}

fn only_v4() -> Vec<Row> {
    let mut rows = Vec::new();
    for words in [1, 5, 10] {
        let quoted = Packet { options: vec![1; 4 * words], ..sent_udp(V4) };
        let least = 20 + 4 * words + 4;
        let packet = error(V4, &quoted, &quoted.ip()[..least]);
        rows.push(steered(format!("quoted options, {words} words"), L2, packet, Expect::Delivered));
        let cut = error(V4, &quoted, &quoted.ip()[..least - 1]);
        rows.push(refused(format!("quoted options, {words} words, cut"), cut, Reason::BadQuote));
        let packet = Packet { options: vec![1; 4 * words], ..error(V4, &sent_tcp(V4), &sent_tcp(V4).ip()) };
        rows.push(steered(format!("an error with {words} words of options"), L2, packet, Expect::Delivered));
    }
    for words in [0, 1, 4] {
        let mut quote = sent_tcp(V4).ip();
        quote[0] = 0x40 | words;
        let packet = error(V4, &sent_tcp(V4), &quote);
        rows.push(refused(format!("quoted header of {words} words"), packet, Reason::BadQuote));
    }
    rows
}

fn only_v6() -> Vec<Row> {
    use Extension::{Authentication, Destination, Fragment, HopByHop, Routing};
    let mut rows = Vec::new();
    let atomic = Fragment { steps: 0, more: false, id: 8 };
    for extensions in [
        &[HopByHop(8)][..],
        &[Routing(24)],
        &[Destination(16)],
        &[Authentication(20)],
        &[atomic],
        &[Destination(264)],
        &[HopByHop(8), Destination(8), Routing(24), atomic, Authentication(24), Destination(8)],
    ] {
        let quoted = Packet { extensions: extensions.to_vec(), ..sent_udp(V6) };
        let packet = error(V6, &quoted, &quoted.ip());
        let flow = packet.flow;
        rows.push(steered(format!("quoted {extensions:?}"), L2, packet, Expect::Delivered));
        let outer =
            Packet { extensions: extensions.to_vec(), ..error(V6, &sent_tcp(V6), &sent_tcp(V6).ip()) };
        rows.push(steered(format!("an error behind {extensions:?}"), L2, outer.clone(), Expect::Delivered));
        let both = Packet { payload: quoted.ip(), flow, ..outer };
        rows.push(steered(
            format!("an error behind, that quotes {extensions:?}"),
            L2,
            both,
            Expect::Delivered,
        ));
    }
    let quoted = Packet { extensions: vec![Destination(8); 7], ..sent_udp(V6) };
    let packet = error(V6, &quoted, &quoted.ip());
    rows.push(refused("quoted 7 extension headers".into(), packet, Reason::BadQuote));
    let quoted = Packet { extensions: vec![Destination(64)], ..sent_udp(V6) };
    let packet = error(V6, &quoted, &quoted.ip()[..40 + 64 + 3]);
    rows.push(refused("quoted extension header, ports cut".into(), packet, Reason::BadQuote));
    let packet = error(V6, &quoted, &quoted.ip()[..40 + 3]);
    rows.push(refused("quoted extension header, cut".into(), packet, Reason::BadQuote));
    rows
}
