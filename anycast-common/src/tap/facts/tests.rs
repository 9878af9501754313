extern crate std;

use std::vec::Vec;

use etherparse::PacketBuilder;

use super::*;

const MACS: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);

fn v4() -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
    PacketBuilder::ethernet2(MACS.0, MACS.1).ipv4([198, 51, 100, 7], [192, 0, 2, 1], 64)
}

fn v6() -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
    let address = |last: u8| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    PacketBuilder::ethernet2(MACS.0, MACS.1).ipv6(address(7), address(1), 64)
}

fn facts(bytes: &[u8]) -> Facts {
    Facts::of_packet(&bytes)
}

fn get(facts: &Facts, field: word::Field) -> u64 {
    facts.pairs[field.word / 2][field.word % 2] >> field.shift & ((1 << field.bits) - 1)
}

#[test]
fn tcp_and_udp_are_read_whatever_lies_below() {
    for (step, family) in [(v4(), 4), (v6(), 6)] {
        let mut bytes = Vec::new();
        step.tcp(40_000, 443, 1, 1000).syn().psh().write(&mut bytes, &[1, 2, 3]).unwrap();
        let read = facts(&bytes);
        assert_eq!(get(&read, word::FAMILY), family);
        assert_eq!(get(&read, word::PROTOCOL), 6);
        assert_eq!(get(&read, word::HAS_PORTS), 1);
        assert_eq!(get(&read, word::SOURCE_PORT), 40_000);
        assert_eq!(get(&read, word::DESTINATION_PORT), 443);
        assert_eq!(get(&read, word::TCP_FLAGS), 0b1010);
        let FlowFacts { flow, has_ports, tcp_flags } = read.flow();
        assert_eq!((flow.source_port, flow.destination_port, flow.protocol), (40_000, 443, 6));
        assert!(has_ports && tcp_flags == 0b1010);
        assert_eq!(flow.source.words(), read.pairs[0]);
        assert_eq!(flow.destination.is_v4(), family == 4);

        // A header that is cut short has ports, but no flags.
        let cut = facts(&bytes[..bytes.len() - 3 - 20 + 10]);
        assert_eq!((get(&cut, word::HAS_PORTS), get(&cut, word::TCP_FLAGS)), (1, 0));
    }
    let mut bytes = Vec::new();
    v4().udp(53, 5353).write(&mut bytes, &[0; 40]).unwrap();
    let read = facts(&bytes);
    assert_eq!((get(&read, word::PROTOCOL), get(&read, word::TCP_FLAGS)), (17, 0));
    assert_eq!(read.flow().flow.source_port, 53);
}

#[test]
fn what_has_no_ports_says_so() {
    let mut bytes = Vec::new();
    v4().icmpv4_echo_request(1, 2).write(&mut bytes, &[0; 8]).unwrap();
    let echo = facts(&bytes);
    assert_eq!((get(&echo, word::PROTOCOL), get(&echo, word::HAS_PORTS)), (1, 0));
    assert_ne!(echo.pairs[0], [0; 2]);

    // A later fragment of TCP.
    let mut bytes = Vec::new();
    v4().tcp(40_000, 443, 1, 1000).write(&mut bytes, &[0; 24]).unwrap();
    bytes[20..22].copy_from_slice(&[0, 3]);
    let later = facts(&bytes);
    assert_eq!((get(&later, word::PROTOCOL), get(&later, word::HAS_PORTS)), (6, 0));

    assert_eq!(facts(&[0xff; 60]), Facts::default(), "no IP");
    assert_eq!(facts(&[]), Facts::default());
}

#[test]
fn the_walk_adds_what_it_came_to() {
    let mut bytes = Vec::new();
    v4().udp(1, 2).write(&mut bytes, &[]).unwrap();
    let nothing =
        facts(&bytes).with_walk(&Walk { reason: 2, verdict: 2, frame_bytes: 60, ..Walk::default() }, 9);
    assert_eq!(get(&nothing, word::BACKEND), u64::from(NO_BACKEND));
    let outcome = [word::VIP, word::REASON, word::VERDICT, word::WHY, word::POOL, word::LENGTH];
    assert_eq!(outcome.map(|field| get(&nothing, field)), [0, 2, 2, 0, 0, 60]);
    assert_eq!(nothing.pairs[3][1], 9);
    assert_eq!(nothing.flow(), facts(&bytes).flow());

    let walk = Walk {
        reached: Walk::VIP | Walk::FLOW | Walk::SLOT | Walk::CHOICE | Walk::BACKEND,
        vip: 3,
        pool: 0,
        backend: 0,
        why: 4,
        verdict: 3,
        ..Walk::default()
    };
    let chosen = facts(&bytes).with_walk(&walk, 9);
    assert_eq!(get(&chosen, word::BACKEND), 0);
    assert_eq!(outcome.map(|field| get(&chosen, field)), [3, 0, 3, 5, 1, 0]);
}
