//! From a sample to all packets: what they are about, and how wrong that may be.

use std::time::Duration;

/// 95 of 100 samples lie within so many standard deviations.
const DEVIATIONS: f64 = 1.96;

/// A sample of packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Packets there were: the program counts them all.
    pub of: u64,
    /// Those that were looked at.
    pub packets: u64,
    /// How long.
    pub period: Duration,
}

impl Sample {
    /// A number a second of all, from a number in the sample.
    pub fn rate(&self, sampled: u64) -> f64 {
        let seconds = self.period.as_secs_f64();
        if seconds > 0.0 && self.packets > 0 { self.share(sampled) * self.of as f64 / seconds } else { 0.0 }
    }

    /// By how much that may be wrong, either way, in 95 of 100 samples, if each packet was taken or left by itself.
    pub fn rate_error(&self, sampled: u64) -> f64 {
        self.share_error(sampled) * self.rate(self.packets)
    }

    /// Which part of all a part of the sample stands for: 0 to 1.
    pub fn share(&self, sampled: u64) -> f64 {
        if self.packets == 0 { 0.0 } else { sampled as f64 / self.packets as f64 }
    }

    /// By how much that may be wrong, either way, in 95 of 100 samples: half the width of Wilson's interval (JASA 1927), which
    /// also holds for small numbers.
    pub fn share_error(&self, sampled: u64) -> f64 {
        if self.packets == 0 {
            return 0.0;
        }
        let (all, share) = (self.packets as f64, self.share(sampled));
        let square = DEVIATIONS * DEVIATIONS;
        let spread = (share * (1.0 - share) / all + square / (4.0 * all * all)).sqrt();
        self.left_out().sqrt() * DEVIATIONS * spread / (1.0 + square / all)
    }

    /// The part of all packets that was not looked at: who looks at all of them is never wrong.
    fn left_out(&self) -> f64 {
        if self.of <= self.packets { 0.0 } else { 1.0 - self.packets as f64 / self.of as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(of: u64, packets: u64) -> Sample {
        Sample { of, packets, period: Duration::from_secs(10) }
    }

    #[test]
    fn who_looks_at_all_is_not_wrong() {
        let all = sample(5_000, 5_000);
        assert_eq!((all.rate(500), all.rate_error(500)), (50.0, 0.0));
        assert_eq!((all.share(500), all.share_error(500)), (0.1, 0.0));
        let nothing = Sample { of: 0, packets: 0, period: Duration::ZERO };
        assert_eq!((nothing.rate(0), nothing.share(0), nothing.share_error(0)), (0.0, 0.0, 0.0));
    }

    /// Samples of a stream of which one packet in ten is of one client.
    #[test]
    fn nineteen_of_twenty_samples_lie_within_the_error() {
        let mut state = 1_u64;
        let mut draw = |below: u64| {
            // Marsaglia's xorshift64.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let (packets, one_in, trials) = (20_000_u64, 16, 400);
        let (mut rates, mut shares) = (0, 0);
        for _ in 0..trials {
            let (mut seen, mut of_client) = (0, 0);
            for number in 0..packets {
                if draw(one_in) == 0 {
                    seen += 1;
                    of_client += u64::from(number % 10 == 0);
                }
            }
            let sample = sample(packets, seen);
            let true_rate = packets as f64 / 10.0 / 10.0;
            rates += u32::from((sample.rate(of_client) - true_rate).abs() <= sample.rate_error(of_client));
            shares += u32::from((sample.share(of_client) - 0.1).abs() <= sample.share_error(of_client));
        }
        for within in [rates, shares] {
            assert!((trials * 9 / 10..=trials * 99 / 100).contains(&within), "{within} of {trials}");
        }
    }
}
