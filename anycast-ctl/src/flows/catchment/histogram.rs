//! The least, the middle and the most of many numbers, in a few bytes.

use std::marker::PhantomData;

use crate::api::types::SpreadStatus;

/// How numbers fall into 256 buckets.
pub trait Scale {
    /// The bucket of a number.
    fn bucket(value: u32) -> u8;
    /// The number that stands for those in a bucket.
    fn value(bucket: u8) -> u32;
}

/// A bucket for each of the first 256 numbers.
#[derive(Clone, Copy, Debug)]
pub struct Exact;

/// Eight buckets for each doubling, all that 32 bits hold: a bucket's middle is within 5% of what falls into it.
#[derive(Clone, Copy, Debug)]
pub struct Logarithmic;

const PER_DOUBLING: f64 = 8.0;

impl Scale for Exact {
    fn bucket(value: u32) -> u8 {
        u8::try_from(value).unwrap_or(u8::MAX)
    }

    fn value(bucket: u8) -> u32 {
        bucket.into()
    }
}

impl Scale for Logarithmic {
    fn bucket(value: u32) -> u8 {
        // At most 255: 8 times less than 32.
        (PER_DOUBLING * f64::from(value.max(1)).log2()) as u8
    }

    fn value(bucket: u8) -> u32 {
        ((f64::from(bucket) + 0.5) / PER_DOUBLING).exp2().round() as u32
    }
}

/// Numbers, by bucket. Only buckets that have any take room.
#[derive(Clone, Debug)]
pub struct Histogram<S> {
    buckets: Vec<(u8, u32)>,
    numbers: u64,
    min: u32,
    max: u32,
    scale: PhantomData<S>,
}

impl<S> Default for Histogram<S> {
    fn default() -> Self {
        Self { buckets: Vec::new(), numbers: 0, min: u32::MAX, max: 0, scale: PhantomData }
    }
}

impl<S: Scale> Histogram<S> {
    /// Takes note of a number.
    pub fn note(&mut self, value: u32) {
        self.add(S::bucket(value), 1);
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
    }

    /// Takes over what another one has.
    pub fn merge(&mut self, other: Self) {
        other.buckets.into_iter().for_each(|(bucket, numbers)| self.add(bucket, numbers));
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
    }

    /// How many numbers there are.
    pub fn numbers(&self) -> u64 {
        self.numbers
    }

    /// Least, middle and most; `None` of nothing.
    pub fn spread(&self) -> Option<SpreadStatus> {
        let (min, max) = (self.min, self.max);
        let mut before = 0;
        let middle = self.buckets.iter().find(|(_, numbers)| {
            before += u64::from(*numbers);
            before * 2 >= self.numbers
        })?;
        Some(SpreadStatus { min, median: S::value(middle.0).clamp(min, max), max })
    }

    fn add(&mut self, bucket: u8, numbers: u32) {
        self.numbers += u64::from(numbers);
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => {
                if let Some((_, held)) = self.buckets.get_mut(place) {
                    *held = held.saturating_add(numbers);
                }
            }
            Err(place) => self.buckets.insert(place, (bucket, numbers)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_number_has_a_bucket_near_it() {
        for value in (0..32).map(|bit| 1_u32 << bit).chain([0, 3, 999, 12_345, 7_000_000, u32::MAX]) {
            let (stands_for, value) =
                (f64::from(Logarithmic::value(Logarithmic::bucket(value))), f64::from(value));
            assert!((stands_for - value).abs() <= (value * 0.05).max(1.0), "{value}: {stands_for}");
        }
    }

    proptest! {
        #[test]
        fn the_spread_is_that_of_the_numbers(
            mut one in proptest::collection::vec(0_u32..5_000_000, 1..80),
            other in proptest::collection::vec(0_u32..5_000_000, 0..80),
        ) {
            let of = |numbers: &[u32]| {
                let mut histogram = Histogram::<Logarithmic>::default();
                numbers.iter().for_each(|number| histogram.note(*number));
                histogram
            };
            let mut merged = of(&one);
            merged.merge(of(&other));
            one.extend(other);
            one.sort_unstable();
            let spread = merged.spread().unwrap();
            prop_assert_eq!((spread.min, spread.max), (one[0], one[one.len() - 1]));
            prop_assert_eq!(merged.numbers(), one.len() as u64);
            let median = f64::from(one[(one.len() - 1) / 2]);
            prop_assert!((f64::from(spread.median) - median).abs() <= (median * 0.1).max(1.0), "{:?} {}", spread, median);
        }

        #[test]
        fn small_numbers_are_exact(mut numbers in proptest::collection::vec(0_u32..256, 1..80)) {
            let mut histogram = Histogram::<Exact>::default();
            numbers.iter().for_each(|number| histogram.note(*number));
            numbers.sort_unstable();
            prop_assert_eq!(histogram.spread().unwrap().median, numbers[(numbers.len() - 1) / 2]);
        }
    }
}
