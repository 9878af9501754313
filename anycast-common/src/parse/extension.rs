//! IPv6 extension headers: RFC 8200 section 4, RFC 4302 section 2.

use super::protocol::{AUTHENTICATION, DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING};
use crate::packet::{Copied, PacketBytes};

/// Extension headers that are walked: as many as RFC 8200 section 4.1 has an order for, less the one nobody can look behind.
const MAX_EXTENSIONS: usize = 6;

/// Offsets are below 32 KiB, what the longest chains of headers of a packet and the one it quotes reach, so that no sum of theirs
/// overflows.
pub const MAX_OFFSET: usize = 0x7fff;

/// Where a chain of extension headers ends, in one word, which a function of the program returns in a register.
///
/// ```text
///  63          48 47          32 31          16 15       8 7         0
/// +--------------+--------------+--------------+----------+-----------+
/// | fragment at  |   fragment   |    offset    | 1: failed|  protocol |
/// +--------------+--------------+--------------+----------+-----------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked(u64);

impl Walked {
    const FAILED: Self = Self(1 << 8);

    #[inline(always)]
    const fn new(protocol: u8, offset: usize, fragment: u16, fragment_at: usize) -> Self {
        Self(
            protocol as u64
                | (offset as u64 & MAX_OFFSET as u64) << 16
                | (fragment as u64) << 32
                | (fragment_at as u64) << 48,
        )
    }

    /// Behind an extension header that starts so.
    #[inline(always)]
    fn next(self, [next, length, high, low]: [u8; 4]) -> Self {
        let (at, length) = (self.offset(), usize::from(length));
        match self.protocol() {
            FRAGMENT => {
                // Offset, two reserved bits, "more fragments"; kept as IPv4 has them.
                let field = u16::from_be_bytes([high, low]);
                Self::new(next, at + 8, field >> 3 | (field & 1) << 13, at)
            }
            AUTHENTICATION => Self::new(next, at + (length + 2) * 4, self.fragment(), self.fragment_at()),
            _ => Self::new(next, at + (length + 1) * 8, self.fragment(), self.fragment_at()),
        }
    }

    /// Whether the chain is longer than the walk, or cut short.
    #[inline(always)]
    pub const fn has_failed(self) -> bool {
        self.0 & Self::FAILED.0 != 0
    }

    /// IANA protocol number of what follows.
    #[inline(always)]
    pub const fn protocol(self) -> u8 {
        self.0 as u8
    }

    /// Where in the packet it starts.
    #[inline(always)]
    pub const fn offset(self) -> usize {
        (self.0 >> 16) as usize & MAX_OFFSET
    }

    /// As [`super::Ip::fragment`].
    #[inline(always)]
    pub const fn fragment(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// Where in the packet the fragment header starts; 0 if there is none.
    #[inline(always)]
    pub const fn fragment_at(self) -> usize {
        (self.0 >> 48) as usize & MAX_OFFSET
    }
}

/// Whether that is an extension header's number. All are below 64.
#[inline(always)]
pub const fn is_extension(protocol: u8) -> bool {
    const MASK: u64 =
        1 << HOP_BY_HOP | 1 << ROUTING | 1 << FRAGMENT | 1 << AUTHENTICATION | 1 << DESTINATION_OPTIONS;
    protocol < 64 && MASK >> protocol & 1 != 0
}

/// Steps over the extension headers from `offset` on, of which the first is a `next_header`. In a fragment that is not the
/// first, what follows the fragment header is no header.
#[inline(always)]
pub fn walk_extensions(packet: &impl PacketBytes, offset: usize, next_header: u8) -> Walked {
    let mut walked = Walked::new(next_header, offset, 0, 0);
    for _ in 0..MAX_EXTENSIONS {
        if !is_extension(walked.protocol()) || walked.fragment() & 0x1fff != 0 {
            return walked;
        }
        let Ok(Copied(header)) = packet.read(walked.offset()) else { return Walked::FAILED };
        walked = Walked(packet.forgotten(walked.next(header).0));
    }
    if is_extension(walked.protocol()) && walked.fragment() & 0x1fff == 0 { Walked::FAILED } else { walked }
}
