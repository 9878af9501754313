//! Periods of time as people write them: `90s`, `5m`, `1h30m`, `2d`, and where they may be short `250ms`.

use std::time::Duration;

use crate::spelling::quoted;

/// Units and their milliseconds, the greatest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A text that names no period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no period: write whole numbers with their units, as 90s, 5m or 1h30m", quoted(.0))]
pub struct PeriodError(String);

/// Reads a period of whole seconds: one or more whole numbers, each with its unit `s`, `m`, `h` or `d`, the greater unit first.
///
/// # Errors
///
/// [`PeriodError`] when it is not written so, or longer than 64 bits of milliseconds hold.
pub fn parse(text: &str) -> Result<Duration, PeriodError> {
    if text.contains("ms") { Err(PeriodError(text.to_owned())) } else { parse_fine(text) }
}

/// Reads a period that may have milliseconds, `ms`, behind its seconds.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_fine(text: &str) -> Result<Duration, PeriodError> {
    let wrong = || PeriodError(text.to_owned());
    let mut units = UNITS.iter();
    let mut milliseconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() || text.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, behind) = rest.split_at(end);
        let end = behind.find(|char: char| char.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        // Each unit once and in this order: what was passed by does not come again.
        let (_, each) = units.find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        milliseconds =
            number.checked_mul(*each).and_then(|more| milliseconds.checked_add(more)).ok_or_else(wrong)?;
        rest = behind;
    }
    Ok(Duration::from_millis(milliseconds))
}

/// Writes a period the way [`parse_fine`] reads it, in whole milliseconds: `0s`, `90s` as `1m30s`.
pub fn text(period: Duration) -> String {
    let mut milliseconds = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, each) in UNITS {
        if milliseconds >= each {
            text += &format!("{}{unit}", milliseconds / each);
            milliseconds %= each;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Declares how periods are texts in serialized values.
macro_rules! serialized {
    ($(#[$doc:meta])* $name:ident, $read:ident) => {
        $(#[$doc])*
        pub mod $name {
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

            /// Reads a period.
            ///
            /// # Errors
            ///
            /// When it is none.
            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
                super::$read(&String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    };
}

serialized! {
    /// Periods of whole seconds as texts in serialized values.
    as_text, parse
}

serialized! {
    /// Periods that may be short as texts in serialized values.
    as_fine_text, parse_fine
}

/// Such periods where they may be absent; an absent one is not written at all.
pub mod as_optional_text {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    /// Writes a period.
    ///
    /// # Errors
    ///
    /// Whatever the serializer says.
    pub fn serialize<S: Serializer>(period: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        super::as_fine_text::serialize(&period.unwrap_or_default(), serializer)
    }

    /// Reads a period.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        super::as_fine_text::deserialize(deserializer).map(Some)
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
        for (text, milliseconds) in [("250ms", 250), ("1s5ms", 1_005), ("1m", 60_000), ("2m1ms", 120_001)] {
            assert_eq!(parse_fine(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["ms", "5", "5ms1s", "1.5ms", "5 ms", "5msms"] {
            assert!(parse_fine(text).is_err(), "{text:?}");
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
            let period = Duration::from_millis(seconds);
            prop_assert_eq!(parse_fine(&text(period)), Ok(period));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = (parse(&text), parse_fine(&text));
        }
    }
}
