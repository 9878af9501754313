//! Which calls fail, drawn from a seed: the same calls of a point have the same fate each time, whatever other points do.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use xtask::lab::random::Random;

use crate::point::Point;

/// A delay is drawn from one millisecond up to this.
const LONGEST_DELAY_MS: usize = 20;

/// A point's first fault comes within so many calls.
const EARLY: u64 = 4;

/// Of a million calls at a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    pub failed: u32,
    pub delayed: u32,
}

/// What came of the calls at a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub hits: u64,
    pub failed: u64,
    pub delayed: u64,
}

/// What is to become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Goes,
    Fails(i32),
    Waits(Duration),
}

/// All points. It may be changed at any time.
pub struct Plan {
    seed: u64,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    rates: BTreeMap<Point, Rate>,
    /// Calls that fail or wait whatever the rate: how many are let through before, how many do not, and what becomes of them.
    ordered: BTreeMap<Point, (u64, u64, Fate)>,
    counts: BTreeMap<Point, Count>,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        Self { seed, books: Mutex::default() }
    }

    /// From now on.
    pub fn set(&self, rate: impl Fn(Point) -> Rate) {
        self.books().rates = Point::ALL.iter().map(|point| (*point, rate(*point))).collect();
    }

    /// Nothing fails from now on.
    pub fn off(&self) {
        let mut books = self.books();
        books.rates.clear();
        books.ordered.clear();
    }

    /// So many calls at a point fail, after so many that do not.
    pub fn order(&self, point: Point, after: u64, count: u64, errno: i32) {
        self.books().ordered.insert(point, (after, count, Fate::Fails(errno)));
    }

    /// So many calls at a point wait that long, after so many that do not.
    pub fn hold(&self, point: Point, after: u64, count: u64, time: Duration) {
        self.books().ordered.insert(point, (after, count, Fate::Waits(time)));
    }

    pub fn counts(&self) -> BTreeMap<Point, Count> {
        self.books().counts.clone()
    }

    /// The next call at a point.
    pub fn draw(&self, point: Point) -> Fate {
        let mut books = self.books();
        let Books { rates, ordered, counts } = &mut *books;
        let count = counts.entry(point).or_default();
        count.hits += 1;
        match ordered.get_mut(&point) {
            Some((after @ 1.., ..)) => *after -= 1,
            Some((0, left @ 1.., fate)) => {
                *left -= 1;
                match fate {
                    Fate::Fails(_) => count.failed += 1,
                    Fate::Waits(_) => count.delayed += 1,
                    Fate::Goes => (),
                }
                return *fate;
            }
            Some(_) | None => (),
        }
        let Some(rate) = rates.get(&point).copied() else { return Fate::Goes };
        let mut random = Random::new(self.seed ^ ((point as u64) << 48) ^ count.hits);
        let drawn = random.below(1_000_000) as u32;
        // Where few calls come, one of the first fails, and one of the next has to wait.
        let is_first = |times: u64, by: u64| times == 0 && count.hits >= by + self.seed % EARLY;
        if drawn < rate.failed || is_first(count.failed, 1) {
            count.failed += 1;
            let errors = point.errors();
            return Fate::Fails(errors[random.below(errors.len())]);
        }
        if drawn < rate.failed + rate.delayed || is_first(count.delayed, 1 + EARLY) {
            count.delayed += 1;
            return Fate::Waits(Duration::from_millis(1 + random.below(LONGEST_DELAY_MS) as u64));
        }
        Fate::Goes
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<18}{:>9}{:>9}{:>9}", "point", "calls", "failed", "delayed")?;
        let counts = self.counts();
        Point::ALL.iter().try_for_each(|point| {
            let Count { hits, failed, delayed } = counts.get(point).copied().unwrap_or_default();
            writeln!(f, "{point:<18}{hits:>9}{failed:>9}{delayed:>9}")
        })
    }
}
