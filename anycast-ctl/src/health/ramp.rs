//! Slow start: a backend that comes up while others serve gets its share in steps. No IO.
//!
//! Caches, connection pools and just-in-time compilers are cold at first. A step is a new table; there are few of them, as
//! each one also moves some slots between others. In a table of 65,537 slots, in percent of all slots:
//!
//! | backends, the last one starts | one jump moves | a linear ramp | its greatest step | an aggressive one | its greatest |
//! |---:|---:|---:|---:|---:|---:|
//! | 2 | 50.0 | 50.0 | 9.1 | 50.0 | 24.0 |
//! | 3 | 33.4 | 33.6 | 4.8 | 33.6 | 13.7 |
//! | 10 | 10.2 | 11.0 | 1.2 | 11.1 | 3.6 |
//! | 30 | 3.7 | 5.2 | 0.5 | 5.0 | 1.3 |
//! | 100 | 1.6 | 4.2 | 0.5 | 4.0 | 0.7 |
//!
//! ```text
//!  1000 ‰                  ┌───            1000 ‰          ┌───┬───
//!                      ┌───┘                       ┌───────┘
//!                  ┌───┘                       ┌───┘
//!              ┌───┘                       ┌───┘
//!   100 ‰  ────┘                   316 ‰ ──┘
//!          up          linear              up        aggressive
//! ```

use std::time::Duration;

use super::weight::WHOLE;
use crate::model::RampCurve;

#[cfg(test)]
mod tests;

/// Steps of a ramp, the last of which is the full weight, after the whole period.
pub const STEPS: u16 = 10;

/// What is given at each step, in per mille.
const LINEAR: [u16; STEPS as usize] = [100, 200, 300, 400, 500, 600, 700, 800, 900, WHOLE];
/// The square root of the linear share, as with Envoy's aggression 2.
const AGGRESSIVE: [u16; STEPS as usize] = [316, 447, 548, 632, 707, 775, 837, 894, 949, WHOLE];

/// A pool's slow start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    /// From coming up to the full weight. Zero: there is no slow start.
    pub period: Duration,
    /// How the share grows.
    pub curve: RampCurve,
}

impl Ramp {
    /// What a backend gets that has been up for `elapsed`, in per mille of its weight. Never 0.
    pub fn per_mille(&self, elapsed: Duration) -> u16 {
        let shares = match self.curve {
            RampCurve::Linear => LINEAR,
            RampCurve::Aggressive => AGGRESSIVE,
        };
        // Beyond the last step, and in a period of zero, all of it.
        self.step(elapsed).and_then(|step| shares.get(step).copied()).unwrap_or(WHOLE)
    }

    /// When the share of a backend grows next that has been up for `elapsed`, measured as that is.
    pub fn next_step(&self, elapsed: Duration) -> Option<Duration> {
        let next = self.step(elapsed)? as u32 + 1;
        (next < u32::from(STEPS)).then(|| self.begins(next))
    }

    fn step(&self, elapsed: Duration) -> Option<usize> {
        if elapsed >= self.period {
            return None;
        }
        (0..u32::from(STEPS)).rposition(|step| self.begins(step) <= elapsed)
    }

    fn begins(&self, step: u32) -> Duration {
        // The greatest period overflows if it is multiplied first; others lose less than 10 ns if it is not.
        self.period / u32::from(STEPS - 1) * step
    }
}
