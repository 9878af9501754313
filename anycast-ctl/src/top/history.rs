//! The last minute of one rate.

use std::time::Duration;

/// Time that one mean stands for.
const BUCKET: Duration = Duration::from_secs(2);
/// So many of them make a minute.
const BUCKETS: usize = 30;

/// Means of a rate over the last minute. Time is counted from any fixed moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Bucket `n` is at `n % BUCKETS`.
    buckets: [Bucket; BUCKETS],
    /// The newest bucket that has anything.
    newest: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bucket {
    /// Rate times seconds.
    sum: f32,
    /// Seconds of the bucket for which the rate is known.
    seconds: f32,
}

impl History {
    /// The rate was that between two moments; `None`: nobody knows.
    pub fn add(&mut self, from: Duration, to: Duration, rate: Option<f64>) {
        let newest = number(to);
        // Those that come around again.
        let first_stale = (self.newest + 1).max((newest + 1).saturating_sub(BUCKETS as u64));
        for stale in first_stale..=newest {
            *self.bucket(stale) = Bucket::default();
        }
        self.newest = self.newest.max(newest);
        let Some(rate) = rate else { return };
        let oldest = (self.newest + 1).saturating_sub(BUCKETS as u64);
        for number in number(from).max(oldest)..=newest {
            let start = BUCKET.as_secs_f64() * number as f64;
            let end = (start + BUCKET.as_secs_f64()).min(to.as_secs_f64());
            let seconds = (end - start.max(from.as_secs_f64())).max(0.0);
            let bucket = self.bucket(number);
            bucket.sum += (rate * seconds) as f32;
            bucket.seconds += seconds as f32;
        }
    }

    /// The last minute in so many columns, the newest at the end; `None` where nothing is known.
    pub fn columns(&self, width: usize) -> impl Iterator<Item = Option<f32>> {
        (0..width).map(move |column| {
            let first = column * BUCKETS / width;
            let last = ((column + 1) * BUCKETS / width).max(first + 1);
            let total = (first..last).fold(Bucket::default(), |total, place| {
                let bucket = self.at(place);
                Bucket { sum: total.sum + bucket.sum, seconds: total.seconds + bucket.seconds }
            });
            (total.seconds > 0.0).then(|| total.sum / total.seconds)
        })
    }

    /// The bucket that is so far from the oldest one.
    fn at(&self, place: usize) -> Bucket {
        let number = (self.newest + 1 + place as u64).checked_sub(BUCKETS as u64);
        let found = number.and_then(|number| self.buckets.get((number % BUCKETS as u64) as usize));
        found.copied().unwrap_or_default()
    }

    #[expect(clippy::indexing_slicing, reason = "the remainder is below the length")]
    fn bucket(&mut self, number: u64) -> &mut Bucket {
        &mut self.buckets[(number % BUCKETS as u64) as usize]
    }
}

fn number(moment: Duration) -> u64 {
    moment.as_secs() / BUCKET.as_secs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn columns(history: &History, width: usize) -> Vec<Option<f32>> {
        history.columns(width).collect()
    }

    #[test]
    fn the_newest_is_at_the_right_and_what_is_unknown_is_blank() {
        let mut history = History::default();
        assert_eq!(columns(&history, 3), [None; 3]);
        history.add(seconds(100), seconds(101), Some(4.0));
        history.add(seconds(101), seconds(103), Some(8.0));
        // 4 for a second and 8 for another, then 8.
        assert_eq!(columns(&history, 30)[27..], [None, Some(6.0), Some(8.0)]);
        history.add(seconds(103), seconds(107), None);
        assert_eq!(columns(&history, 30)[26..], [Some(6.0), Some(8.0), None, None]);
    }

    #[test]
    fn a_long_interval_fills_what_it_covers_and_a_minute_is_kept() {
        let mut history = History::default();
        history.add(seconds(0), seconds(59), Some(5.0));
        assert_eq!(columns(&history, 15), [Some(5.0); 15]);
        history.add(seconds(59), seconds(3_600), Some(1.0));
        assert_eq!(columns(&history, 29), [Some(1.0); 29]);
        history.add(seconds(3_600), seconds(3_650), None);
        let kept = columns(&history, 30);
        assert_eq!((kept[0], kept[3], kept[4]), (Some(1.0), Some(1.0), None));
    }

    #[test]
    fn more_columns_than_buckets_repeat_them() {
        let mut history = History::default();
        history.add(seconds(0), seconds(59), Some(5.0));
        assert_eq!(columns(&history, 200), [Some(5.0); 200]);
        assert_eq!(columns(&history, 0), []);
    }

    proptest! {
        #[test]
        fn a_mean_lies_among_what_was_added(
            steps in prop::collection::vec((1_u64..20_000, prop::option::of(0_f64..1e9)), 1..80),
            width in 1_usize..100,
        ) {
            let (mut history, mut now) = (History::default(), Duration::ZERO);
            for (milliseconds, rate) in &steps {
                let to = now + Duration::from_millis(*milliseconds);
                history.add(now, to, *rate);
                now = to;
            }
            let rates = || steps.iter().filter_map(|(_, rate)| *rate);
            let (least, most) = (rates().fold(f64::MAX, f64::min), rates().fold(0.0, f64::max));
            for mean in history.columns(width).flatten().map(f64::from) {
                prop_assert!(mean >= least * 0.999 - 1e-3 && mean <= most * 1.001 + 1e-3, "{mean}");
            }
        }
    }
}
