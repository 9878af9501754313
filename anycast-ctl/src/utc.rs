//! Moments as people and files write them: RFC 3339, to the second.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::spelling::quoted;

/// The last second whose year has four digits in every time zone, 9999-12-30T22:00:00Z.
const LAST: u64 = 253_402_207_200;

/// A moment of the wall clock, in seconds since 1970-01-01T00:00:00Z. Written `2026-11-21T18:00:00Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Utc(u64);

/// A text that names no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no time: write it to the second and with its offset from UTC, as 2026-11-21T18:00:00Z", quoted(.0))]
pub struct UtcError(String);

impl Utc {
    /// The present second, as the system's clock has it.
    pub fn now() -> Self {
        // A clock before 1970 has not been set.
        Self(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().min(LAST))
    }

    /// From seconds since 1970; those that cannot be written are the last that can.
    pub const fn from_unix(seconds: u64) -> Self {
        if seconds > LAST { Self(LAST) } else { Self(seconds) }
    }

    /// Seconds since 1970.
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// How long it is from then to this moment; nothing when this one is the earlier.
    pub const fn since(self, then: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(then.0))
    }

    /// The moment that much later.
    pub const fn after(self, period: Duration) -> Self {
        Self::from_unix(self.0.saturating_add(period.as_secs()))
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).unwrap_or_default();
        Timestamp::from_second(seconds).map_err(|_| fmt::Error)?.fmt(f)
    }
}

impl fmt::Debug for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Utc {
    type Err = UtcError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || UtcError(text.to_owned());
        // Jiff also reads time zones in brackets, years before 0, and offsets with seconds.
        if !is_rfc3339(text) {
            return Err(wrong());
        }
        let timestamp: Timestamp = text.parse().map_err(|_| wrong())?;
        let seconds = u64::try_from(timestamp.as_second()).map_err(|_| wrong())?;
        (seconds <= LAST && timestamp.subsec_nanosecond() == 0).then_some(Self(seconds)).ok_or_else(wrong)
    }
}

/// Whether it has the shape `2026-11-21T18:00:00Z` or `2026-11-21T18:00:00+01:00`, the `T` being a space if one likes
/// (RFC 3339 section 5.6).
fn is_rfc3339(text: &str) -> bool {
    let like = |shape: &str, part: &str| {
        part.len() == shape.len()
            && part.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't' | b' '),
                b'+' => matches!(byte, b'+' | b'-'),
                other => byte == other,
            })
    };
    let Some((time, offset)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    like("0000-00-00T00:00:00", time) && (matches!(offset, "Z" | "z") || like("+00:00", offset))
}

impl TryFrom<String> for Utc {
    type Error = UtcError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Utc> for String {
    fn from(utc: Utc) -> Self {
        utc.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_those_of_rfc_3339_to_the_second() {
        for (text, unix) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-21T18:00:00Z", 1_795_284_000),
            ("2026-11-21 19:00:00+01:00", 1_795_284_000),
            ("9999-12-30T22:00:00Z", LAST),
        ] {
            assert_eq!(text.parse(), Ok(Utc(unix)), "{text}");
        }
        for text in [
            "",
            "now",
            "2026-11-21",
            "18:00:00",
            "2026-11-21T18:00:00",
            "2026-11-21T18:00Z",
            "2026-11-21T18:00:00.5Z",
            "2026-13-21T18:00:00Z",
            "1969-12-31T23:59:59Z",
            "9999-12-31T23:59:59Z",
            "2026-11-21T18:00:00Z[UTC]",
            "2026-11-21T18:00:00+01",
            "+002026-11-21T18:00:00Z",
        ] {
            assert!(text.parse::<Utc>().is_err(), "{text}");
        }
        assert_eq!(Utc::from_unix(u64::MAX).to_string(), "9999-12-30T22:00:00Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0..=LAST) {
            prop_assert_eq!(Utc(seconds).to_string().parse(), Ok(Utc(seconds)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = text.parse::<Utc>();
        }
    }
}
