//! Captures that are whole, cut, damaged, or none at all.

use std::{io::Cursor, path::Path};

use proptest::{collection::vec, prelude::*};

use super::{Capture, CaptureError, Captured, MAX_FRAME_BYTES};

/// Link types: https://www.tcpdump.org/linktypes.html
const ETHERNET: u32 = 1;
const RAW: u32 = 101;
const WIRELESS: u32 = 105;

fn read(bytes: Vec<u8>) -> Result<Vec<Result<Captured, CaptureError>>, CaptureError> {
    Capture::new(Path::new("x.pcap"), Box::new(Cursor::new(bytes))).map(Iterator::collect)
}

/// The packets of a capture that is fine.
fn packets(bytes: Vec<u8>) -> Vec<Captured> {
    read(bytes).unwrap().into_iter().map(Result::unwrap).collect()
}

/// The last thing said of a capture that is not.
fn complaint(bytes: Vec<u8>) -> String {
    match read(bytes) {
        Err(error) => error.to_string(),
        Ok(found) => found.into_iter().last().unwrap().unwrap_err().to_string(),
    }
}

/// One packet: as captured, and how long it was.
type Packet<'a> = (&'a [u8], u32);

const fn whole(bytes: &[u8]) -> Packet<'_> {
    (bytes, bytes.len() as u32)
}

/// https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/draft-ietf-opsawg-pcap.html
fn pcap(link: u32, packets: &[Packet<'_>]) -> Vec<u8> {
    pcap_by(u32::to_le_bytes, link, packets)
}

fn pcap_by(order: fn(u32) -> [u8; 4], link: u32, packets: &[Packet<'_>]) -> Vec<u8> {
    let mut bytes = [0xa1b2_c3d4, 0, 0, 0, 262_144, link].map(order).concat();
    for (data, original) in packets {
        bytes.extend([0, 0, data.len() as u32, *original].map(order).concat());
        bytes.extend_from_slice(data);
    }
    bytes
}

/// A block of pcapng: https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/draft-ietf-opsawg-pcapng.html
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let length = (12 + body.len() + padding.len()) as u32;
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), body, &padding, &length.to_le_bytes()].concat()
}

fn pcapng(links: &[u32], packets: &[(u32, Packet<'_>)]) -> Vec<u8> {
    let mut bytes =
        block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    for link in links {
        bytes.extend(block(1, &[&link.to_le_bytes()[..], &[0; 4]].concat()));
    }
    for (interface, (data, original)) in packets {
        let header = [*interface, 0, 0, data.len() as u32, *original].map(u32::to_le_bytes).concat();
        bytes.extend(block(6, &[&header, *data].concat()));
    }
    bytes
}

#[test]
fn packets_are_numbered_and_made_ethernet() {
    let (one, two) = ([7; 61], [0x45; 40]);
    let plain = packets(pcap(ETHERNET, &[whole(&one), whole(&two)]));
    assert_eq!(plain.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((plain[0].frame.as_slice(), plain[0].missing), (&one[..], 0));
    assert_eq!(packets(pcap_by(u32::to_be_bytes, ETHERNET, &[whole(&one), whole(&two)])), plain);
    let both = packets(pcapng(&[ETHERNET, RAW], &[(0, whole(&one)), (1, whole(&two))]));
    assert_eq!(both[0], plain[0]);
    assert_eq!(both[1].frame[12..], [&[8, 0][..], &two].concat());
    assert!(packets(pcap(ETHERNET, &[])).is_empty());
    assert!(packets(pcapng(&[], &[])).is_empty());
}

#[test]
fn a_section_begins_anew() {
    let section = pcapng(&[ETHERNET], &[(0, whole(&[7; 60]))]);
    let other = pcapng(&[RAW], &[(0, whole(&[0x45; 20]))]);
    let found = packets([section, other].concat());
    assert_eq!((found[0].frame.len(), found[1].frame.len()), (60, 34));
}

#[test]
fn a_simple_packet_is_not_padded() {
    let simple = block(3, &[&61_u32.to_le_bytes()[..], &[7; 61]].concat());
    let found = packets([pcapng(&[ETHERNET], &[]), simple].concat());
    assert_eq!((found[0].frame.as_slice(), found[0].missing), (&[7; 61][..], 0));
}

#[test]
fn what_was_not_captured_is_zero() {
    for bytes in [pcap(ETHERNET, &[(&[7; 96], 1_514)]), pcapng(&[ETHERNET], &[(0, (&[7; 96], 1_514))])] {
        let found = packets(bytes);
        assert_eq!((found[0].frame.len(), found[0].missing), (1_514, 1_418));
        assert_eq!(found[0].frame[95..97], [7, 0]);
    }
}

#[test]
fn what_cannot_be_asked_about_does_not_hide_what_follows() {
    let huge = vec![0; MAX_FRAME_BYTES + 1];
    for bytes in [
        pcap(ETHERNET, &[whole(&huge), whole(&[7; 60])]),
        pcap(ETHERNET, &[(&[7; 60], u32::MAX), whole(&[7; 60])]),
        pcapng(&[ETHERNET], &[(0, whole(&huge)), (0, whole(&[7; 60]))]),
    ] {
        let found = read(bytes).unwrap();
        let error = found[0].as_ref().unwrap_err();
        assert!(matches!(error, CaptureError::TooLong { number: 1, .. }) && error.concerns_one_packet());
        assert_eq!(found[1].as_ref().unwrap().number, 2);
    }
    let wireless = complaint(pcap(WIRELESS, &[whole(&[0; 60])]));
    assert!(wireless.contains("packet 1 of x.pcap") && wireless.contains("link type 105"), "{wireless}");
}

#[test]
fn what_is_no_capture_is_told_from_one_that_is_cut() {
    for bytes in
        [&b""[..], b"abc", b"\x1f\x8b\x08\x00 compressed", b"\xa1\xb2\xc3\xd4", b"\x0a\x0d\x0d\x0a..."]
    {
        let text = complaint(bytes.to_vec());
        assert!(text.contains("is no pcap or pcapng file"), "{bytes:02x?}: {text}");
    }
    let two = [whole(&[7; 60]), whole(&[7; 60])];
    for whole in [pcap(ETHERNET, &two), pcapng(&[ETHERNET], &two.map(|packet| (0, packet)))] {
        let text = complaint(whole[..whole.len() - 1].to_vec());
        assert!(text.contains("ends in the middle of packet 2"), "{text}");
    }
    let nobodys = complaint(pcapng(&[ETHERNET], &[(1, whole(&[7; 60]))]));
    assert!(nobodys.contains("damaged at packet 1"), "{nobodys}");
    // A packet that says it is 4 GB long.
    let mut long = pcap(ETHERNET, &[whole(&[7; 60])]);
    long[24 + 8..24 + 12].copy_from_slice(&[0xff; 4]);
    let text = complaint(long);
    assert!(text.contains("damaged at packet 1: it says that it has more than a megabyte"), "{text}");
}

#[test]
fn a_file_of_nothing_but_interfaces_does_not_fill_memory() {
    let text = complaint(pcapng(&[ETHERNET; 10_000], &[]));
    assert!(text.contains("too many interfaces"), "{text}");
}

/// A file that is read in pieces, as a pipe is.
#[test]
fn pieces_make_up_a_file() {
    struct Drops(Cursor<Vec<u8>>);
    impl std::io::Read for Drops {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = buffer.len().min(3);
            self.0.read(&mut buffer[..most])
        }
    }
    let frames: Vec<Packet<'_>> = vec![whole(&[7; 1_000]); 2_000];
    for bytes in [
        pcap(ETHERNET, &frames),
        pcapng(&[ETHERNET], &frames.iter().map(|frame| (0, *frame)).collect::<Vec<_>>()),
    ] {
        let capture = Capture::new(Path::new("-"), Box::new(Drops(Cursor::new(bytes)))).unwrap();
        assert_eq!(capture.map(Result::unwrap).filter(|it| it.frame == [7; 1_000]).count(), 2_000);
    }
}

proptest! {
    #[test]
    fn garbage_ends(bytes in vec(any::<u8>(), 0..2_000), start in 0..4_usize) {
        let starts = [
            Vec::new(),
            super::PCAPNG.to_vec(),
            pcap(ETHERNET, &[]),
            pcapng(&[ETHERNET, RAW], &[]),
        ];
        let _ = read([&starts[start], &bytes[..]].concat());
    }

    #[test]
    fn damage_ends(ng in any::<bool>(), edits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let frames = [whole(&[7; 60]), whole(&[8; 61]), whole(&[9; 62])];
        let mut bytes = if ng {
            pcapng(&[ETHERNET, RAW], &frames.map(|frame| (0, frame)))
        } else {
            pcap(ETHERNET, &frames)
        };
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = read(bytes);
    }
}
