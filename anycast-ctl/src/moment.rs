//! Moments to the millisecond: when something happened.

use std::{
    borrow::Cow,
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

use crate::utc::{Utc, UtcError};

/// Digits behind the point.
const DIGITS: usize = 3;

/// The last moment that can be written, as [`Utc`] has it.
const LAST: u64 = Utc::from_unix(u64::MAX).unix() * 1_000;

/// Bytes of a moment to the second, without its offset.
const SECONDS: usize = "2026-11-21T18:00:00".len();

/// A moment of the wall clock, in milliseconds since 1970-01-01T00:00:00Z. Written `2026-11-21T18:00:00.250Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(u64);

impl Moment {
    /// The present millisecond, as the system's clock has it.
    pub fn now() -> Self {
        // A clock before 1970 has not been set.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or_default())
    }

    /// From milliseconds since 1970; those that cannot be written are the last that can.
    pub const fn from_unix_ms(milliseconds: u64) -> Self {
        if milliseconds > LAST { Self(LAST) } else { Self(milliseconds) }
    }

    /// Milliseconds since 1970.
    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    /// The moment that much earlier.
    pub fn before(self, period: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(period.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The moment that much later, or the last that can be written.
    pub fn after(self, period: Duration) -> Self {
        Self::from_unix_ms(self.0.saturating_add(u64::try_from(period.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = i64::try_from(self.0).unwrap_or_default();
        let timestamp = Timestamp::from_millisecond(milliseconds).map_err(|_| fmt::Error)?;
        write!(f, "{timestamp:.DIGITS$}")
    }
}

impl FromStr for Moment {
    type Err = UtcError;

    /// Reads what [`Utc`] reads, with a fraction of the second of one to three digits if one likes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let milliseconds = |whole: &str| Ok(whole.parse::<Utc>()?.unix() * 1_000);
        let Some((head, rest)) = text.split_once('.') else { return milliseconds(text).map(Self) };
        let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, offset) = rest.split_at(end);
        // Without the fraction it is a whole second, or nothing at all.
        let whole = milliseconds(&format!("{head}{offset}"));
        let fraction = format!("{digits:0<DIGITS$}").parse::<u64>().ok();
        match (whole, fraction) {
            (Ok(whole), Some(fraction)) if (1..=DIGITS).contains(&digits.len()) && head.len() == SECONDS => {
                Ok(Self::from_unix_ms(whole + fraction))
            }
            _ => text.parse::<Utc>().map(|utc| Self(utc.unix() * 1_000)),
        }
    }
}

impl TryFrom<String> for Moment {
    type Error = UtcError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.description(Some("A moment to the millisecond, RFC 3339"))
            .examples(["2026-11-21T18:00:00.250Z"])
            .into()
    }
}

impl ToSchema for Moment {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Moment")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_those_of_rfc_3339_to_the_millisecond() {
        for (text, milliseconds) in [
            ("1970-01-01T00:00:00.001Z", 1),
            ("2026-11-21T18:00:00Z", 1_795_284_000_000),
            ("2026-11-21T18:00:00.25Z", 1_795_284_000_250),
            ("2026-11-21 19:00:00.007+01:00", 1_795_284_000_007),
        ] {
            assert_eq!(text.parse(), Ok(Moment(milliseconds)), "{text}");
        }
        for text in
            ["", "now", ".", "2026-11-21T18:00:00.Z", "2026-11-21T18:00:00.1234Z", "2026.5-11-21T18:00:00Z"]
        {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
        assert_eq!(Moment(1_795_284_000_250).to_string(), "2026-11-21T18:00:00.250Z");
    }

    #[test]
    fn the_last_moment_can_be_written() {
        let last = "9999-12-30T22:00:00.000Z";
        for far in [1 << 40, 1 << 50, u64::MAX] {
            assert_eq!(Moment(7).after(Duration::from_secs(far)).to_string(), last);
        }
        for far in [last, "9999-12-30T22:00:00.5Z"] {
            assert_eq!(far.parse(), Ok(Moment::from_unix_ms(u64::MAX)), "{far}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(milliseconds in 0..253_402_207_200_000_u64) {
            prop_assert_eq!(Moment(milliseconds).to_string().parse(), Ok(Moment(milliseconds)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = text.parse::<Moment>();
        }
    }
}
