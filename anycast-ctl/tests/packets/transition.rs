//! Slots in transition: who is remembered, who goes where.

use std::net::IpAddr;

use anycast_common::{
    address::Address,
    backend::Backend,
    clock,
    flow::Flow,
    hash::expand_seed,
    pin::{Pin, Record},
    reason::Reason,
    slot::{NO_BACKEND, Slot, Table},
};
use anycast_ctl::{dataplane::Dataplane, model::UdpPolicy};
use etherparse::TcpHeader;

use crate::{
    harness::{Harness, Outcome, SEED},
    packet::{self, L4, Packet, client},
    site::{IDLE_TIMEOUT, L2, SLOTS, State, backend, directory},
    table::reach,
};

/// The v4 and the v6 VIP of pool 0.
const VIPS: [&str; 2] = ["192.0.2.1", "2001:db8:0:1::1"];

/// Backends, by the era in which they own the slot.
const A: u16 = 0;
const B: u16 = 1;
const C: u16 = 2;

fn publish(harness: &mut Harness, slot: Slot) {
    harness.dataplane.publish_table(0, &[slot; SLOTS as usize]).unwrap();
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Syn,
    Ack,
    Rst,
}

fn segment(vip: &str, source_port: u16, transport: Transport) -> Packet {
    let (syn, ack) = (transport == Transport::Syn, transport == Transport::Ack);
    let header = TcpHeader { syn, ack, rst: !(syn || ack), ..TcpHeader::new(source_port, 80, 1000, 512) };
    packet::to(vip, L4::Tcp(Box::new(header)))
}

fn datagram(vip: &str, source_port: u16, opens: bool) -> Packet {
    Packet { opens: Some(opens), ..packet::to(vip, L4::Udp(source_port, 53)) }
}

fn tcp(harness: &mut Harness, vip: &str, source_port: u16, transport: Transport) -> u16 {
    let name = format!("{vip} {source_port} {transport:?}");
    reach(harness, &name, &segment(vip, source_port, transport))
}

fn flow(vip: &str, source_port: u16, udp: bool) -> Flow {
    let (source, destination): (IpAddr, IpAddr) = (client(vip), vip.parse().unwrap());
    Flow {
        source: Address::from(source),
        destination: Address::from(destination),
        source_port,
        destination_port: if udp { 53 } else { 80 },
        protocol: if udp { 17 } else { 6 },
    }
}

/// What is remembered of a flow: (embryonic, pinned), as backend indices.
fn remembered(dataplane: &Dataplane, flow: &Flow) -> (Option<u16>, Option<u16>) {
    let key = dataplane.key(flow);
    let of = |record: Option<Record>| record.map(|record| record.pin.backend());
    (of(dataplane.embryonic.get(key).unwrap()), of(dataplane.pins.get(key).unwrap()))
}

fn now() -> u32 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC_COARSE).unwrap();
    clock::ticks(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

#[test]
fn a_stable_slot_remembers_nothing() {
    let mut harness = Harness::lean();
    publish(&mut harness, Slot::stable(A));
    for vip in VIPS {
        for transport in [Transport::Syn, Transport::Ack, Transport::Rst] {
            assert_eq!(tcp(&mut harness, vip, 1, transport), A);
        }
        assert_eq!(remembered(&harness.dataplane, &flow(vip, 1, false)), (None, None));
    }
}

#[test]
fn flows_born_in_a_transition_are_embryonic_first_and_pinned_then() {
    let mut harness = Harness::lean();
    publish(&mut harness, Slot::in_transition(B, A));
    for vip in VIPS {
        assert_eq!(tcp(&mut harness, vip, 1, Transport::Syn), B);
        assert_eq!(remembered(&harness.dataplane, &flow(vip, 1, false)), (Some(B), None));
        assert_eq!(tcp(&mut harness, vip, 1, Transport::Ack), B);
        assert_eq!(remembered(&harness.dataplane, &flow(vip, 1, false)), (None, Some(B)));
        assert_eq!(tcp(&mut harness, vip, 1, Transport::Ack), B);
        assert_eq!(tcp(&mut harness, vip, 2, Transport::Ack), A, "born before the transition");
        assert_eq!(remembered(&harness.dataplane, &flow(vip, 2, false)), (None, None), "and not remembered");
    }
}

#[test]
fn resets_follow_what_is_remembered_and_add_nothing() {
    let mut harness = Harness::lean();
    publish(&mut harness, Slot::in_transition(B, A));
    for vip in VIPS {
        assert_eq!(tcp(&mut harness, vip, 1, Transport::Rst), A);
        assert_eq!(remembered(&harness.dataplane, &flow(vip, 1, false)), (None, None));
        assert_eq!(tcp(&mut harness, vip, 2, Transport::Syn), B);
        assert_eq!(tcp(&mut harness, vip, 2, Transport::Rst), B);
        assert_eq!(
            remembered(&harness.dataplane, &flow(vip, 2, false)),
            (Some(B), None),
            "an RST promotes no flow"
        );
    }
}

#[test]
fn each_era_keeps_its_backend() {
    let mut harness = Harness::lean();
    for vip in VIPS {
        publish(&mut harness, Slot::in_transition(B, A));
        tcp(&mut harness, vip, 2, Transport::Syn);
        tcp(&mut harness, vip, 2, Transport::Ack);
        tcp(&mut harness, vip, 3, Transport::Syn);
        publish(&mut harness, Slot::in_transition(C, A));
        assert_eq!(tcp(&mut harness, vip, 1, Transport::Ack), A, "from before the first move");
        assert_eq!(tcp(&mut harness, vip, 2, Transport::Ack), B, "from between the moves");
        assert_eq!(
            tcp(&mut harness, vip, 3, Transport::Syn),
            B,
            "a SYN that is sent again goes where the first went"
        );
        assert_eq!(tcp(&mut harness, vip, 3, Transport::Ack), B);
        assert_eq!(tcp(&mut harness, vip, 4, Transport::Syn), C, "new");
        publish(&mut harness, Slot::in_transition(A, A));
        assert_eq!(tcp(&mut harness, vip, 1, Transport::Ack), A, "back to the first owner");
        assert_eq!(tcp(&mut harness, vip, 2, Transport::Ack), B);
        assert_eq!(tcp(&mut harness, vip, 4, Transport::Ack), C);
        assert_eq!(tcp(&mut harness, vip, 5, Transport::Syn), A);
    }
}

#[test]
fn an_unusable_backend_hands_its_flows_to_the_current_one() {
    let mut harness = Harness::lean();
    publish(&mut harness, Slot::in_transition(B, A));
    tcp(&mut harness, VIPS[0], 1, Transport::Syn);
    tcp(&mut harness, VIPS[0], 1, Transport::Ack);
    publish(&mut harness, Slot::in_transition(C, A));
    harness.dataplane.set_backend(B, Backend::default());
    assert_eq!(tcp(&mut harness, VIPS[0], 1, Transport::Ack), C, "its pinned backend is gone");
    harness.dataplane.set_backend(B, Backend { generation: 1, ..backend(B) });
    assert_eq!(tcp(&mut harness, VIPS[0], 1, Transport::Ack), C, "another backend has its index");
    harness.dataplane.set_backend(A, Backend::default());
    assert_eq!(tcp(&mut harness, VIPS[0], 2, Transport::Ack), C, "its base owner is gone");
}

#[test]
fn with_nobody_to_open_to_old_flows_live_on() {
    let mut harness = Harness::lean();
    publish(&mut harness, Slot::in_transition(NO_BACKEND, A));
    assert_eq!(tcp(&mut harness, VIPS[0], 1, Transport::Ack), A);
    let syn = segment(VIPS[0], 2, Transport::Syn).bytes();
    assert_eq!(harness.run("syn", &syn), Outcome::Dropped { vip: 1, reason: Reason::NoBackend });
    assert_eq!(remembered(&harness.dataplane, &flow(VIPS[0], 2, false)), (None, None));
}

#[test]
fn a_pin_is_believed_for_the_idle_timeout() {
    let mut harness = Harness::lean();
    publish(&mut harness, Slot::in_transition(B, A));
    for (age, expected) in [(IDLE_TIMEOUT - 2, C), (IDLE_TIMEOUT + 2, A)] {
        let pin = Pin::new(C, 0, now().wrapping_sub(age));
        harness.dataplane.pin(&flow(VIPS[0], 1, false), pin).unwrap();
        assert_eq!(tcp(&mut harness, VIPS[0], 1, Transport::Ack), expected, "{age} ticks old");
    }
    let pin = Pin::new(C, 0, now().wrapping_sub(IDLE_TIMEOUT / 2));
    harness.dataplane.pin(&flow(VIPS[0], 2, false), pin).unwrap();
    tcp(&mut harness, VIPS[0], 2, Transport::Ack);
    let key = harness.dataplane.key(&flow(VIPS[0], 2, false));
    let seen = harness.dataplane.pins.get(key).unwrap().unwrap().pin.last_seen();
    assert!(clock::since(seen, now()) <= 1, "a packet keeps its pin fresh");
}

#[test]
fn only_opening_packets_look_for_what_was_left_when_the_filter_was_cleared() {
    let mut harness = Harness::lean();
    publish(&mut harness, Slot::in_transition(B, A));
    for vip in VIPS {
        harness.dataplane.pin(&flow(vip, 1, false), Pin::new(C, 0, now())).unwrap();
        assert_eq!(tcp(&mut harness, vip, 1, Transport::Ack), C);
        harness.dataplane.clear_filter();
        assert_eq!(tcp(&mut harness, vip, 1, Transport::Ack), A, "not looked for");
        assert_eq!(tcp(&mut harness, vip, 1, Transport::Syn), C);
        assert_eq!(tcp(&mut harness, vip, 1, Transport::Ack), C, "looked for again");
    }
}

#[test]
fn the_base_owners_use_is_stamped() {
    let mut harness = Harness::lean();
    publish(&mut harness, Slot::stable(A));
    publish(&mut harness, Slot::in_transition(B, A));
    let slot = |source_port| {
        Table::new(0, SLOTS).slot_of(flow(VIPS[0], source_port, false).hash(&expand_seed(SEED))) as usize
    };
    let used = slot(1);
    let other = (1..100).map(slot).find(|&slot| slot != used).unwrap();
    let before = now();
    std::thread::sleep(std::time::Duration::from_millis(2200));
    tcp(&mut harness, VIPS[0], 1, Transport::Ack);
    let stamps = harness.dataplane.stamps(0);
    assert!(clock::since(before, stamps[used]) >= 1, "{} at {before}", stamps[used]);
    assert!(clock::since(stamps[other], before) <= 1, "{} at {before}", stamps[other]);
}

#[test]
fn stateless_datagrams_follow_the_slot() {
    let mut harness = Harness::lean();
    for slot in [Slot::stable(A), Slot::in_transition(B, A), Slot::in_transition(C, A)] {
        publish(&mut harness, slot);
        let packet = datagram(VIPS[0], 1, false);
        assert_eq!(reach(&mut harness, "datagram", &packet), slot.current());
    }
    assert_eq!(remembered(&harness.dataplane, &flow(VIPS[0], 1, true)), (None, None));
}

#[test]
fn pinned_datagrams_stay_from_the_first_one_on() {
    let mut harness = Harness::lean();
    harness.dataplane.publish_directory(&directory(&State { udp: UdpPolicy::Pinned, ..L2 })).unwrap();
    for vip in VIPS {
        publish(&mut harness, Slot::stable(A));
        assert_eq!(reach(&mut harness, "first datagram", &datagram(vip, 1, true)), A);
        publish(&mut harness, Slot::in_transition(B, A));
        assert_eq!(reach(&mut harness, "later datagram", &datagram(vip, 1, false)), A);
        publish(&mut harness, Slot::stable(C));
        assert_eq!(reach(&mut harness, "later still", &datagram(vip, 1, false)), A);
        assert_eq!(reach(&mut harness, "another flow", &datagram(vip, 2, true)), C);
    }
}

#[test]
fn quic_initials_open_and_short_headers_continue() {
    let mut harness = Harness::lean();
    harness.dataplane.publish_directory(&directory(&State { udp: UdpPolicy::Quic, ..L2 })).unwrap();
    publish(&mut harness, Slot::in_transition(B, A));
    let rows: [(&str, &[u8], bool); 8] = [
        ("version 1 initial", &[0xc3, 0, 0, 0, 1, 8], true),
        ("version 2 initial", &[0xd3, 0x6b, 0x33, 0x43, 0xcf, 8], true),
        ("version 1 handshake", &[0xe3, 0, 0, 0, 1, 8], false),
        ("version 1 0-rtt", &[0xd3, 0, 0, 0, 1, 8], false),
        ("version 2 0-rtt", &[0xe3, 0x6b, 0x33, 0x43, 0xcf, 8], false),
        ("short header", &[0x43, 1, 2, 3, 4, 5], false),
        ("too short", &[0xc3, 0, 0], false),
        ("empty", &[], false),
    ];
    for (row, (name, payload, opens)) in rows.into_iter().enumerate() {
        for vip in VIPS {
            let source_port = 100 + row as u16;
            let packet = Packet { payload: payload.to_vec(), ..datagram(vip, source_port, opens) };
            assert_eq!(reach(&mut harness, name, &packet), if opens { B } else { A }, "{name}");
            if opens {
                let payload = vec![0x43, 9, 9, 9, 9, 9];
                let short = Packet { payload, ..datagram(vip, source_port, false) };
                assert_eq!(reach(&mut harness, name, &short), B, "{name}: the flow it opened");
            }
        }
    }
}

#[test]
fn a_flood_of_opening_packets_leaves_pins_alone() {
    let mut harness = Harness::lean();
    publish(&mut harness, Slot::in_transition(B, A));
    tcp(&mut harness, VIPS[0], 1, Transport::Syn);
    tcp(&mut harness, VIPS[0], 1, Transport::Ack);
    for source_port in 1000..3000 {
        tcp(&mut harness, VIPS[0], source_port, Transport::Syn);
    }
    publish(&mut harness, Slot::in_transition(C, A));
    assert_eq!(tcp(&mut harness, VIPS[0], 1, Transport::Ack), B);
    assert_eq!(harness.dataplane.pins.get(harness.dataplane.key(&flow(VIPS[0], 2999, false))).unwrap(), None);
}
