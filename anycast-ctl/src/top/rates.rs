//! Two readings of a counter make a rate.

use std::time::Duration;

use serde::Serialize;

use crate::api::types::Traffic;

/// Packets, bits and new flows a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Packets delivered a second.
    pub packets_per_second: f64,
    /// Bits of those packets a second, from the IP header on.
    pub bits_per_second: f64,
    /// Packets a second that opened a flow.
    pub new_flows_per_second: f64,
}

impl Rates {
    /// The rates between two readings; `None` when no time has passed, or a counter went back as it was cleared in between.
    pub fn between(before: &Traffic, after: &Traffic, elapsed: Duration) -> Option<Self> {
        Some(Self {
            packets_per_second: rate(before.packets, after.packets, elapsed)?,
            bits_per_second: rate(before.bytes, after.bytes, elapsed)? * 8.0,
            new_flows_per_second: rate(before.new_flows, after.new_flows, elapsed)?,
        })
    }
}

impl std::iter::Sum for Rates {
    fn sum<I: Iterator<Item = Self>>(rates: I) -> Self {
        rates.fold(Self::default(), |sum, rates| Self {
            packets_per_second: sum.packets_per_second + rates.packets_per_second,
            bits_per_second: sum.bits_per_second + rates.bits_per_second,
            new_flows_per_second: sum.new_flows_per_second + rates.new_flows_per_second,
        })
    }
}

/// By how much a counter grew a second; `None` when no time has passed, or it went back.
pub fn rate(before: u64, after: u64, elapsed: Duration) -> Option<f64> {
    let grown = after.checked_sub(before)?;
    (!elapsed.is_zero()).then(|| grown as f64 / elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn traffic(packets: u64, bytes: u64, new_flows: u64) -> Traffic {
        Traffic { packets, bytes, new_flows }
    }

    #[test]
    fn what_grew_is_divided_by_the_time_and_bytes_are_bits() {
        let rates = Rates::between(&traffic(10, 1_000, 1), &traffic(30, 4_000, 2), Duration::from_secs(2));
        let wanted = Rates { packets_per_second: 10.0, bits_per_second: 12_000.0, new_flows_per_second: 0.5 };
        assert_eq!(rates, Some(wanted));
    }

    #[test]
    fn one_counter_that_went_back_makes_none_of_them_known() {
        let (second, before) = (Duration::from_secs(1), traffic(10, 1_000, 5));
        for after in [traffic(9, 2_000, 6), traffic(11, 999, 6), traffic(11, 2_000, 0), traffic(0, 0, 0)] {
            assert_eq!(Rates::between(&before, &after, second), None, "{after:?}");
        }
        assert_eq!(Rates::between(&before, &before, Duration::ZERO), None);
        assert_eq!(Rates::between(&before, &before, second), Some(Rates::default()));
    }

    proptest! {
        #[test]
        fn no_rate_is_negative_or_more_than_was_counted(
            before: u64, after: u64, milliseconds in 0_u64..100_000
        ) {
            let elapsed = Duration::from_millis(milliseconds);
            match rate(before, after, elapsed) {
                Some(rate) => {
                    prop_assert!(rate >= 0.0 && rate.is_finite());
                    prop_assert!(rate * elapsed.as_secs_f64() <= after as f64 * 1.000_001);
                }
                None => prop_assert!(after < before || milliseconds == 0),
            }
        }
    }
}
