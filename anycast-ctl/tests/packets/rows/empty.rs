//! Packets to a pool with nobody left: dropped, passed, or refused, as its policy says.

use anycast_common::{detail::Detail, reason::Reason, slot::Slot};
use anycast_ctl::model::OnEmpty;
use etherparse::TcpHeader;

use crate::{
    harness::Harness,
    packet::{BOTH, Extension, L4, Packet, icmp, is_v6, to, udp},
    site::{L2, State},
    table::{Expect, Row, check, row},
};

/// VIPs of a pool without a table.
const EMPTY: [&str; 2] = ["192.0.2.7", "2001:db8:0:1::7"];

const POLICIES: [OnEmpty; 3] = [OnEmpty::Drop, OnEmpty::Pass, OnEmpty::Reset];

#[test]
fn a_pool_with_nobody_left_does_as_it_says() {
    check(&mut Harness::new(), &rows());
}

/// ICMP errors are, a RST is no longer than what it answers.
#[test]
fn refused_datagrams_are_bounded_and_resets_are_not() {
    let state = on_empty(OnEmpty::Reset);
    let rows = EMPTY.map(|vip| {
        let dropped = Expect::Refused(Reason::NoBackend);
        [
            row(format!("{vip} udp"), state, udp(vip), dropped),
            row(format!("{vip} syn"), state, syn(vip), outcome(OnEmpty::Reset, &syn(vip))),
        ]
    });
    check(&mut Harness::with_errors_per_tick(0), rows.as_flattened());
}

pub fn rows() -> Vec<Row> {
    let tables = [segments, datagrams, around, refused, never_answered, apart];
    let mut rows: Vec<Row> = tables.into_iter().flat_map(|table| EMPTY.into_iter().flat_map(table)).collect();
    rows.extend(BOTH.into_iter().flat_map(slots));
    rows.extend(only_v4().into_iter().chain(only_v6()));
    rows
}

/// A state in which the pool does that.
pub fn on_empty(on_empty: OnEmpty) -> State {
    State { on_empty, ..L2 }
}

/// A TCP segment with sequence number 1000 and acknowledgment number 7.
fn segment(vip: &str, change: impl FnOnce(&mut TcpHeader)) -> Packet {
    let mut header = TcpHeader { acknowledgment_number: 7, ..TcpHeader::new(40_000, 80, 1000, 512) };
    change(&mut header);
    to(vip, L4::Tcp(Box::new(header)))
}

fn syn(vip: &str) -> Packet {
    segment(vip, |tcp| tcp.syn = true).sized(0)
}

/// The RST that a segment gets (RFC 9293 section 3.10.7.1).
pub fn reset(packet: &Packet) -> Packet {
    let L4::Tcp(tcp) = &packet.l4 else { panic!("no tcp") };
    let blank = TcpHeader::new(tcp.destination_port, tcp.source_port, 0, 0);
    let length = packet.payload.len() as u32 + u32::from(tcp.syn) + u32::from(tcp.fin);
    let header = if tcp.ack {
        TcpHeader { rst: true, sequence_number: tcp.acknowledgment_number, ..blank }
    } else {
        let acknowledgment_number = tcp.sequence_number.wrapping_add(length);
        TcpHeader { rst: true, ack: true, acknowledgment_number, ..blank }
    };
    packet.answered_by(to(&packet.destination.to_string(), L4::Tcp(Box::new(header))).sized(0))
}

/// The "port unreachable" that a datagram gets, with as much of it as names the flow.
pub fn unreachable(packet: &Packet) -> Packet {
    let vip = packet.destination.to_string();
    let (kind, code, headers, class) = if is_v6(&vip) { (1, 4, 40, 0) } else { (3, 3, 20, 0xc0) };
    let answer = icmp(&vip, kind, code, [0; 4], &packet.ip()[..headers + 8]);
    packet.answered_by(Packet { class, ..answer })
}

/// What becomes of a packet that can be answered.
pub fn outcome(policy: OnEmpty, packet: &Packet) -> Expect {
    match (policy, &packet.l4) {
        (OnEmpty::Drop, _) => Expect::Refused(Reason::NoBackend),
        (OnEmpty::Pass, _) => Expect::Refused(Reason::EmptyPassed),
        (OnEmpty::Reset, L4::Tcp(_)) => Expect::Answered(Reason::EmptyReset, Box::new(reset(packet))),
        (OnEmpty::Reset, _) => Expect::Answered(Reason::EmptyUnreachable, Box::new(unreachable(packet))),
    }
}

/// What becomes of one that cannot.
fn silent(policy: OnEmpty) -> Expect {
    let passed = policy == OnEmpty::Pass;
    Expect::Refused(if passed { Reason::EmptyPassed } else { Reason::NoBackend })
}

/// Under every policy.
fn under_each(name: &str, packet: &Packet, expect: impl Fn(OnEmpty) -> Expect) -> Vec<Row> {
    let vip = packet.destination;
    let each = POLICIES.map(|policy| {
        row(format!("{vip} {name}, {policy:?}"), on_empty(policy), packet.clone(), expect(policy))
    });
    each.to_vec()
}

fn answered(name: &str, packet: Packet) -> Vec<Row> {
    under_each(name, &packet, |policy| outcome(policy, &packet))
}

fn unanswered(name: &str, packet: &Packet) -> Vec<Row> {
    under_each(name, packet, silent)
}

fn segments(vip: &'static str) -> Vec<Row> {
    let rows = [
        ("syn", syn(vip)),
        (
            "syn with options",
            segment(vip, |tcp| (tcp.syn, _) = (true, tcp.set_options_raw(&[1; 40]).unwrap())).sized(0),
        ),
        ("syn with data", segment(vip, |tcp| tcp.syn = true).sized(100)),
        ("syn and fin", segment(vip, |tcp| (tcp.syn, tcp.fin) = (true, true)).sized(3)),
        (
            "syn whose number is the last",
            segment(vip, |tcp| (tcp.syn, tcp.sequence_number) = (true, u32::MAX)).sized(0),
        ),
        ("syn ack", segment(vip, |tcp| (tcp.syn, tcp.ack) = (true, true)).sized(0)),
        ("ack", segment(vip, |tcp| tcp.ack = true).sized(0)),
        ("data", segment(vip, |tcp| (tcp.ack, tcp.psh) = (true, true)).sized(1000)),
        (
            "data with options",
            segment(vip, |tcp| (tcp.ack, _) = (true, tcp.set_options_raw(&[1; 12]).unwrap())).sized(99),
        ),
        ("fin", segment(vip, |tcp| (tcp.fin, tcp.ack) = (true, true)).sized(0)),
        ("fin without ack", segment(vip, |tcp| tcp.fin = true).sized(0)),
        ("no flag at all", segment(vip, |_| ()).sized(20)),
        (
            "every other flag",
            segment(vip, |tcp| {
                (tcp.psh, tcp.urg, tcp.ece, tcp.cwr, tcp.ns) = (true, true, true, true, true);
            }),
        ),
        (
            "numbers of all ones",
            segment(vip, |tcp| {
                (tcp.ack, tcp.sequence_number, tcp.acknowledgment_number) = (true, u32::MAX, u32::MAX);
            }),
        ),
    ];
    rows.into_iter().flat_map(|(name, packet)| answered(name, packet)).collect()
}

fn datagrams(vip: &'static str) -> Vec<Row> {
    let sizes = [0, 1, 27, 512, 1400, 8000].into_iter();
    sizes.flat_map(|bytes| answered(&format!("udp of {bytes} bytes"), udp(vip).sized(bytes))).collect()
}

/// Whatever else is on the way to the header.
fn around(vip: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, packet) in [("syn", syn(vip)), ("udp", udp(vip))] {
        let mut add = |what: &str, packet| rows.extend(answered(&format!("{name}, {what}"), packet));
        add("one tag", packet.clone().tagged(&[7]));
        add("two tags", packet.clone().tagged(&[7, 8]));
        add("padded", Packet { trailer: vec![0xee; 18], ..packet.clone() });
        add("with a class", Packet { class: 0xb9, ..packet.clone() });
        for hop_limit in [1, 255] {
            add(&format!("hop limit {hop_limit}"), Packet { hop_limit, ..packet.clone() });
        }
        // What comes back of it meets the same pool, and is never answered.
        add("from the vip itself", Packet { source: vip.parse().unwrap(), ..packet });
    }
    rows.extend(answered("data in several buffers", segment(vip, |tcp| tcp.ack = true).of_length(8999)));
    rows
}

/// What is counted before the pool is asked comes first.
fn refused(vip: &'static str) -> Vec<Row> {
    let unknown = to(vip, L4::Udp(40_000, 80));
    let cut = syn(vip).edited(if is_v6(vip) { 4 } else { 2 }, if is_v6(vip) { &[0, 19] } else { &[0, 39] });
    [("unknown port", unknown, Reason::UnknownPortPassed), ("cut header", cut, Reason::Truncated)]
        .into_iter()
        .flat_map(|(name, packet, reason)| under_each(name, &packet, |_| Expect::Refused(reason)))
        .collect()
}

/// What has no answer.
fn never_answered(vip: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(unanswered("rst", &segment(vip, |tcp| tcp.rst = true).sized(0)));
    rows.extend(unanswered("rst ack", &segment(vip, |tcp| (tcp.rst, tcp.ack) = (true, true)).sized(0)));
    rows.extend(unanswered("rst with data", &segment(vip, |tcp| tcp.rst = true)));
    let header = if is_v6(vip) { 40 } else { 20 };
    for (name, words) in
        [("no header length", 0_u8), ("too short a header", 4), ("a header beyond the packet", 6)]
    {
        rows.extend(unanswered(name, &syn(vip).edited(header + 12, &[words << 4])));
    }
    let sources: &[&str] = if is_v6(vip) {
        &["::", "::1", "ff02::1"]
    } else {
        &["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"]
    };
    for (name, packet) in [("syn", syn(vip)), ("udp", udp(vip))] {
        for source in sources {
            let from = Packet { source: source.parse().unwrap(), ..packet.clone() };
            rows.extend(unanswered(&format!("{name} from {source}"), &from));
        }
        for (kind, mac) in [("broadcast", [0xff; 6]), ("multicast", [0x33, 0x33, 0, 0, 0, 1])] {
            let frame = Packet { macs: [mac, [2, 1, 1, 1, 1, 1]], ..packet.clone() };
            rows.extend(unanswered(&format!("{name} in a {kind} frame"), &frame));
        }
        let first = &packet.sized(64).fragments(80, &[40])[0];
        rows.extend(unanswered(&format!("first fragment of a {name}"), first));
    }
    rows
}

/// Later fragments, and ICMP errors.
fn apart(vip: &'static str) -> Vec<Row> {
    let fragment = &udp(vip).sized(64).fragments(81, &[40])[1];
    let strays = unanswered("later fragment", fragment).into_iter();
    let mut rows: Vec<Row> = strays.map(|row| row.details(&[Detail::FragmentStray])).collect();
    let client = crate::packet::client(vip);
    for l4 in [L4::Udp(53, 40_000), L4::Tcp(Box::new(TcpHeader::new(80, 40_000, 1, 2)))] {
        let name = format!("error about protocol {}", to(vip, l4.clone()).protocol());
        let sent = Packet { source: vip.parse().unwrap(), destination: client, ..to(vip, l4) };
        rows.extend(unanswered(&name, &icmp(vip, if is_v6(vip) { 1 } else { 3 }, 4, [0; 4], &sent.ip())));
    }
    // The VIP is there, whoever serves it.
    let request = super::echo::request(vip);
    let reply = || Box::new(super::echo::reply(&request));
    rows.extend(under_each("echo", &request, |_| Expect::Answered(Reason::EchoAnswered, reply())));
    rows
}

/// Slots that nobody owns, beside the table that is missing; and those that somebody does.
fn slots(vip: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    for policy in POLICIES {
        let with = |slot: Slot| State { slot: Some(slot), ..on_empty(policy) };
        let mut add = |name: &str, state, packet: Packet, expect| {
            rows.push(row(format!("{vip} {name}, {policy:?}"), state, packet, expect));
        };
        for (name, packet) in [("syn", syn(vip)), ("udp", udp(vip))] {
            let expect = outcome(policy, &packet);
            add(&format!("slot nobody owns, {name}"), with(Slot::EMPTY), packet.clone(), expect);
            add(&format!("slot with an owner, {name}"), with(Slot::stable(1)), packet, Expect::To(1));
        }
        // The last backend was drained: what it has lives on, what opens is refused.
        let drained = with(Slot::in_transition(Slot::EMPTY.current(), 2));
        let opens = syn(vip).with_port(41_000);
        let expect = outcome(policy, &opens);
        add("drained, syn", drained, opens, expect);
        add("drained, ack", drained, segment(vip, |tcp| tcp.ack = true).with_port(41_001), Expect::To(2));
        // It is gone.
        let gone = State { down: Some(2), ..drained };
        let ack = segment(vip, |tcp| tcp.ack = true).with_port(41_001);
        let expect = outcome(policy, &ack);
        add("gone, ack", gone, ack, expect);
        // An owner that cannot be reached is no empty pool.
        let unusable = State { down: Some(1), ..with(Slot::stable(1)) };
        for (name, packet) in [("syn", syn(vip)), ("udp", udp(vip))] {
            let expect = Expect::Refused(Reason::BackendUnusable);
            add(&format!("owner that is unusable, {name}"), unusable, packet, expect);
        }
    }
    rows
}

/// A RST takes the place of options, an error would have to quote them.
fn only_v4() -> Vec<Row> {
    let [vip, _] = EMPTY;
    let with = |packet: Packet| Packet { options: vec![1; 12], ..packet };
    let mut rows = answered("options, syn", with(syn(vip)));
    rows.extend(answered("options, data", with(segment(vip, |tcp| tcp.ack = true).sized(1000))));
    rows.extend(answered("as many options as there can be", Packet { options: vec![1; 40], ..syn(vip) }));
    rows.extend(unanswered("options, udp", &with(udp(vip))));
    rows
}

fn only_v6() -> Vec<Row> {
    let [_, vip] = EMPTY;
    let mut rows = Vec::new();
    for extension in [
        Extension::HopByHop(8),
        Extension::Routing(24),
        Extension::Destination(264),
        Extension::Authentication(24),
        Extension::Fragment { steps: 0, more: false, id: 5 },
    ] {
        let with = |packet: Packet| Packet { extensions: vec![extension], ..packet };
        rows.extend(answered(&format!("{extension:?}, syn"), with(syn(vip))));
        rows.extend(unanswered(&format!("{extension:?}, udp"), &with(udp(vip))));
    }
    let six = vec![Extension::Destination(8); 6];
    rows.extend(answered("six extension headers, syn", Packet { extensions: six, ..syn(vip).sized(3) }));
    rows
}
