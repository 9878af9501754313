//! When a backend is checked the next time. No IO.
//!
//! While all is well every backend has a moment of its own within the interval, its phase, so that however many there are
//! their checks lie evenly in time, and stay so after they were hurried.

use std::time::Duration;

use super::spec::Rhythm;

/// A backend's moment within the interval, as a part of it in 2³² parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase(u32);

impl Phase {
    /// The n-th of a sequence that lies evenly however many are taken of it: multiples of the golden ratio (Weyl; Knuth,
    /// TAOCP volume 3, section 6.4).
    pub const fn nth(n: u32) -> Self {
        Self(n.wrapping_mul(0x9e37_79b9))
    }

    fn of(self, period: Duration) -> Duration {
        scaled(period, self.0)
    }

    /// The first check: soon, but not all of them at once.
    pub fn first(self, now: Duration, rhythm: &Rhythm) -> Duration {
        self.within(now, rhythm.fast_interval)
    }

    /// Its moment within a period that begins now.
    pub fn within(self, now: Duration, period: Duration) -> Duration {
        now + self.of(period)
    }

    /// The check after one that started at `started`. `random` moves it by the jitter.
    pub fn next(
        self,
        started: Duration,
        now: Duration,
        is_unsure: bool,
        rhythm: &Rhythm,
        random: u32,
    ) -> Duration {
        let (interval, earliest) = if is_unsure {
            (rhythm.fast_interval, started + rhythm.fast_interval)
        } else {
            (rhythm.interval, self.after(started + rhythm.interval / 2, rhythm.interval))
        };
        let most = interval * u32::from(rhythm.jitter.get()) / 100;
        (earliest + scaled(most * 2, random)).saturating_sub(most).max(now)
    }

    /// The first of its moments at or after a time.
    fn after(self, time: Duration, interval: Duration) -> Duration {
        let (time_ns, interval_ns) = (time.as_nanos(), interval.as_nanos().max(1));
        let phase_ns = self.of(interval).as_nanos();
        let rounds = time_ns.saturating_sub(phase_ns).div_ceil(interval_ns);
        nanoseconds(phase_ns + rounds * interval_ns)
    }
}

/// That part of a period, of 2³² parts.
fn scaled(period: Duration, part: u32) -> Duration {
    nanoseconds((period.as_nanos() * u128::from(part)) >> 32)
}

fn nanoseconds(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Check, Percent};

    const MS: Duration = Duration::from_millis(1);

    fn rhythm(interval_ms: u64, fast_ms: u64, jitter: u8) -> Rhythm {
        Rhythm::of(&Check {
            interval: Some(Duration::from_millis(interval_ms)),
            fast_interval: Some(Duration::from_millis(fast_ms)),
            jitter: Some(Percent::of(jitter)),
            ..Check::default()
        })
    }

    #[test]
    fn thousands_of_checks_lie_evenly() {
        let rhythm = rhythm(1_000, 250, 0);
        let mut buckets = [0_u32; 50];
        for n in 0..2_000 {
            // After a disturbance that made all of them end at the same time.
            let next = Phase::nth(n).next(MS * 10_000, MS * 10_005, false, &rhythm, 0);
            assert!((MS * 10_500..MS * 11_500).contains(&next), "{next:?}");
            buckets[(next.as_millis() % 1_000 / 20) as usize] += 1;
        }
        let (least, most) = (buckets.iter().min().unwrap(), buckets.iter().max().unwrap());
        // 40 are expected in each fiftieth of the interval.
        assert!(*least >= 38 && *most <= 42, "{buckets:?}");
    }

    #[test]
    fn the_fast_interval_counts_from_the_last_start() {
        let rhythm = rhythm(1_000, 250, 0);
        let phase = Phase::nth(7);
        assert_eq!(phase.next(MS * 100, MS * 110, true, &rhythm, 0), MS * 350);
        // A check that took longer is followed at once.
        assert_eq!(phase.next(MS * 100, MS * 900, true, &rhythm, 0), MS * 900);
    }

    proptest! {
        #[test]
        fn checks_come_about_once_in_an_interval(n: u32, start in 0_u64..100_000, jitter in 0_u8..=50, random: u32) {
            let rhythm = rhythm(1_000, 250, jitter);
            let started = MS * u32::try_from(start).unwrap();
            let next = Phase::nth(n).next(started, started, false, &rhythm, random);
            let least = MS * (500 - u32::from(jitter) * 10);
            prop_assert!(next >= started + least && next <= started + MS * (1_500 + u32::from(jitter) * 10));
            let again = Phase::nth(n).next(next, next, false, &rhythm, random);
            // The same jitter at both ends: exactly the interval, unless the first was hurried to its phase.
            prop_assert!(again > next);
        }
    }
}
