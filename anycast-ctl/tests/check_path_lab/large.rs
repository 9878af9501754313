//! Large requests: the stack hands them over in pieces of up to 64 KiB, to be cut and summed after they got outer headers.

use std::{fs, time::Duration};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use xtask::lab::{Family, ROUTER, wire::Capture};

use crate::{
    harness::{MODES, Stage, way},
    socket::Check,
};

const BYTES: usize = 200_000;

#[test]
fn large_requests_arrive_whole() {
    let content: Vec<u8> = (0..BYTES).map(|at| (at * 7 + at / 251) as u8).collect();
    for mode in MODES {
        let mut stage = Stage::new(mode);
        for (offloads, family) in [true, false].into_iter().flat_map(|on| Family::ALL.map(|it| (on, it))) {
            stage.set(family);
            if !offloads {
                stage.without_offloads();
            }
            let mtu = way(&stage.lab, mode, family, "backend1").backend.mtu;
            let check = Check::new(&stage.lab, family, stage.mark(0), mtu);
            let name = format!("{family:?}-{offloads}");
            let wire = stage.lab.inside(ROUTER, || Capture::open("edge")).unwrap();
            let (answer, counted) = stage.counted(|| check.put(&name, &content).unwrap());
            assert!(answer.starts_with("HTTP/1.1 201"), "{mode:?} {name}: {answer}");
            let stored = fs::read(stage.lab.directory().join("backend1/files").join(&name)).unwrap();
            assert!(stored == content, "{mode:?} {name}: other bytes arrived");
            let frames = from_edge(wire);
            let packets: u64 = counted.values().sum();
            println!("{mode:?} {name}: {packets} packets, {} frames with data", frames.len());
            assert!(packets < 120, "{mode:?} {name}: the stack cut them itself: {counted:?}");
            if !offloads {
                assert!(frames.len() >= BYTES / usize::from(mtu));
                assert_eq!(frames.iter().map(Vec::len).max(), Some(1514), "{mode:?} {name}");
                frames.iter().for_each(|frame| verify(frame));
            }
        }
    }
}

/// Reads a frame with etherparse: all checksums, inside the tunnel too, must be right.
fn verify(frame: &[u8]) {
    let outer = SlicedPacket::from_ethernet(frame).unwrap();
    let (net, transport) = (outer.net.as_ref().unwrap(), outer.transport.as_ref());
    if let NetSlice::Ipv4(ip) = net {
        let header = ip.header().to_header();
        assert_eq!(header.header_checksum, header.calc_header_checksum());
    }
    let inner = match (net, transport) {
        (_, Some(TransportSlice::Udp(udp))) => {
            assert_eq!((udp.checksum(), udp.destination_port()), (0, 6080));
            assert!(udp.source_port() >= 0xc000);
            Some(udp.payload())
        }
        (NetSlice::Ipv4(ip), None) => Some(ip.payload().payload),
        (NetSlice::Ipv6(ip), None) => Some(ip.payload().payload),
        _ => None,
    };
    let inner = inner.map(|bytes| SlicedPacket::from_ip(bytes).unwrap());
    let packet = inner.as_ref().unwrap_or(&outer);
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { panic!("no TCP in {frame:02x?}") };
    let computed = match packet.net.as_ref().unwrap() {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            assert_eq!((header.header_checksum, header.time_to_live), (header.calc_header_checksum(), 64));
            tcp.calc_checksum_ipv4(header.source, header.destination).unwrap()
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            assert_eq!(header.hop_limit(), 64);
            tcp.calc_checksum_ipv6(header.source(), header.destination()).unwrap()
        }
        NetSlice::Arp(_) => panic!("ARP"),
    };
    assert_eq!(tcp.checksum(), computed);
}

/// Those with more than headers, of what the edge sent.
fn from_edge(mut wire: Capture) -> Vec<Vec<u8>> {
    let frames = std::iter::from_fn(|| wire.next(Duration::from_millis(50)).unwrap());
    // Answers come from other addresses.
    frames.filter(|frame| frame[6..12] == [2, 0, 0, 0, 2, 2] && frame.len() > 300).collect()
}
