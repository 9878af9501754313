//! What is to be right for every value of something.

use std::collections::BTreeSet;

use anycast_common::{backend::Delivery, fragment::Datagram, reason::Reason, slot::Slot};
use etherparse::{Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, checksum::Sum16BitWords};

use crate::{
    counters::Delta,
    decode::decode,
    harness::{Harness, Observed, xdp_action},
    packet::{BOTH, L4, Packet, V4, V6, client, icmp, is_v6, tcp, to, udp},
    site::{L2, State, TUNNELS, by, vip_number},
    table::{Expect, Row, check, reach, row},
};

/// Every identifier, and with that every checksum.
#[test]
fn echoes_of_every_identifier_are_answered() {
    let mut harness = Harness::lean();
    for vip in BOTH {
        let (request_type, reply_type, at) = if is_v6(vip) { (128, 129, 54) } else { (8, 0, 34) };
        let mut request = icmp(vip, request_type, 0, [0; 4], b"abc").bytes();
        let mut reply = Packet {
            source: vip.parse().unwrap(),
            destination: client(vip),
            macs: [[0x02, 1, 1, 1, 1, 1], [0x02, 2, 2, 2, 2, 2]],
            ..icmp(vip, reply_type, 0, [0; 4], b"abc")
        }
        .bytes();
        for id in 0..=u16::MAX {
            let [high, low] = id.to_be_bytes();
            request[at + 4..at + 6].copy_from_slice(&[high, low]);
            let sum = checksum(vip, request_type, [high, low, 0, 0]);
            request[at + 2..at + 4].copy_from_slice(&sum.to_be_bytes());
            let (verdict, output) = harness.execute(&request);
            assert_eq!(verdict, xdp_action::XDP_TX, "{vip} {id}");
            assert_eq!(received_sum(vip, &output[at..]), 0, "{vip} {id}: {:?}", decode(&output).wrong);
            reply[at + 4..at + 6].copy_from_slice(&[high, low]);
            reply[at + 2..at + 4].copy_from_slice(&output[at + 2..at + 4]);
            assert_eq!(output, reply, "{vip} {id}");
        }
        let number = vip_number(vip);
        let reasons = [((number, Reason::EchoAnswered.label()), 65_536)].into();
        assert_eq!(harness.delta(), Delta { reasons, ..Delta::default() }, "{vip}");
    }
}

fn checksum(vip: &str, kind: u8, bytes5to8: [u8; 4]) -> u16 {
    if let (std::net::IpAddr::V6(source), Ok(destination)) = (client(vip), vip.parse::<std::net::Ipv6Addr>())
    {
        let kind = Icmpv6Type::Unknown { type_u8: kind, code_u8: 0, bytes5to8 };
        Icmpv6Header::with_checksum(kind, source.octets(), destination.octets(), b"abc").unwrap().checksum
    } else {
        let kind = Icmpv4Type::Unknown { type_u8: kind, code_u8: 0, bytes5to8 };
        Icmpv4Header::with_checksum(kind, b"abc").checksum
    }
}

/// What a receiver of that message between VIP and client computes.
fn received_sum(vip: &str, message: &[u8]) -> u16 {
    let sum = Sum16BitWords::new().add_slice(message);
    if let (std::net::IpAddr::V6(source), Ok(destination)) = (client(vip), vip.parse::<std::net::Ipv6Addr>())
    {
        let length = (message.len() as u16).to_be_bytes();
        let sum = sum.add_slice(&source.octets()).add_slice(&destination.octets());
        sum.add_2bytes(length).add_2bytes([0, 58]).ones_complement()
    } else {
        sum.ones_complement()
    }
}

#[test]
fn every_class_is_copied_to_the_outer_header() {
    let mut rows: Vec<Row> = Vec::new();
    for delivery in TUNNELS {
        for vip in BOTH {
            rows.extend((0..=255).map(|class| {
                let packet = Packet { class, ..udp(vip) };
                row(format!("{vip} {delivery:?} {class:#04x}"), by(delivery), packet, Expect::Delivered)
            }));
        }
    }
    check(&mut Harness::lean(), &rows);
}

#[test]
fn outer_headers_are_right_for_every_length() {
    let mut rows: Vec<Row> = Vec::new();
    for (delivery, vip) in TUNNELS.into_iter().zip([V4, V6, V6, V4]) {
        for length in (48..256).chain((256..3000).step_by(17)) {
            let name = format!("{vip} {delivery:?} {length}");
            rows.push(row(name, by(delivery), udp(vip).of_length(length), Expect::Delivered));
        }
    }
    check(&mut Harness::lean(), &rows);
}

/// One source port and flow label for each flow, many for many.
#[test]
fn outer_ports_and_labels_tell_flows_apart() {
    let mut harness = Harness::lean();
    harness.set(&by(Delivery::GueV6));
    for vip in BOTH {
        let (mut ports, mut labels) = (BTreeSet::new(), BTreeSet::new());
        for port in 1000..1400 {
            let of = |length| to(vip, L4::Udp(port, 53)).sized(length).bytes();
            let [one, other] = [1, 30].map(|length| {
                let output = harness.observe(&of(length)).output;
                assert!(decode(&output).wrong.is_empty(), "{vip} {port}: {:?}", decode(&output).wrong);
                outer(&output)
            });
            assert_eq!(one, other, "{vip} {port}");
            assert!(one.0 >= 49_152, "{vip} {port}: {one:?}");
            ports.insert(one.0);
            labels.insert(one.1);
        }
        assert!(ports.len() > 380 && labels.len() > 390, "{vip}: {} {}", ports.len(), labels.len());
    }
}

/// Outer source port and flow label.
fn outer(frame: &[u8]) -> (u16, u32) {
    let [a, b, c, d] = frame[14..18].try_into().unwrap();
    (u16::from_be_bytes([frame[54], frame[55]]), u32::from_be_bytes([a, b, c, d]) & 0xf_ffff)
}

/// Only first fragments are remembered, so that a flood of others takes nobody's place.
#[test]
fn lone_later_fragments_leave_nothing_behind() {
    let mut harness = Harness::lean();
    for vip in BOTH {
        for id in 0..5000_u16 {
            let fragments = udp(vip).sized(40).fragments(id.wrapping_mul(40_503), &[16, 32]);
            let (verdict, _) = harness.execute(&fragments[1 + usize::from(id % 2)].bytes());
            assert_eq!(verdict, xdp_action::XDP_TX, "{vip} {id}");
        }
        assert_eq!(harness.remembered_datagrams(), 0, "{vip}");
        let number = vip_number(vip);
        let details = [((number, "fragment_stray"), 5000)].into();
        assert_eq!(harness.delta().details, details, "{vip}");
    }
    for (remembered, vip) in BOTH.into_iter().enumerate() {
        harness.execute(&udp(vip).sized(40).fragments(1, &[16])[0].bytes());
        assert_eq!(harness.remembered_datagrams(), remembered + 1, "{vip}");
    }
}

#[test]
fn a_datagram_is_remembered_for_its_lifetime() {
    let mut harness = Harness::lean();
    let [one, other] = [1, 2].map(|owner| State { slot: Some(Slot::stable(owner)), ..L2 });
    for vip in BOTH {
        for (age, expected) in [(Datagram::LIFETIME - 1, 1), (Datagram::LIFETIME + 2, 2)] {
            let fragments = udp(vip).sized(40).fragments(age as u16, &[16]);
            harness.set(&one);
            assert_eq!(reach(&mut harness, "first", &fragments[0]), 1, "{vip} {age}");
            harness.age_datagrams(age);
            harness.set(&other);
            assert_eq!(reach(&mut harness, "later", &fragments[1]), expected, "{vip} {age}");
        }
    }
}

/// Errors are limited for each CPU and tick; what is above the limit is dropped and counted.
#[test]
fn errors_are_limited() {
    const LIMIT: u32 = 3;
    let mut cpus = nix::sched::CpuSet::new();
    cpus.set(0).unwrap();
    nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &cpus).unwrap();
    let mut harness = Harness::with_errors_per_tick(LIMIT);
    harness.set(&State { mtu: 1400, ..L2 });
    for vip in BOTH {
        let packet = tcp(vip).of_length(1500);
        let packet = Packet { dont_fragment: true, ..packet }.bytes();
        // A tick that ends in between makes two lots of it: then once more.
        let limited = (0..3).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1100));
            let answered = |observed: &Observed| observed.verdict == xdp_action::XDP_TX;
            let verdicts: Vec<bool> = (0..10).map(|_| answered(&harness.observe(&packet))).collect();
            verdicts == [[true; LIMIT as usize].as_slice(), &[false; 7]].concat()
        });
        assert!(limited, "{vip}");
        let dropped = harness.observe(&packet);
        let reasons = [((vip_number(vip), Reason::TooBig.label()), 1)].into();
        assert_eq!(dropped.delta, Delta { reasons, ..Delta::default() }, "{vip}");
        assert_eq!(dropped.output, packet, "{vip}");
    }
}

/// Metadata takes the room that outer headers need.
#[test]
fn frames_without_room_in_front_are_dropped_as_they_came() {
    const METADATA: usize = 208;
    let mut harness = Harness::lean();
    for delivery in TUNNELS {
        harness.set(&by(delivery));
        for vip in BOTH {
            let input = [&[0; METADATA][..], &udp(vip).bytes()].concat();
            let mut context = [0_u8; 24];
            context[..4].copy_from_slice(&(METADATA as u32).to_ne_bytes());
            context[4..8].copy_from_slice(&(input.len() as u32).to_ne_bytes());
            let (verdict, output) = harness.execute_with(&input, Some(&context));
            assert_eq!(verdict, xdp_action::XDP_DROP, "{vip} {delivery:?}");
            assert!(output == input, "{vip} {delivery:?}");
            let reasons = [((vip_number(vip), Reason::NoHeadroom.label()), 1)].into();
            assert_eq!(harness.delta(), Delta { reasons, ..Delta::default() }, "{vip} {delivery:?}");
        }
    }
}
