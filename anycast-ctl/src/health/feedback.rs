//! From what backends report of their load to factors of their weights, without oscillation. No IO.
//!
//! Loads are compared, not judged: a backend with more load than the pool's mean gets less, whatever the unit. The law, the
//! choice of its constants and what it does in simulations are in `docs/feedback.md`. In short, for every backend, in
//! logarithms, so that twice and half weigh the same:
//!
//! ```text
//!   reports ──▶ smoothed ──▶ error = mean - load ──▶ weak if small ──▶ factor += gain * error ──▶ in steps ──▶ table
//!                                                                       ▲ at most `range`
//! ```
//!
//! The gain is so low that what a step does shows in the smoothed reports before the next steps have gone too far.

use std::{collections::BTreeMap, time::Duration};

use super::weight::WHOLE;

mod told;

pub use told::Told;

#[cfg(test)]
mod tests;

/// A decision corrects this part of an error in the time until the correction shows.
const CAUTION: f64 = 0.35;
/// An error of that size, as a logarithm, is corrected with half the gain, smaller ones with less: what is left is noise.
const CALM: f64 = 0.06;
/// No error counts for more, as a logarithm: nobody's factor moves faster because it reports a load of nothing.
const MOST_ERROR: f64 = 1.5;

/// How a pool's weights follow its load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Between two decisions.
    pub interval: Duration,
    /// How long a change of weights takes to show in the reports: their age, and as long as most flows live.
    pub lag: Duration,
    /// The time constant of smoothing. At least ten reports: see [`Rules::reported_every`].
    pub smoothing: Duration,
    /// A factor is at most this, and at least its inverse.
    pub range: f64,
    /// Without a report for that long, a factor goes back to 1.
    pub stale: Duration,
    /// A pool whose mean load is below this is left alone: nobody has too much of anything.
    pub idle: f64,
    /// How far a factor must have moved, in parts of itself, before a table is made of it.
    pub step: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            lag: Duration::from_secs(10),
            smoothing: Duration::from_secs(25),
            range: 4.0,
            stale: Duration::from_secs(60),
            idle: 0.05,
            step: 0.02,
        }
    }
}

impl Rules {
    /// The defaults, for reports that come so often: smoothed over ten of them at least, stale after as many.
    pub fn reported_every(every: Duration) -> Self {
        let (rules, ten) = (Self::default(), every.saturating_mul(10));
        Self { smoothing: rules.smoothing.max(ten), stale: rules.stale.max(ten), ..rules }
    }

    /// The part of an error that one decision corrects.
    fn gain(&self) -> f64 {
        let shows = self.lag.saturating_add(self.smoothing).saturating_add(self.interval);
        CAUTION * self.interval.as_secs_f64() / shows.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// A smoothed value with another one taken in, and its time. What is stale does not count any more.
    fn smooth(&self, before: Option<(f64, Duration)>, value: f64, at: Duration) -> (f64, Duration) {
        match before.filter(|(_, before)| at.saturating_sub(*before) <= self.stale) {
            None => (value, at),
            Some((smooth, before)) => {
                let elapsed = at.saturating_sub(before).as_secs_f64();
                let weight = 1.0 - (-elapsed / self.smoothing.as_secs_f64().max(f64::MIN_POSITIVE)).exp();
                (smooth + weight * (value - smooth), at.max(before))
            }
        }
    }
}

/// One backend's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Loop {
    /// The logarithm of the factor that is wanted.
    wanted: f64,
    /// The factor that is in the table, in per mille; 0 stands for the whole.
    published: u16,
    /// Smoothed load, and when it was last reported.
    load: Option<(f64, Duration)>,
}

impl Loop {
    fn published(&self) -> u16 {
        if self.published == 0 { WHOLE } else { self.published }
    }

    /// How far the table is from what is wanted.
    fn drift(&self) -> f64 {
        (self.wanted - (f64::from(self.published()) / f64::from(WHOLE)).ln()).abs()
    }

    fn fresh_load(&self, now: Duration, rules: &Rules) -> Option<f64> {
        let (load, at) = self.load?;
        (now.saturating_sub(at) <= rules.stale).then_some(load)
    }
}

/// Regulates one pool.
#[derive(Clone, Debug, Default)]
pub struct Feedback<K> {
    loops: BTreeMap<K, Loop>,
    decided: Option<Duration>,
}

impl<K: Copy + Ord> Feedback<K> {
    /// With the factors in per mille that the tables of a daemon before this one had; none: all are whole.
    pub fn new(factors: impl IntoIterator<Item = (K, u16)>) -> Self {
        let resume = |(key, factor): (K, u16)| {
            let wanted = (f64::from(factor.max(1)) / f64::from(WHOLE)).ln();
            (key, Loop { wanted, published: factor, load: None })
        };
        Self { loops: factors.into_iter().map(resume).collect(), decided: None }
    }

    /// A backend's factor, in per mille of its weight. Never 0.
    pub fn factor(&self, key: &K) -> u16 {
        self.loops.get(key).map_or(WHOLE, Loop::published)
    }

    /// All factors that are known, in per mille.
    pub fn factors(&self) -> impl Iterator<Item = (K, u16)> {
        self.loops.iter().map(|(key, each)| (*key, each.published()))
    }

    /// Takes a report: the load in any unit that all backends of the pool share. What is no number, or below 0, is as good
    /// as no report.
    pub fn report(&mut self, key: K, load: f64, at: Duration, rules: &Rules) {
        if !load.is_finite() || load < 0.0 {
            return;
        }
        let each = self.loops.entry(key).or_default();
        each.load = Some(rules.smooth(each.load, load, at));
    }

    /// When to decide next.
    pub fn next(&self, rules: &Rules) -> Duration {
        self.decided.map_or(Duration::ZERO, |decided| decided.saturating_add(rules.interval))
    }

    /// Moves factors, when it is time to. Whether any changed so far that another table is wanted.
    ///
    /// `regulated` are the backends that take new flows with all of their weight. Others, which start slowly, say, keep
    /// their factor until they are named again. Who is not in `present` is forgotten.
    pub fn decide(&mut self, now: Duration, rules: &Rules, present: &[K], regulated: &[K]) -> bool {
        if now < self.next(rules) {
            return false;
        }
        self.decided = Some(now);
        self.loops.retain(|key, _| present.contains(key));

        let loads: Vec<(K, Option<f64>)> = regulated
            .iter()
            .map(|key| (*key, self.loops.get(key).and_then(|each| each.fresh_load(now, rules))))
            .collect();
        let known: Vec<f64> = loads.iter().filter_map(|(_, load)| *load).collect();
        let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        let is_busy = known.len() > 1 && mean >= rules.idle && mean > 0.0;
        // Of one that reports nothing of a load the logarithm is bounded.
        let log = |load: f64| (load / mean).max(1e-3).ln().clamp(-2.0 * MOST_ERROR, 2.0 * MOST_ERROR);
        let mean_log = known.iter().map(|load| log(*load)).sum::<f64>() / known.len().max(1) as f64;
        for (key, load) in &loads {
            let each = self.loops.entry(*key).or_default();
            match load {
                Some(load) if is_busy => {
                    let error = (mean_log - log(*load)).clamp(-MOST_ERROR, MOST_ERROR);
                    each.wanted += rules.gain() * error * error.abs() / (error.abs() + CALM);
                }
                Some(_) => {}
                None => each.wanted *= 1.0 - rules.gain(),
            }
        }
        self.bound(rules, &loads);
        self.publish(rules)
    }

    /// Keeps the geometric mean of those that are compared at 1, and each factor in range.
    fn bound(&mut self, rules: &Rules, loads: &[(K, Option<f64>)]) {
        let known = || loads.iter().filter(|(_, load)| load.is_some()).map(|(key, _)| key);
        let sum: f64 = known().filter_map(|key| self.loops.get(key)).map(|each| each.wanted).sum();
        let mean = sum / known().count().max(1) as f64;
        let most = rules.range.max(1.0).ln();
        for key in known() {
            if let Some(each) = self.loops.get_mut(key) {
                each.wanted = (each.wanted - mean).clamp(-most, most);
            }
        }
    }

    /// Takes what is wanted into the table, if anything is far enough from it; of the others what is half as far.
    fn publish(&mut self, rules: &Rules) -> bool {
        let is_due = self.loops.values().any(|each| each.drift() >= rules.step);
        for each in self.loops.values_mut().filter(|each| is_due && each.drift() >= rules.step / 2.0) {
            each.published =
                (each.wanted.exp() * f64::from(WHOLE)).round().clamp(1.0, f64::from(u16::MAX)) as u16;
        }
        is_due
    }
}
