//! Periods of time as people write them: `90s`, `5m`, `1h30m`, `2d`.

use std::time::Duration;

use crate::spelling::quoted;

/// Units and their seconds, the greatest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A text that names no period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no period: write whole numbers with their units, as 90s, 5m or 1h30m", quoted(.0))]
pub struct PeriodError(String);

/// Reads a period: one or more whole numbers, each with its unit `s`, `m`, `h` or `d`, the greater unit first.
///
/// # Errors
///
/// [`PeriodError`] when it is not written so, or longer than 64 bits of seconds hold.
pub fn parse(text: &str) -> Result<Duration, PeriodError> {
    let wrong = || PeriodError(text.to_owned());
    let mut units = UNITS.iter();
    let mut seconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() || text.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, behind) = rest.split_at(end);
        let mut behind = behind.chars();
        let unit = behind.next().ok_or_else(wrong)?;
        // Each unit once and in this order: what was passed by does not come again.
        let (_, unit_seconds) = units.find(|(letter, _)| *letter == unit).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        seconds =
            number.checked_mul(*unit_seconds).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
        rest = behind.as_str();
    }
    Ok(Duration::from_secs(seconds))
}

/// Writes a period the way [`parse`] reads it, in whole seconds: `0s`, `90s` as `1m30s`.
pub fn text(period: Duration) -> String {
    let mut seconds = period.as_secs();
    let mut text = String::new();
    for (letter, unit_seconds) in UNITS {
        if seconds >= unit_seconds {
            text += &format!("{}{letter}", seconds / unit_seconds);
            seconds %= unit_seconds;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Periods as texts in serialized values.
pub mod as_text {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Writes a period as [`super::text`].
    ///
    /// # Errors
    ///
    /// Whatever the serializer says.
    pub fn serialize<S: Serializer>(period: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::text(*period))
    }

    /// Reads a period as [`super::parse`].
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        super::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn periods_are_numbers_with_units() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("5m", 300), ("1h30m", 5_400), ("2d1s", 172_801)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "5min",
            "30m1h",
            "1m1m",
            "-5m",
            "+5m",
            "1.5h",
            "5ms",
            "5m ",
            "99999999999999999d",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(
            parse("soon").unwrap_err().to_string(),
            "`soon` is no period: write whole numbers with their units, as 90s, 5m or 1h30m"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0_u64..10_000_000) {
            let period = Duration::from_secs(seconds);
            prop_assert_eq!(parse(&text(period)), Ok(period));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
