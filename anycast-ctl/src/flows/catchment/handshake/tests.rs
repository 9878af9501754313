use anycast_common::address::Address;
use proptest::prelude::*;

use super::*;
use crate::flows::sighting::Segment;

const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

fn packet(client: u32, flags: u8, sequence: u32, at_ms: u64) -> Sighting {
    let flow = Flow {
        source: Address::from_v4(client.to_be_bytes()),
        destination: Address::from_v4([192, 0, 2, 1]),
        source_port: 40_000,
        destination_port: 443,
        protocol: 6,
    };
    let tcp = Some(Segment { flags, sequence, acknowledgement: 501, payload: 0 });
    Sighting { at_ns: at_ms * 1_000_000, flow, bytes: 40, hop_limit: 60, tcp }
}

/// The SYN-ACK to that client.
fn reply(client: u32, acknowledgement: u32, at_ms: u64) -> Sighting {
    let seen = packet(client, SYN | ACK, 500, at_ms);
    let Flow { source, destination, source_port, destination_port, protocol } = seen.flow;
    let flow = Flow {
        source: destination,
        destination: source,
        source_port: destination_port,
        destination_port: source_port,
        protocol,
    };
    let tcp = seen.tcp.map(|tcp| Segment { acknowledgement, ..tcp });
    Sighting { flow, tcp, ..seen }
}

fn finished(rtt_ms: u32) -> Option<Step> {
    Some(Step::Finished { rtt_us: rtt_ms * 1_000, reply_rtt_us: None })
}

#[test]
fn the_first_ack_ends_a_round_trip() {
    let mut handshakes = Handshakes::default();
    assert_eq!(handshakes.note(&packet(1, SYN, 100, 0)), Some(Step::Opened));
    assert_eq!(handshakes.note(&packet(2, SYN, u32::MAX, 5)), Some(Step::Opened));
    assert_eq!(handshakes.note(&packet(1, ACK, 101, 30)), finished(30));
    assert_eq!(handshakes.note(&packet(1, ACK, 101, 31)), None, "it is over");
    assert_eq!(handshakes.note(&packet(2, ACK, 0, 105)), finished(100), "sequence numbers wrap");
    let status = handshakes.finish();
    assert_eq!((status.opened, status.measured, status.unfinished), (2, 2, 0));
}

#[test]
fn a_repeated_syn_is_one_flow_and_no_measure() {
    let mut handshakes = Handshakes::default();
    handshakes.note(&packet(1, SYN, 100, 0));
    assert_eq!(handshakes.note(&packet(1, SYN, 100, 1_000)), None);
    assert_eq!(handshakes.note(&packet(1, ACK, 101, 1_030)), None);
    let status = handshakes.finish();
    assert_eq!((status.opened, status.measured, status.repeated), (1, 0, 1));
}

#[test]
fn what_does_not_belong_ends_nothing() {
    let mut handshakes = Handshakes::default();
    handshakes.note(&packet(1, SYN, 100, 0));
    assert_eq!(handshakes.note(&packet(1, ACK, 9_000, 1)), None, "of an earlier connection");
    assert_eq!(handshakes.note(&packet(2, ACK, 101, 1)), None, "another client");
    assert_eq!(handshakes.note(&packet(1, ACK, 101, 20)), finished(20));
    handshakes.note(&packet(3, SYN, 7, 30));
    assert_eq!(handshakes.note(&packet(3, RST, 8, 40)), None);
    assert_eq!(handshakes.note(&packet(3, ACK, 8, 50)), None, "it was refused");
    handshakes.note(&packet(4, SYN, 7, 60));
    handshakes.note(&packet(5, SYN, 7, 70));
    assert_eq!(handshakes.note(&packet(4, ACK, 8, 10_061)), None, "too late");
    let status = handshakes.finish();
    assert_eq!((status.opened, status.measured, status.unfinished), (4, 1, 3));
}

#[test]
fn a_reply_that_is_seen_divides_the_round_trip() {
    let mut handshakes = Handshakes::default();
    handshakes.note(&packet(1, SYN, 100, 0));
    handshakes.note_reply(&reply(1, 77, 1));
    handshakes.note_reply(&reply(1, 101, 2));
    let step = handshakes.note(&packet(1, ACK, 101, 32));
    assert_eq!(step, Some(Step::Finished { rtt_us: 32_000, reply_rtt_us: Some(30_000) }));
    handshakes.note(&packet(2, SYN, 100, 40));
    handshakes.note_reply(&reply(2, 101, 41));
    handshakes.note_reply(&reply(2, 101, 50));
    assert_eq!(handshakes.note(&packet(2, ACK, 101, 60)), None, "which of the two was answered?");
}

#[test]
fn a_flood_of_syns_makes_room_for_itself() {
    let mut handshakes = Handshakes::default();
    let flood = 3 * OPEN as u32;
    for client in 0..flood {
        handshakes.note(&packet(client, SYN, 1, 1));
        assert!(handshakes.open.len() <= OPEN && handshakes.order.len() <= OPEN);
    }
    assert_eq!(handshakes.note(&packet(0, ACK, 2, 2)), None);
    assert_eq!(handshakes.note(&packet(flood - 1, ACK, 2, 2)), finished(1));
    let status = handshakes.finish();
    assert_eq!(status.opened, u64::from(flood));
    assert_eq!((status.displaced, status.measured), (2 * OPEN as u64, 1));
    assert_eq!(status.unfinished, OPEN as u64 - 1);
}

proptest! {
    /// Every handshake is accounted for once, whatever comes.
    #[test]
    fn the_accounts_are_balanced(
        packets in proptest::collection::vec((0_u32..6, prop_oneof![Just(SYN), Just(ACK), Just(RST), Just(SYN | ACK)],
            0_u32..4, 0_u64..4_000, any::<bool>()), 0..300),
    ) {
        let mut handshakes = Handshakes::default();
        let (mut now, mut opened, mut finished) = (0, 0, 0);
        for (client, flags, sequence, later, is_reply) in packets {
            now += later;
            if is_reply {
                handshakes.note_reply(&reply(client, sequence, now));
                continue;
            }
            match handshakes.note(&packet(client, flags, sequence, now)) {
                Some(Step::Opened) => opened += 1,
                Some(Step::Finished { rtt_us, reply_rtt_us }) => {
                    finished += 1;
                    prop_assert!(u64::from(rtt_us) * 1_000 <= PATIENCE_NS);
                    prop_assert!(reply_rtt_us.is_none_or(|part| part <= rtt_us));
                }
                None => (),
            }
        }
        let status = handshakes.finish();
        prop_assert_eq!((status.opened, status.measured), (opened, finished));
        prop_assert_eq!(status.opened, status.measured + status.repeated + status.unfinished + status.displaced);
    }
}
