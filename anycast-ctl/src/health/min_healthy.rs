//! How many backends of a pool have to be healthy.

use std::{fmt, num::ParseIntError, str::FromStr};

use crate::spelling::quoted;

/// What a pool needs: a number of backends, or a share of those it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MinHealthy {
    /// That many backends.
    Count(u32),
    /// That many percent of the pool's active backends.
    Percent(u8),
}

impl MinHealthy {
    /// Whether `healthy` backends of `of` are enough. Without backends it is only enough to want none.
    pub fn enough(self, healthy: u32, of: u32) -> bool {
        match self {
            Self::Count(count) => healthy >= count,
            Self::Percent(0) => true,
            Self::Percent(percent) => {
                of > 0 && u64::from(healthy) * 100 >= u64::from(percent) * u64::from(of)
            }
        }
    }
}

/// One healthy backend.
impl Default for MinHealthy {
    fn default() -> Self {
        Self::Count(1)
    }
}

impl fmt::Display for MinHealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// A text that is neither a number of backends nor a share of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no number of backends: write a whole number as 2, or a share up to 100 as 50%", quoted(.0))]
pub struct MinHealthyError(String);

impl FromStr for MinHealthy {
    type Err = MinHealthyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |_: ParseIntError| MinHealthyError(text.to_owned());
        // `parse` takes a sign too.
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(MinHealthyError(text.to_owned()));
        }
        match text.strip_suffix('%') {
            None => text.parse().map(Self::Count).map_err(wrong),
            Some(number) => match number.parse().map_err(wrong)? {
                percent @ 0..=100 => Ok(Self::Percent(percent)),
                _ => Err(MinHealthyError(text.to_owned())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_share() {
        for (text, value) in [
            ("0", MinHealthy::Count(0)),
            ("2", MinHealthy::Count(2)),
            ("0%", MinHealthy::Percent(0)),
            ("50%", MinHealthy::Percent(50)),
            ("100%", MinHealthy::Percent(100)),
        ] {
            assert_eq!(text.parse(), Ok(value));
            assert_eq!(value.to_string(), text);
        }
        for text in ["", "%", "-1", "+1", "1.5", "101%", "256%", "4294967296", "half", "5 %", "5%%"] {
            assert!(text.parse::<MinHealthy>().is_err(), "{text:?}");
        }
        assert_eq!(
            "half".parse::<MinHealthy>().unwrap_err().to_string(),
            "`half` is no number of backends: write a whole number as 2, or a share up to 100 as 50%"
        );
    }

    #[test]
    fn enough_is_no_less() {
        for (wanted, healthy, of, enough) in [
            (MinHealthy::Count(2), 1, 9, false),
            (MinHealthy::Count(2), 2, 9, true),
            (MinHealthy::Count(0), 0, 0, true),
            (MinHealthy::Percent(50), 1, 3, false),
            (MinHealthy::Percent(50), 2, 4, true),
            (MinHealthy::Percent(50), 0, 0, false),
            (MinHealthy::Percent(0), 0, 0, true),
            (MinHealthy::Percent(100), u32::MAX, u32::MAX, true),
            (MinHealthy::Percent(100), u32::MAX - 1, u32::MAX, false),
        ] {
            assert_eq!(wanted.enough(healthy, of), enough, "{healthy} of {of}, {wanted}");
        }
    }
}
