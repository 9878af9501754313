//! The RST that a TCP segment gets whose connection nobody has.

use network_types::tcp::TcpHdr;

/// RST and ACK among the flags, where they lie in the header's fourth word.
const RST: u32 = 4 << 16;
const ACK: u32 = 16 << 16;

/// The header of the RST that answers a segment of `length` bytes, header and data, as a host in state CLOSED answers (RFC 9293
/// section 3.10.7.1): its first four words of 32 bits, in host order. The fifth is the checksum, and zeroes. `None` for a RST, and
/// for a header that is malformed.
///
/// ```text
///  the segment has    sequence number    acknowledgment number    flags
///  ACK                SEG.ACK            0                        RST
///  no ACK             0                  SEG.SEQ + SEG.LEN        RST, ACK     SYN and FIN count as a byte each
/// ```
#[inline(always)]
pub fn answer(segment: &TcpHdr, length: usize) -> Option<[u32; 4]> {
    let header_length = usize::from(segment.doff()) * 4;
    if segment.rst() != 0 || header_length < TcpHdr::LEN || header_length > length {
        return None;
    }
    let ports =
        u32::from(u16::from_be_bytes(segment.dest)) << 16 | u32::from(u16::from_be_bytes(segment.source));
    let (sequence, acknowledgment, flags) = if segment.ack() != 0 {
        (u32::from_be_bytes(segment.ack_seq), 0, RST)
    } else {
        let occupied = (length - header_length) as u32 + u32::from(segment.syn() + segment.fin());
        (0, u32::from_be_bytes(segment.seq).wrapping_add(occupied), RST | ACK)
    };
    // Five words of header, and a window of 0.
    Some([ports, sequence, acknowledgment, 5 << 28 | flags])
}

#[cfg(test)]
mod tests {
    use super::{TcpHdr, answer};
    use crate::packet::{Copied, PacketBytes};

    const FIN: u8 = 1;
    const SYN: u8 = 2;
    const RST: u8 = 4;
    const ACK: u8 = 16;

    /// A segment from port 40000 to port 80 with sequence number 1000 and acknowledgment number 7, and its answer.
    fn answered(words: u8, flags: u8, length: usize) -> Option<[u32; 4]> {
        let bytes: [u8; 20] =
            [0x9c, 0x40, 0, 80, 0, 0, 0x03, 0xe8, 0, 0, 0, 7, words << 4, flags, 2, 0, 0, 0, 0, 0];
        let Copied(header): Copied<TcpHdr> = bytes.as_slice().read(0).ok()?;
        answer(&header, length)
    }

    const PORTS: u32 = 80 << 16 | 40_000;

    #[test]
    fn with_ack_it_takes_the_number_that_is_expected_next() {
        for flags in [ACK, ACK | FIN, ACK | SYN, ACK | 8, 0xf8 | FIN] {
            let expected = [PORTS, 7, 0, 0x5004_0000];
            assert_eq!(answered(5, flags, 120), Some(expected), "flags {flags:#x}");
        }
    }

    #[test]
    fn without_ack_it_acknowledges_all_that_came() {
        for (flags, length, acknowledged) in [
            (SYN, 20, 1001),
            (SYN, 50, 1031),
            (FIN, 20, 1001),
            (SYN | FIN, 20, 1002),
            (0, 20, 1000),
            (0, 120, 1100),
        ] {
            let expected = [PORTS, 0, acknowledged, 0x5014_0000];
            assert_eq!(answered(5, flags, length), Some(expected), "flags {flags:#x}, {length} bytes");
        }
        assert_eq!(answered(10, SYN, 40), Some([PORTS, 0, 1001, 0x5014_0000]), "options are no data");
    }

    #[test]
    fn resets_and_headers_that_cannot_be_get_none() {
        for flags in [RST, RST | ACK, RST | SYN, 0xff] {
            assert_eq!(answered(5, flags, 20), None, "flags {flags:#x}");
        }
        for (words, length) in [(0, 60), (4, 60), (6, 20), (15, 59)] {
            assert_eq!(answered(words, SYN, length), None, "{words} words of {length} bytes");
        }
    }
}
