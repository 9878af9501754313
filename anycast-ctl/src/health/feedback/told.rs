//! Weights that a backend's agent names itself, in percent.

use std::time::Duration;

use super::Rules;
use crate::health::weight::WHOLE;

/// One backend's factor, as its agent wants it: the agent compares and decides, here it is only calmed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Told {
    smooth: Option<(f64, Duration)>,
    /// In per mille, and since when.
    published: Option<(u16, Duration)>,
}

impl Told {
    /// Takes what the agent said. Whether the factor changed so far that another table is wanted.
    ///
    /// The first word holds at once; later ones are smoothed and followed in steps, as with
    /// [`Feedback`](super::Feedback), at most one per interval. 0 percent is no weight but a drain: it is not taken here.
    pub fn note(&mut self, percent: u16, at: Duration, rules: &Rules) -> bool {
        if percent == 0 {
            return false;
        }
        let smooth = rules.smooth(self.smooth, f64::from(percent) * f64::from(WHOLE) / 100.0, at);
        self.smooth = Some(smooth);
        let wanted = smooth.0.round().clamp(1.0, f64::from(u16::MAX)) as u16;
        let is_due = self.published.is_none_or(|(published, since)| {
            let drift = (f64::from(wanted) / f64::from(published)).ln().abs();
            drift >= rules.step && at.saturating_sub(since) >= rules.interval
        });
        let before = self.factor();
        if is_due {
            self.published = Some((wanted, at));
        }
        self.factor() != before
    }

    /// The factor, in per mille of the weight. Never 0.
    pub fn factor(&self) -> u16 {
        self.published.map_or(WHOLE, |(factor, _)| factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_word_holds_and_later_ones_are_approached() {
        let (mut told, rules) = (Told::default(), Rules::default());
        assert!(!told.note(100, s(0), &rules));
        assert_eq!(told.factor(), 1000);
        let mut told = Told::default();
        assert!(told.note(40, s(0), &rules));
        assert_eq!(told.factor(), 400);

        let tables = (1..300).filter(|now| told.note(80, s(*now), &rules)).count();
        assert!((785..=800).contains(&told.factor()) && tables < 15, "{} {tables}", told.factor());
        // Nothing for a drain, and for silence.
        assert!(!told.note(0, s(300), &rules));
        // After that long it says something new.
        assert!(told.note(10, s(2000), &rules));
        assert_eq!(told.factor(), 100);
    }

    #[test]
    fn jitter_makes_no_tables() {
        let (mut told, rules) = (Told::default(), Rules::default());
        told.note(50, s(0), &rules);
        let tables = (1..3600).filter(|now| told.note(45 + (now * 7 % 11) as u16, s(*now), &rules)).count();
        assert!(tables < 3, "{tables}");
    }
}
