//! An echo request and its reply:
//!
//! ```text
//!  0                   1                   2                   3
//! +---------------+---------------+-------------------------------+
//! |     type      |   code = 0    |           checksum            |
//! +---------------+---------------+-------------------------------+
//! |          identifier           |        sequence number        |
//! +---------------+---------------+-------------------------------+
//! |  data …
//! ```

use anycast_common::checksum;

/// Echo reply (RFC 792).
pub const REPLY_V4: u8 = 0;
/// Echo reply (RFC 4443 section 4.2).
pub const REPLY_V6: u8 = 129;

const REQUEST_V4: u8 = 8;
const REQUEST_V6: u8 = 128;

/// Bytes before the data.
const HEADER: usize = 8;
/// The longest IPv4 header, which raw sockets receive as well.
const MAX_IPV4_HEADER: usize = 60;

/// One echo.
#[derive(Clone, Debug)]
pub struct Echo {
    is_v6: bool,
    raw: bool,
    identifier: [u8; 2],
    sequence: [u8; 2],
    data: Vec<u8>,
}

impl Echo {
    /// An echo that nobody can answer who has not seen it, in at least `size` bytes of ICMP; `raw` says by which kind of socket.
    pub fn new(secret: u64, is_v6: bool, raw: bool, size: usize) -> Self {
        let secret_bytes = secret.to_be_bytes();
        let [a, b, c, d, ..] = secret_bytes;
        let data =
            secret_bytes.iter().copied().cycle().take(size.saturating_sub(HEADER).max(secret_bytes.len()));
        Self { is_v6, raw, identifier: [a, b], sequence: [c, d], data: data.collect() }
    }

    /// The packet. For ICMPv6 the kernel fills in the checksum, which takes the addresses (RFC 3542 section 3.1).
    pub fn request(&self) -> Vec<u8> {
        let kind = if self.is_v6 { REQUEST_V6 } else { REQUEST_V4 };
        let packet = |checksum: u16| {
            let [high, low] = checksum.to_be_bytes();
            [&[kind, 0, high, low], self.identifier.as_slice(), &self.sequence, &self.data].concat()
        };
        packet(if self.is_v6 { 0 } else { checksum::of(&packet(0)) })
    }

    /// Room for the reply.
    pub fn largest_reply(&self) -> usize {
        MAX_IPV4_HEADER + HEADER + self.data.len()
    }

    /// Whether that is the reply, as the socket hands it on.
    pub fn is_reply(&self, received: &[u8]) -> bool {
        let icmp = match received {
            // IHL, in words of four bytes (RFC 791 section 3.1).
            [version_ihl, ..] if self.raw && !self.is_v6 => {
                received.get(usize::from(version_ihl & 0xf) * 4..)
            }
            whole => Some(whole),
        };
        let Some((header, data)) = icmp.and_then(<[u8]>::split_first_chunk::<HEADER>) else { return false };
        let [kind, code, _, _, id_high, id_low, sequence @ ..] = header;
        let reply = if self.is_v6 { REPLY_V6 } else { REPLY_V4 };
        // A ping socket has an identifier of its own, and is shown no others.
        let identified = !self.raw || [*id_high, *id_low] == self.identifier;
        (*kind, *code) == (reply, 0) && identified && *sequence == self.sequence && data == self.data
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(echo: &Echo) -> Vec<u8> {
        let mut icmp = echo.request();
        icmp[0] = if echo.is_v6 { REPLY_V6 } else { REPLY_V4 };
        let mut packet = if echo.raw && !echo.is_v6 { vec![0x46; 24] } else { Vec::new() };
        packet.append(&mut icmp);
        packet
    }

    #[test]
    fn only_the_reply_is_one() {
        for (is_v6, raw) in [(false, false), (false, true), (true, false), (true, true)] {
            let echo = Echo::new(0x0102_0304_0506_0708, is_v6, raw, 100);
            assert_eq!(echo.request().len(), 100);
            let reply = reply(&echo);
            assert!(echo.is_reply(&reply));
            assert!(reply.len() <= echo.largest_reply());
            let icmp = reply.len() - 100;
            for at in [0, 1, 6, 7, 8, 99] {
                let mut other = reply.clone();
                other[icmp + at] ^= 1;
                assert!(!echo.is_reply(&other), "{is_v6} {raw} {at}");
            }
            let mut other = reply.clone();
            other[icmp + 4] ^= 1;
            assert_eq!(echo.is_reply(&other), !raw);
            assert!(!echo.is_reply(&reply[..reply.len() - 1]));
        }
        let request = Echo::new(7, false, true, 0).request();
        assert_eq!((request.len(), checksum::of(&request)), (16, 0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(
            bytes in proptest::collection::vec(any::<u8>(), 0..100), is_v6: bool, raw: bool,
        ) {
            prop_assert!(!Echo::new(1, is_v6, raw, 60).is_reply(&bytes));
        }
    }
}
