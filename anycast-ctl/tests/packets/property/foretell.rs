//! What is foretold of a packet comes true, and foretelling it changes nothing: random packets of few flows, in random states,
//! so that they meet what earlier ones left.

use std::collections::BTreeSet;

use anycast_common::{
    pin::Record,
    slot::{NO_BACKEND, Slot},
    walk::{Effect, Walk},
};
use anycast_ctl::{
    dataplane::now_ticks,
    model::{HashPolicy, OnEmpty, UdpPolicy},
};

use super::*;
use crate::{harness::Harness, site::BACKENDS};

/// States that are met.
const STATES: u32 = 125;

/// Packets in each.
const PACKETS: usize = 80;

/// Packets of each state after which every map is looked at.
const LOOKED_AT: usize = 2;

fn state_of_all_kinds() -> impl Strategy<Value = State> {
    let owner = || 0..BACKENDS;
    let slot = prop_oneof![
        2 => Just(None),
        1 => owner().prop_map(|current| Some(Slot::stable(current))),
        6 => (owner(), owner()).prop_map(|(current, base)| Some(Slot::in_transition(current, base))),
        1 => owner().prop_map(|base| Some(Slot::in_transition(NO_BACKEND, base))),
        1 => Just(Some(Slot::EMPTY)),
    ];
    let policies = (
        select(vec![UdpPolicy::Stateless, UdpPolicy::Pinned, UdpPolicy::Quic]),
        select(vec![HashPolicy::FiveTuple, HashPolicy::SourceAddress, HashPolicy::SourceAndDestination]),
        select(vec![OnEmpty::Drop, OnEmpty::Pass, OnEmpty::Reset]),
        any::<bool>(),
    );
    // A backend that is down, and indices that were given to others.
    let backends = (prop_oneof![2 => Just(None), 1 => owner().prop_map(Some)], 0..2_u16);
    (short_mtu(), slot, policies, backends).prop_map(
        |(state, slot, (udp, hash, on_empty, echo), (down, generation))| State {
            slot,
            udp,
            hash,
            on_empty,
            echo,
            down,
            generation,
            ..state
        },
    )
}

/// A packet of one of few flows to any VIP, or next to one.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let mut addresses: Vec<&str> = VIPS.iter().map(|vip| vip.1).collect();
    addresses.extend(["192.0.2.3"; 12]);
    addresses.extend(["2001:db8:0:1::3"; 12]);
    addresses.extend(["192.0.2.200", "2001:db8:0:1::200"]);
    let flow = (select(addresses), 0..3_u8, 1..6_u16, select(vec![53_u16, 80, 81]));
    let fields = (select(vec![0_u8, 1, 2, 64, 64, 64]), select(vec![0_usize, 20, 100, 1400]), any::<bool>());
    let shape = (0..16_u8, 0..8_u8, 1..4_u16, vec((select(vec![C_TAG, S_TAG]), any::<u16>()), 0..2));
    let damage = prop_oneof![9 => Just(None), 1 => any::<(Index, u8)>().prop_map(Some)];
    (flow, fields, shape, damage).prop_map(|(flow, (hop_limit, bytes, dont_fragment), shape, damage)| {
        let (kind, fragment, id, tags) = shape;
        let packet = of_kind(flow, kind);
        let payload = if packet.payload.is_empty() { vec![0x5a; bytes] } else { packet.payload.clone() };
        let packet = Packet { hop_limit, dont_fragment, tags, payload, ..packet };
        let fragments = packet.fragments(id, &[24.min(packet.body().len() / 8 * 8)]);
        let packet = match fragment {
            0 => fragments[0].clone(),
            1 => fragments[fragments.len() - 1].clone(),
            _ => packet,
        };
        let mut frame = packet.bytes();
        if let Some((place, byte)) = damage {
            let place = place.index(frame.len().min(80));
            frame[place] = byte;
        }
        frame
    })
}

fn of_kind((vip, host, port, to_port): (&str, u8, u16, u16), kind: u8) -> Packet {
    let v6 = is_v6(vip);
    let source: IpAddr = if v6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, host.into()).into()
    } else {
        [198, 51, 100, host].into()
    };
    let tcp = |from, to, flags: u8| {
        let mut header = TcpHeader::new(from, to, 1, 2);
        (header.syn, header.ack, header.fin, header.rst) =
            (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0, flags & 8 != 0);
        L4::Tcp(Box::new(header))
    };
    let from_client = |l4, payload: &[u8]| Packet { source, payload: payload.to_vec(), ..to(vip, l4) };
    let about = |l4| {
        let answer =
            Packet { source: vip.parse().unwrap(), destination: source, payload: Vec::new(), ..to(vip, l4) };
        from_client(L4::Icmp(if v6 { 1 } else { 3 }, 0, [0; 4]), &answer.ip())
    };
    match kind {
        0..=2 => from_client(tcp(port, to_port, 1), &[]),
        3..=6 => from_client(tcp(port, to_port, 2), &[]),
        7 => from_client(tcp(port, to_port, 4 | 2), &[]),
        8 => from_client(tcp(port, to_port, 8), &[]),
        9 => from_client(L4::Udp(port, to_port), &[]),
        10 => from_client(L4::Udp(port, to_port), &[0xc3, 0, 0, 0, 1, 8]),
        11 => from_client(L4::Udp(port, to_port), &[0x43, 1, 2, 3, 4, 5]),
        12 => from_client(L4::Icmp(if v6 { 128 } else { 8 }, 0, [0, 1, 0, 1]), &[]),
        13 => about(tcp(to_port, port, 2)),
        14 => about(L4::Udp(to_port, port)),
        _ => from_client(L4::Raw(132), &[]),
    }
}

/// What is remembered of the flow of a walk: pinned, embryonic.
fn remembered(harness: &Harness, walk: &Walk) -> [Option<Record>; 2] {
    let Some(flow) = walk.flow() else { return [None; 2] };
    let key = harness.dataplane.key(&flow);
    [&harness.dataplane.pins, &harness.dataplane.embryonic].map(|map| map.get(key).unwrap())
}

/// Runs a packet that was foretold: the harness compares verdict, bytes and counters; here is what is compared of the rest.
fn comes_true(harness: &mut Harness, frame: &[u8], look: bool) -> Result<Walk, String> {
    let begun = now_ticks();
    let before = look.then(|| harness.dump());
    let walk = harness.foretell(frame).walk;
    let known = remembered(harness, &walk);
    harness.observe(frame);
    let (known_then, after) = (remembered(harness, &walk), look.then(|| harness.dump()));
    // What the program notes of time was foretold for another tick.
    if now_ticks() != begun {
        return Ok(walk);
    }
    let does = |effects: &[Effect]| effects.iter().any(|effect| walk.does(*effect));
    let expected = [
        does(&[Effect::PinInserted, Effect::PinSeen, Effect::PinRemoved]),
        does(&[Effect::EmbryonicInserted, Effect::EmbryonicSeen, Effect::EmbryonicRemoved]),
    ];
    let changed = [0, 1].map(|map| known[map] != known_then[map]);
    if changed != expected {
        return Err(format!("pins changed {changed:?}: {known:?} {known_then:?} {walk:?}"));
    }
    let Some((before, after)) = before.zip(after) else { return Ok(walk) };
    let mut expected = BTreeSet::from([if walk.reason == 0 { "TRAFFIC" } else { "REASONS" }]);
    let maps = [
        (walk.details != 0, "DETAILS"),
        (changed[0], "PINS"),
        (changed[1], "EMBRYONIC"),
        (does(&[Effect::FilterSet]), "FILTER"),
        (does(&[Effect::BaseSeen]), "STAMPS"),
        (does(&[Effect::DatagramInserted, Effect::DatagramSeen]), "FRAGMENTS"),
        (does(&[Effect::ErrorSpent]), "ERRORS"),
    ];
    expected.extend(maps.into_iter().filter(|map| map.0).map(|map| map.1));
    let mut differs = before.difference(&after);
    // A word of the program's own; and a fragment that came before says what was known.
    differs.remove("SCRATCH");
    if expected.contains("FRAGMENTS") {
        differs.insert("FRAGMENTS");
    }
    if differs == expected {
        Ok(walk)
    } else {
        Err(format!("{differs:?}, not {expected:?} changed: {walk:?}"))
    }
}

#[test]
fn ten_thousand_packets_come_true_as_foretold() {
    // Whatever is meant to be met was met.
    let met: RefCell<BTreeSet<String>> = RefCell::default();
    run(STATES, (state_of_all_kinds(), vec(frame(), PACKETS)), |harness, (state, frames)| {
        harness.set(&state);
        let before = harness.dump();
        frames.iter().for_each(|frame| drop(harness.foretell(frame)));
        let changed = before.difference(&harness.dump()).into_iter().collect::<Vec<_>>().join(", ");
        if !changed.is_empty() {
            return Err(format!("foretelling changed {changed}"));
        }
        frames.iter().enumerate().try_for_each(|(place, frame)| {
            let walk = comes_true(harness, frame, place < LOOKED_AT)?;
            let mut met = met.borrow_mut();
            met.insert(format!("reason {}", walk.reason));
            met.extend(walk.flow().map(|flow| format!("protocol {}", flow.protocol)));
            met.extend(Effect::ALL.iter().filter(|it| walk.does(**it)).map(|it| it.label().to_owned()));
            if walk.has(Walk::CHOICE) {
                met.insert(format!("why {}", walk.why));
            }
            for step in [Walk::FOLLOWED, Walk::QUOTED, Walk::PIN, Walk::EMBRYONIC] {
                met.extend(walk.has(step).then(|| format!("step {step}")));
            }
            Ok(())
        })
    });
    // A share of the states need not meet everything.
    if share(STATES) < STATES {
        return;
    }
    let met = met.into_inner();
    let mut wanted: Vec<String> = Effect::ALL.iter().map(|effect| effect.label().to_owned()).collect();
    wanted.extend((0..5).map(|why| format!("why {why}")));
    wanted.extend([6, 17].map(|protocol| format!("protocol {protocol}")));
    wanted.extend(
        [Walk::FOLLOWED, Walk::QUOTED, Walk::PIN, Walk::EMBRYONIC].map(|step| format!("step {step}")),
    );
    // Everything but: no IP, an extension header too many, no headroom, and a device that is none.
    wanted
        .extend([0, 2, 3, 4, 5, 10, 11, 12, 14, 15, 16, 19, 20, 21].map(|reason| format!("reason {reason}")));
    let missed: Vec<String> = wanted.into_iter().filter(|it| !met.contains(it)).collect();
    assert!(missed.is_empty(), "never met: {missed:?} of {met:?}");
}

/// The maps of the program are all there: a dump that left one out would prove less.
#[test]
fn a_dump_has_every_map() {
    let dump = Harness::new().dump();
    let names: BTreeSet<&str> = dump.names().collect();
    let lines = include_str!("../../../../anycast-ebpf/src/maps.rs").lines();
    let declared: Vec<&str> = lines
        .filter_map(|line| {
            Some(line.strip_prefix("pub ").unwrap_or(line).strip_prefix("static ")?.split_once(':')?.0)
        })
        // Of the one no packet asks, the other is a constant.
        .filter(|name| !matches!(*name, "IDENTITY" | "MULTI_BUFFER"))
        .collect();
    assert!(declared.len() > 10, "{declared:?}");
    for name in declared {
        assert!(names.contains(name), "{name} is not in {names:?}");
    }
}
