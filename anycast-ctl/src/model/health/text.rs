//! Values that are written as texts, and read back as they were written.

use std::{borrow::Cow, fmt, ops::RangeInclusive, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::spelling::quoted;

/// A text that is no such value. It says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(String);

/// Gives a type the forms of its text.
macro_rules! written {
    ($type:ty, $name:literal, $schema:tt) => {
        impl TryFrom<String> for $type {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// A share of a whole, in whole percent, 0 to 100: `75%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(u8);

written!(Percent, "Percent", {
    "description": "A share in whole percent, as 75%.",
    "type": "string",
    "pattern": "^(100|[0-9]{1,2})%$"
});

impl Percent {
    /// That many of a hundred, a hundred at most.
    pub const fn of(percent: u8) -> Self {
        Self(if percent > 100 { 100 } else { percent })
    }

    /// Of a hundred.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl FromStr for Percent {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let wrong = || TextError(format!("{} is no share: write it as 75%, 0% to 100%", quoted(text)));
        let digits = text.strip_suffix('%').ok_or_else(wrong)?;
        let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let percent = digits.parse().ok().filter(|percent| plain && *percent <= 100);
        // 007% is nobody's way to write it.
        percent.filter(|_| digits.len() < 3 || digits == "100").map(Self).ok_or_else(wrong)
    }
}

/// How many backends of a pool must be healthy: `2`, or `50%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MinHealthy {
    /// That many.
    Count(u32),
    /// That share of them, rounded up.
    Share(Percent),
}

written!(MinHealthy, "MinHealthy", {
    "description": "A number of backends, as 2, or a share of them, as 50%.",
    "type": "string",
    "pattern": "^([1-9][0-9]{0,4}|(100|[0-9]{1,2})%)$"
});

impl MinHealthy {
    /// How many that is, of so many.
    pub fn of(self, backends: usize) -> usize {
        match self {
            Self::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::Share(share) => (backends * usize::from(share.get())).div_ceil(100),
        }
    }
}

impl fmt::Display for MinHealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Share(share) => share.fmt(f),
        }
    }
}

impl FromStr for MinHealthy {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if text.ends_with('%') {
            return text.parse().map(Self::Share);
        }
        let plain = (1..=5).contains(&text.len())
            && !text.starts_with('0')
            && text.bytes().all(|byte| byte.is_ascii_digit());
        let wrong = || {
            TextError(format!("{} is neither a number of backends, as 2, nor a share, as 50%", quoted(text)))
        };
        text.parse().ok().filter(|_| plain).map(Self::Count).ok_or_else(wrong)
    }
}

/// HTTP status codes: `200`, `200-399`, `200,204,301-302`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StatusSet(Vec<RangeInclusive<u16>>);

written!(StatusSet, "StatusSet", {
    "description": "Status codes and ranges of them, as 200 or 200-299,301.",
    "type": "string",
    "pattern": "^[1-5][0-9]{2}(-[1-5][0-9]{2})?(,[1-5][0-9]{2}(-[1-5][0-9]{2})?)*$"
});

impl StatusSet {
    /// Whether it has that code.
    pub fn contains(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

impl Default for StatusSet {
    /// Success, and redirects, which are not followed.
    fn default() -> Self {
        Self(vec![200..=399])
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{comma}{first}")?,
                (first, last) => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for StatusSet {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let wrong =
            || TextError(format!("{} is no set of status codes: write 200 or 200-299,301", quoted(text)));
        let code = |text: &str| {
            let plain = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|code| plain && (100..=599).contains(code)).ok_or_else(wrong)
        };
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (code(first)?, code(last)?);
            if first <= last { Ok(first..=last) } else { Err(wrong()) }
        };
        text.split(',').map(range).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// Bytes: a text as it is, or `hex:` and an even number of hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Payload {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// As it was written.
    text: String,
}

written!(Payload, "Payload", {
    "description": "A text, or bytes as hex: and hexadecimal digits. At most 1200 bytes.",
    "type": "string",
    "minLength": 1
});

impl Payload {
    /// Bytes that fit into a datagram on any path (RFC 9000 section 14).
    pub const MAX_BYTES: usize = 1_200;
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Payload {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let bytes = match text.strip_prefix("hex:") {
            None => text.as_bytes().to_vec(),
            Some(digits) => {
                let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
                let pair = |pair: &[u8; 2]| {
                    let text = std::str::from_utf8(pair).ok().filter(|text| !text.starts_with('+'))?;
                    u8::from_str_radix(text, 16).ok()
                };
                let bytes = pairs.iter().map(pair).collect::<Option<Vec<u8>>>().filter(|_| odd.is_empty());
                bytes.ok_or_else(|| TextError("behind hex: come pairs of hexadecimal digits".to_owned()))?
            }
        };
        match bytes.len() {
            0 => Err(TextError("is empty: give some bytes, or leave it out".to_owned())),
            1..=Self::MAX_BYTES => Ok(Self { bytes, text: text.to_owned() }),
            many => Err(TextError(format!("{many} bytes are too many: {} at most", Self::MAX_BYTES))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        fn check<T: FromStr<Err = TextError> + fmt::Display>(good: &[&str], bad: &[&str]) {
            good.iter().for_each(|text| assert_eq!(text.parse::<T>().unwrap().to_string(), **text));
            bad.iter().for_each(|text| assert!(text.parse::<T>().is_err(), "{text:?}"));
        }
        check::<Percent>(
            &["0%", "75%", "100%"],
            &["", "%", "101%", "007%", "+5%", "-1%", "5", "7.5%", "5 %"],
        );
        check::<MinHealthy>(&["1", "50%", "65535"], &["", "0", "-1", "+1", "two", "101%", "01", "999999"]);
        check::<StatusSet>(
            &["200", "200-399", "200,204,301-302"],
            &["", "20", "600", "299-200", "200,", "2xx", "200-", "+20", "0200"],
        );
        check::<Payload>(&["PING", "hex:00ff", "hex"], &["", "hex:", "hex:0", "hex:zz", "hex:+1"]);
        assert!("x".repeat(1_201).parse::<Payload>().is_err());
        assert_eq!("hex:00fF".parse::<Payload>().unwrap().bytes, [0, 255]);
    }

    #[test]
    fn sets_and_shares_mean_what_they_say() {
        let set: StatusSet = "200-299,404".parse().unwrap();
        assert_eq!(
            [199, 200, 299, 300, 404].map(|code| set.contains(code)),
            [false, true, true, false, true]
        );
        let of = |text: &str, backends| text.parse::<MinHealthy>().unwrap().of(backends);
        assert_eq!((of("2", 9), of("50%", 3), of("50%", 4), of("1%", 3), of("0%", 3)), (2, 2, 2, 1, 0));
    }
}
