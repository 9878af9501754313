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

#[cfg(test)]
mod tests {
    use super::update;

    /// RFC 1071 section 4.1, over words in host order.
    fn compute(words: &[u16]) -> u16 {
        let mut sum: u32 = words.iter().map(|&word| u32::from(word)).sum();
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
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
            }
        }
    }
}
