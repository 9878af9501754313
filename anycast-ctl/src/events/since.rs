//! From where on somebody wants to be told.

use std::{fmt, str::FromStr, time::Duration};

use crate::{moment::Moment, period, spelling::quoted};

/// A place among the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Behind the event of that number.
    Sequence(u64),
    /// At that moment.
    Moment(Moment),
    /// That long ago.
    Ago(Duration),
}

/// A text that names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is no place to begin: write how long ago as 10m, a time as 2026-11-21T18:00:00Z, or the number of an event",
    quoted(.0)
)]
pub struct SinceError(String);

impl FromStr for Since {
    type Err = SinceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(sequence) = text.parse() {
            return Ok(Self::Sequence(sequence));
        }
        let moment = text.parse().map(Self::Moment).ok();
        let place = moment.or_else(|| period::parse_fine(text).map(Self::Ago).ok());
        place.ok_or_else(|| SinceError(text.to_owned()))
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence(sequence) => sequence.fmt(f),
            Self::Moment(moment) => moment.fmt(f),
            Self::Ago(period) => f.write_str(&period::text(*period)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_number_a_time_or_a_period() {
        for (text, place) in [
            ("1795284000001", Since::Sequence(1_795_284_000_001)),
            ("0", Since::Sequence(0)),
            ("10m", Since::Ago(Duration::from_secs(600))),
            ("1h30m", Since::Ago(Duration::from_secs(5_400))),
            ("2026-11-21T18:00:00.000Z", Since::Moment(Moment::from_unix_ms(1_795_284_000_000))),
        ] {
            assert_eq!(text.parse(), Ok(place), "{text}");
            assert_eq!(place.to_string(), text);
        }
        for text in ["", "-1", "soon", "10m ", "2026-11-21"] {
            let error = text.parse::<Since>().unwrap_err().to_string();
            assert!(error.contains("write how long ago as 10m"), "{text}: {error}");
        }
    }
}
