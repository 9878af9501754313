//! Fragments in orders that no sender, but many a path brings about.

use std::{thread, time::Duration};

use etherparse::{IpNumber, Ipv4Header, Ipv6FragmentHeader, Ipv6Header, UdpHeader};
use xtask::lab::{
    Family, INTERFACE,
    random::Random,
    transfer::{Datagrams, TRANSFER_PORT},
    wire::Wire,
};

use crate::harness::{Mode, SOON, Stage};

/// Of a fragment's data: a multiple of 8, and small enough for any tunnel.
const STEP: usize = 1200;

/// Bytes without a period.
pub fn payload(length: usize) -> Vec<u8> {
    let mut random = Random::new(length as u64);
    std::iter::repeat_with(|| random.word() as u8).take(length).collect()
}

/// The frames of a datagram from the client's socket to the VIP's server, in their natural order.
fn frames(stage: &Stage, family: Family, port: u16, identification: u16, data: &[u8]) -> Vec<Vec<u8>> {
    let plan = stage.lab.plan();
    let (client, vips) = (plan.client.addresses, plan.vips);
    let (v4, v6) = ((client.v4.octets(), vips.v4.octets()), (client.v6.octets(), vips.v6.octets()));
    let udp = match family {
        Family::V4 => {
            let header = Ipv4Header::new(0, 64, IpNumber::UDP, v4.0, v4.1).unwrap();
            UdpHeader::with_ipv4_checksum(port, TRANSFER_PORT, &header, data).unwrap()
        }
        Family::V6 => {
            let header = Ipv6Header { source: v6.0, destination: v6.1, ..Default::default() };
            UdpHeader::with_ipv6_checksum(port, TRANSFER_PORT, &header, data).unwrap()
        }
    };
    let datagram = [&udp.to_bytes()[..], data].concat();
    let count = datagram.len().div_ceil(STEP);
    let frame = |(number, piece): (usize, &[u8])| {
        let offset = ((number * STEP / 8) as u16).try_into().unwrap();
        let more = number + 1 < count;
        // The router's port towards the client, and the client.
        let mut frame = vec![2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2];
        match family {
            Family::V4 => {
                frame.extend([0x08, 0x00]);
                let length = piece.len() as u16;
                let mut header = Ipv4Header::new(length, 64, IpNumber::UDP, v4.0, v4.1).unwrap();
                (header.identification, header.dont_fragment) = (identification, false);
                (header.more_fragments, header.fragment_offset) = (more, offset);
                header.header_checksum = header.calc_header_checksum();
                frame.extend(header.to_bytes());
            }
            Family::V6 => {
                frame.extend([0x86, 0xdd]);
                let header = Ipv6Header {
                    payload_length: (piece.len() + Ipv6FragmentHeader::LEN) as u16,
                    next_header: IpNumber::IPV6_FRAGMENTATION_HEADER,
                    hop_limit: 64,
                    source: v6.0,
                    destination: v6.1,
                    ..Default::default()
                };
                frame.extend(header.to_bytes());
                let id = identification.into();
                frame.extend(Ipv6FragmentHeader::new(IpNumber::UDP, offset, more, id).to_bytes());
            }
        }
        frame.extend(piece);
        frame
    };
    datagram.chunks(STEP).enumerate().map(frame).collect()
}

/// The first fragment first, the others in the opposite order: they follow it, whatever server it went to.
pub fn in_any_order_after_the_first(stage: &Stage, family: Family) {
    let wire = Wire::open(stage.lab.client().unwrap(), INTERFACE).unwrap();
    let data = payload(8192);
    for identification in 1..=4 {
        let socket = Datagrams::open(&stage.lab, stage.vip(family)).unwrap();
        let mut frames = frames(stage, family, socket.port().unwrap(), identification, &data);
        frames[1..].reverse();
        let labels = ["fragment_first", "fragment_followed", "fragment_stray", "fragment_out_of_order"];
        let before = stage.details(family, labels);
        frames.iter().for_each(|frame| wire.send(frame).unwrap());
        assert!(socket.comes_back(&data, SOON).unwrap(), "{family:?}: fragments in another order");
        let after = stage.details(family, labels);
        let counted: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        // One of the six that follow leaves a gap: the last one, which comes second.
        assert_eq!(counted[..3], [1, 6, 0]);
        assert!(counted[3] > 0, "{counted:?}");
    }
}

#[test]
fn a_first_fragment_that_comes_last_finds_the_others_at_the_only_backend() {
    for mode in [Mode::L2, Mode::IpipV4, Mode::GueV6] {
        let stage = Stage::new(mode);
        let wire = Wire::open(stage.lab.client().unwrap(), INTERFACE).unwrap();
        for family in Family::ALL {
            // With two, strays go by addresses alone, and may miss the one that the first fragment goes to.
            stage.lab.ctl(&["backend", "remove", family.pool_name(), "backend2"]).unwrap();
            let data = payload(8192);
            let socket = Datagrams::open(&stage.lab, stage.vip(family)).unwrap();
            let frames = frames(&stage, family, socket.port().unwrap(), 77, &data);
            let (first, others) = frames.split_first().unwrap();
            others.iter().for_each(|frame| wire.send(frame).unwrap());
            assert!(!socket.comes_back(&data, Duration::from_millis(100)).unwrap());
            wire.send(first).unwrap();
            assert!(socket.comes_back(&data, SOON).unwrap(), "{mode:?} {family:?}: the first fragment last");
            assert_eq!(stage.detail(family, "fragment_stray"), 6);
            thread::sleep(Duration::from_millis(10));
        }
    }
}
