//! Internet checksum arithmetic (RFC 1071, RFC 1624).

/// A header checksum after one 16-bit word of the header changed from `old` to `new`; all three in host order.
///
/// RFC 1624 equation 3, `HC' = ~(~HC + ~m + m')`, with the carries added back in: the older equation of RFC 1141 yields
/// -0 where recomputation yields +0.
#[inline(always)]
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = !checksum as u32 + !old as u32 + new as u32;
    let folded = (sum & 0xffff) + (sum >> 16);
    !(((folded & 0xffff) + (folded >> 16)) as u16)
}

/// Four bytes of an IPv4 header from the TTL on, TTL, protocol and checksum, after the TTL went down by one; it must not be 0.
///
/// As [`update`] would have it, in fewer steps: one less in the upper half of a word is 0x0100 more in the checksum, and since
/// a one's complement sum does not depend on the byte order (RFC 1071 section 2), 1 more in it as read little end first.
#[inline(always)]
pub const fn decrement_ttl(bytes: [u8; 4]) -> [u8; 4] {
    let word = u32::from_le_bytes(bytes);
    let sum = (word >> 16) + 1;
    let sum = sum + (sum >= 0xffff) as u32;
    (((word & 0xffff) - 1) | (sum << 16)).to_le_bytes()
}

/// As [`update`], for data that may be all zeroes but for the word that changes: the result is never 0, which is wrong for such
/// data, but 0xffff, which is right for all that 0 is right for. An IP header is never all zeroes, an echo reply may be.
#[inline(always)]
pub const fn update_to_any(checksum: u16, old: u16, new: u16) -> u16 {
    match update(checksum, old, new) {
        0 => 0xffff,
        sum => sum,
    }
}

/// The checksum of bytes, in host order: RFC 1071 section 4.1. Not for the program, which never sums what it can update.
pub fn of(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
        [high] => u64::from(*high) << 8,
        _ => 0,
    });
    !fold(words.sum())
}

/// The checksum of what has been summed in two parts: words in host order, and bytes in the order of memory, of which RFC 1071
/// section 2 (B) says that their sum can be turned round.
#[inline(always)]
pub const fn of_parts(words: u64, bytes: u32) -> [u8; 2] {
    let bytes = u16::from_be(fold(bytes as u64));
    (!fold(words + bytes as u64)).to_be_bytes()
}

/// A sum of 16-bit words with its carries added back in.
#[inline(always)]
pub const fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::{decrement_ttl, fold, of, of_parts, update, update_to_any};

    fn compute(words: &[u16]) -> u16 {
        of(&words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>())
    }

    /// The example of RFC 1071 section 3.
    #[test]
    fn rfc_1071_section_3_example() {
        assert_eq!(of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(of(&[0xff, 0xff, 0x12]), !0x1200);
    }

    /// As the kernel sums bytes where they lie: in words of the machine's order.
    #[test]
    fn the_checksum_of_two_parts_is_that_of_the_whole() {
        for value in 0..=u16::MAX {
            let bytes = [0xfe, 0xdc, value as u8, 7];
            let sum = bytes.chunks(2).map(|pair| u32::from(u16::from_ne_bytes([pair[0], pair[1]]))).sum();
            let [high, low] =
                bytes.map(u16::from).chunks(2).map(|it| it[0] << 8 | it[1]).collect::<Vec<_>>()[..]
            else {
                panic!("two words")
            };
            let words = [0x4500, value, high, low];
            assert_eq!(
                of_parts(0x4500 + u64::from(value), sum),
                compute(&words).to_be_bytes(),
                "value {value:#x}"
            );
        }
    }

    /// What a receiver does: the sum over all, the checksum included, must be -0.
    fn verifies(words: &[u16], checksum: u16) -> bool {
        let sum: u64 = words.iter().chain(&[checksum]).map(|&word| u64::from(word)).sum();
        fold(sum) == 0xffff
    }

    #[test]
    fn an_echo_request_becomes_a_reply_for_every_checksum() {
        for (request, reply) in [(8 << 8, 0), (128 << 8, 129 << 8)] {
            for rest in 0..=u16::MAX {
                let checksum = update_to_any(compute(&[request, rest]), request, reply);
                assert!(verifies(&[reply, rest], checksum), "rest {rest:#x}");
            }
        }
    }

    /// The one case that tells the two apart.
    #[test]
    fn a_reply_of_zeroes_has_the_other_zero() {
        let request = compute(&[8 << 8, 0]);
        assert!(!verifies(&[0, 0], update(request, 8 << 8, 0)));
        assert!(verifies(&[0, 0], update_to_any(request, 8 << 8, 0)));
    }

    #[test]
    fn an_outer_header_is_completed_for_every_length_and_class() {
        for value in 0..=u16::MAX {
            let template = compute(&[0x4500, 0, 0x4000, 0x1234]);
            let class = 0x4500 | value & 0xff;
            let completed = update(update(template, 0x4500, class), 0, value);
            assert_eq!(completed, compute(&[class, value, 0x4000, 0x1234]), "value {value:#x}");
        }
    }

    #[test]
    fn rfc_1624_section_4_example() {
        assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    #[test]
    fn ttl_decrement_equals_recomputation_for_every_header_sum() {
        for rest in 0..=u16::MAX {
            for ttl in [2u16, 64, 255] {
                let old = ttl << 8 | 6;
                let new = (ttl - 1) << 8 | 6;
                let header = [0x4500, rest, old];
                let expected = compute(&[0x4500, rest, new]);
                assert_eq!(update(compute(&header), old, new), expected, "rest {rest:#x}, ttl {ttl}");
                let ([ttl, protocol], [high, low]) = (old.to_be_bytes(), compute(&header).to_be_bytes());
                let ([new_ttl, _], [new_high, new_low]) = (new.to_be_bytes(), expected.to_be_bytes());
                let decremented = decrement_ttl([ttl, protocol, high, low]);
                assert_eq!(decremented, [new_ttl, protocol, new_high, new_low], "rest {rest:#x}, ttl {ttl}");
            }
        }
    }
}
