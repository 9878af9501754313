//! Packets of any shape, and bytes of none, through the real program.

use std::{
    cell::RefCell,
    net::{IpAddr, Ipv6Addr},
};

use anycast_common::{
    backend::{Delivery, LinkTag},
    limits::DEFAULT_ERRORS_PER_TICK,
};
use etherparse::{Ethernet2Header, SingleVlanHeader, TcpHeader};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::TestRunner,
};
use xtask::share::share;

use crate::{
    harness::{Harness, Observed, xdp_action},
    packet::{C_TAG, Extension, L4, Packet, S_TAG, is_v6, tcp, to},
    site::{L2, State, VIPS},
    table::{Expect, check_but_details, row},
};

mod empty;
mod foretell;

/// A run of so many cases, or of this machine's share of them, all through one program.
fn run<S: Strategy>(cases: u32, strategy: S, test: impl Fn(&mut Harness, S::Value) -> Result<(), String>) {
    let harness = RefCell::new(Harness::with_errors_per_tick(DEFAULT_ERRORS_PER_TICK));
    let config =
        ProptestConfig { cases: share(cases), failure_persistence: None, ..ProptestConfig::default() };
    let test = |value| test(&mut harness.borrow_mut(), value).map_err(TestCaseError::fail);
    if let Err(error) = TestRunner::new(config).run(&strategy, test) {
        panic!("{error}");
    }
}

fn state() -> impl Strategy<Value = State> {
    let delivery = select(vec![
        None,
        Some(Delivery::L2),
        Some(Delivery::IpipV4),
        Some(Delivery::IpipV6),
        Some(Delivery::GueV4),
        Some(Delivery::GueV6),
    ]);
    let link_tag = select(vec![LinkTag::Strip, LinkTag::Keep, LinkTag::Set]);
    (delivery, link_tag, any::<u16>()).prop_map(|(delivery, link_tag, vlan)| State {
        delivery,
        link_tag,
        vlan,
        ..L2
    })
}

fn extension() -> impl Strategy<Value = Extension> {
    prop_oneof![
        (1..9_usize).prop_map(|units| Extension::HopByHop(units * 8)),
        (1..9_usize).prop_map(|units| Extension::Routing(units * 8)),
        (1..40_usize).prop_map(|units| Extension::Destination(units * 8)),
        (3..20_usize).prop_map(|words| Extension::Authentication(words * 4)),
        any::<u32>().prop_map(|id| Extension::Fragment { steps: 0, more: false, id }),
    ]
}

fn l4() -> impl Strategy<Value = L4> {
    let segment = |(from, port, flags, words): (u16, u16, u8, usize)| {
        let mut header = TcpHeader::new(from, port, 1, 2);
        (header.syn, header.ack) = (flags & 1 != 0, flags & 2 != 0);
        (header.fin, header.rst, header.psh) = (flags & 4 != 0, flags & 8 != 0, flags & 16 != 0);
        header.set_options_raw(&[1; 40][..words * 4]).unwrap();
        L4::Tcp(Box::new(header))
    };
    let tcp = (any::<u16>(), any::<u16>(), any::<u8>(), 0..=10_usize).prop_map(segment);
    prop_oneof![tcp, any::<(u16, u16)>().prop_map(|(from, port)| L4::Udp(from, port))]
}

/// A whole packet to a VIP that serves every port.
fn packet() -> impl Strategy<Value = Packet> {
    let tag = (select(vec![C_TAG, S_TAG]), any::<u16>());
    let fields = (
        select(vec!["192.0.2.3", "2001:db8:0:1::3"]),
        l4(),
        vec(tag, 0..=2),
        any::<(u8, u16, bool)>(),
        2..=255_u8,
    );
    let parts = (vec(extension(), 0..=6), 0..=10_usize, 0..=2500_usize, 0..=64_usize, 0..0x10_0000_u32);
    (fields, parts, any::<[u8; 3]>()).prop_map(|(fields, parts, host)| {
        let (vip, l4, tags, (class, identification, dont_fragment), hop_limit) = fields;
        let (extensions, words, bytes, trailer, label) = parts;
        let [a, b, c] = host;
        let source: IpAddr = if is_v6(vip) {
            Ipv6Addr::from([0x20, 1, 0xd, 0xb8, a, b, c, 0, 0, 0, 0, 0, 0, 0, 0, 7]).into()
        } else {
            [198, a, b, c].into()
        };
        let packet =
            Packet { tags, source, class, hop_limit, identification, dont_fragment, label, ..to(vip, l4) };
        let (options, extensions, trailer) = (vec![1; words * 4], extensions, vec![0xee; trailer]);
        Packet { options, extensions, trailer, ..packet }.sized(bytes)
    })
}

#[test]
fn valid_packets_stay_valid_and_reach_their_backend() {
    run(3000, (packet(), state()), |harness, (packet, state)| {
        check_but_details(harness, &row("random packet", state, packet, Expect::Delivered))
    });
}

#[test]
fn all_fragments_reach_the_backend_of_the_first() {
    let fragmented = (packet(), vec(8..300_usize, 1..5), any::<Index>(), any::<u16>());
    run(700, (fragmented, state()), |harness, ((packet, cuts, turn, id), state)| {
        // Where the whole is too short for all of the cuts, at fewer; the first has the header.
        let packet = Packet { dont_fragment: false, extensions: Vec::new(), trailer: Vec::new(), ..packet };
        let length = packet.body().len();
        let mut at = if matches!(packet.l4, L4::Tcp(_)) { 56 } else { 0 };
        let cuts = cuts.into_iter().map(|step| {
            at += step / 8 * 8;
            at
        });
        let cuts: Vec<usize> = cuts.filter(|&cut| cut < length).collect();
        let mut fragments = packet.fragments(id, &cuts);
        if fragments.len() == 1 {
            return Ok(());
        }
        let later = fragments.len() - 1;
        fragments[1..].rotate_left(turn.index(later));
        harness.set(&state);
        let owner = harness.owner_of(&packet.flow());
        fragments.iter().try_for_each(|fragment| {
            let expect = Expect::Follows(owner, Box::new(packet.clone()));
            check_but_details(harness, &row("random fragment", state, fragment.clone(), expect))
        })
    });
}

/// About what a backend sent in the VIP's name, with so much of it quoted that the ports are there.
#[test]
fn errors_reach_the_backend_of_what_they_quote() {
    let errors = (packet(), packet(), any::<Index>());
    run(1500, (errors, state()), |harness, ((asked, frame, cut), state)| {
        let l4 = match &asked.l4 {
            L4::Tcp(tcp) => L4::Tcp(Box::new(TcpHeader::new(tcp.destination_port, tcp.source_port, 1, 2))),
            L4::Udp(from, to) => L4::Udp(*to, *from),
            L4::Icmp(..) | L4::Raw(_) => return Err("no ports".into()),
        };
        let sent = Packet { l4, source: asked.destination, destination: asked.source, ..asked.clone() };
        let (whole, body) = (sent.ip(), sent.body().len());
        let least = whole.len() - body + 4;
        let quote = whole[..least + cut.index(body - 3)].to_vec();
        // Of the other packet, what there is of the error's own frame.
        let (tags, class, hop_limit) = (frame.tags, frame.class, frame.hop_limit);
        let (options, extensions, trailer) = (frame.options, frame.extensions, frame.trailer);
        let flow = Some(asked.flow());
        let unreachable = L4::Icmp(if asked.destination.is_ipv6() { 1 } else { 3 }, 4, [0; 4]);
        let error = to(&asked.destination.to_string(), unreachable);
        let error =
            Packet { tags, class, hop_limit, options, extensions, trailer, flow, payload: quote, ..error };
        check_but_details(harness, &row("random error", state, error, Expect::Delivered))
    });
}

/// Whether a VIP's address is where the destination belongs, whatever else the header says.
fn is_to_vip(frame: &[u8]) -> bool {
    let Ok((ethernet, mut rest)) = Ethernet2Header::from_slice(frame) else { return false };
    let mut ether_type = ethernet.ether_type.0;
    for _ in 0..2 {
        if let (C_TAG | S_TAG, Ok((tag, behind))) = (ether_type, SingleVlanHeader::from_slice(rest)) {
            (ether_type, rest) = (tag.ether_type.0, behind);
        }
    }
    let destination: IpAddr = match (ether_type, rest.first().map(|byte| byte >> 4)) {
        (0x0800, Some(4)) if rest.len() >= 20 => <[u8; 4]>::try_from(&rest[16..20]).unwrap().into(),
        (0x86dd, Some(6)) if rest.len() >= 40 => <[u8; 16]>::try_from(&rest[24..40]).unwrap().into(),
        _ => return false,
    };
    VIPS.iter().any(|vip| vip.1.parse() == Ok(destination))
}

/// Exactly one outcome; unchanged unless sent; untouched and uncounted where it is no VIP's.
fn judge(harness: &mut Harness, frame: &[u8], state: &State) -> Result<Observed, String> {
    harness.set(state);
    let observed = harness.observe(frame);
    let text = || format!("verdict {}, {:?}\n{frame:02x?}", observed.verdict, observed.delta);
    let sent = observed.verdict == xdp_action::XDP_TX;
    let passed_or_dropped = matches!(observed.verdict, xdp_action::XDP_PASS | xdp_action::XDP_DROP);
    if observed.delta.outcomes() != 1 || !(sent || passed_or_dropped) {
        return Err(format!("one outcome expected: {}", text()));
    }
    if !sent && observed.output != frame {
        return Err(format!("changed: {}", text()));
    }
    let vips =
        observed.delta.reasons.keys().map(|key| key.0).chain(observed.delta.traffic.keys().map(|key| key.0));
    let counted = vips.max() != Some(0) || !observed.delta.details.is_empty();
    if counted && !is_to_vip(frame) {
        return Err(format!("no vip's: {}", text()));
    }
    if !counted && observed.verdict != xdp_action::XDP_PASS {
        return Err(format!("no vip's, and not passed: {}", text()));
    }
    Ok(observed)
}

fn short_mtu() -> impl Strategy<Value = State> {
    (state(), select(vec![u16::MAX, 1280, 600]))
        .prop_map(|(state, mtu)| State { mtu: mtu.min(L2.mtu), ..state })
}

#[test]
fn random_bytes_have_one_outcome() {
    run(3000, (vec(any::<u8>(), 14..2000), short_mtu()), |harness, (frame, state)| {
        judge(harness, &frame, &state).map(drop)
    });
}

/// Behind a good start: an Ethernet header, tags, and an IP header to a VIP or next to one.
#[test]
fn random_bytes_behind_an_ip_header_have_one_outcome() {
    let protocols = select(vec![0_u8, 1, 4, 6, 17, 41, 43, 44, 50, 51, 58, 59, 60, 132]);
    let starts = (packet(), protocols, any::<bool>(), any::<bool>(), any::<(u16, bool)>());
    run(3000, (starts, vec(any::<u8>(), 0..1500), short_mtu()), |harness, (start, bytes, state)| {
        let (packet, protocol, to_vip, is_fragment, (steps, more)) = start;
        let fragment = if is_fragment { (steps & 0x1fff, more) } else { (0, false) };
        let packet = Packet { l4: L4::Raw(protocol), payload: bytes, fragment, ..packet };
        let low = packet.ip_length();
        let octet = if packet.destination.is_ipv6() { 39 } else { 19 };
        let packet = if to_vip || low <= octet { packet } else { packet.edited(octet, &[99]) };
        judge(harness, &packet.bytes(), &state).map(drop)
    });
}

#[test]
fn mutated_packets_have_one_outcome() {
    let edits = vec((any::<Index>(), any::<u8>()), 1..6);
    let mutations = (edits, any::<bool>(), any::<Index>(), any::<bool>());
    run(4000, (packet(), mutations, short_mtu()), |harness, (packet, (edits, near, cut, cuts), state)| {
        let mut frame = packet.bytes();
        for (place, byte) in edits {
            // Most of what matters lies in front.
            let reach = if near { frame.len().min(100) } else { frame.len() };
            frame[place.index(reach)] = byte;
        }
        if cuts {
            let length = 14 + cut.index(frame.len() - 14);
            frame.truncate(length);
        }
        judge(harness, &frame, &state).map(drop)
    });
}

#[test]
fn the_judge_knows_whose_a_frame_is() {
    assert!(is_to_vip(&tcp("192.0.2.3").tagged(&[1, 2]).bytes()));
    assert!(!is_to_vip(&tcp("192.0.2.4").bytes()));
}
