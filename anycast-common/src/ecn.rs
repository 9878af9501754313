//! Explicit congestion notification at the end of a tunnel (RFC 6040).

/// Not capable of ECN (RFC 3168 section 5).
pub const NOT_ECT: u8 = 0b00;
/// Capable, ECT(1).
pub const ECT_1: u8 = 0b01;
/// Capable, ECT(0).
pub const ECT_0: u8 = 0b10;
/// Congestion experienced.
pub const CE: u8 = 0b11;

/// The ECN field an inner packet leaves the tunnel with; `None` if it must be dropped. Only the low two bits of either
/// argument count.
///
/// RFC 6040 section 4.2, figure 4:
///
/// ```text
///            ┌─────────────── outer ───────────────┐
///  inner     │ Not-ECT   ECT(0)    ECT(1)    CE
///  ──────────┼──────────────────────────────────────
///  Not-ECT   │ Not-ECT   Not-ECT   Not-ECT   drop
///  ECT(0)    │ ECT(0)    ECT(0)    ECT(1)    CE
///  ECT(1)    │ ECT(1)    ECT(1)    ECT(1)    CE
///  CE        │ CE        CE        CE        CE
/// ```
#[inline(always)]
pub const fn decapsulate(inner: u8, outer: u8) -> Option<u8> {
    match (inner & CE, outer & CE) {
        (NOT_ECT, CE) => None,
        (ECT_0 | ECT_1, CE) => Some(CE),
        (ECT_0, ECT_1) => Some(ECT_1),
        (inner, _) => Some(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_that_of_figure_4() {
        let outers = [NOT_ECT, ECT_0, ECT_1, CE];
        for (inner, expected) in [
            (NOT_ECT, [Some(NOT_ECT), Some(NOT_ECT), Some(NOT_ECT), None]),
            (ECT_0, [Some(ECT_0), Some(ECT_0), Some(ECT_1), Some(CE)]),
            (ECT_1, [Some(ECT_1), Some(ECT_1), Some(ECT_1), Some(CE)]),
            (CE, [Some(CE); 4]),
        ] {
            for (outer, expected) in outers.into_iter().zip(expected) {
                assert_eq!(decapsulate(inner, outer), expected, "inner {inner:#b}, outer {outer:#b}");
                // The six bits above are the differentiated services', which do not count.
                assert_eq!(decapsulate(0xb8 | inner, 0x28 | outer), expected);
            }
        }
    }
}
