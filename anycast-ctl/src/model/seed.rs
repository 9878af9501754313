//! Secret keys.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret key of the flow hash or of a slot table. `Debug` does not show it: who knows it can aim at one backend.
/// Serialized it is what site files have, 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seed(u64);

/// A text that is no seed. Being a secret, it is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give exactly 16 hexadecimal digits in quotes, as `openssl rand -hex 8` prints them")]
pub struct SeedError;

impl Seed {
    /// From the key itself.
    pub const fn new(key: u64) -> Self {
        Self(key)
    }

    /// The key itself.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// As site files have it. Not for logs.
    pub fn digits(self) -> String {
        format!("{:016x}", self.0)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

impl TryFrom<&str> for Seed {
    type Error = SeedError;

    fn try_from(digits: &str) -> Result<Self, Self::Error> {
        // `from_str_radix` would let a sign through.
        let hexadecimal = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let key = hexadecimal.then(|| u64::from_str_radix(digits, 16).ok()).flatten();
        key.map(Self).ok_or(SeedError)
    }
}

impl TryFrom<String> for Seed {
    type Error = SeedError;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        Self::try_from(digits.as_str())
    }
}

impl From<Seed> for String {
    fn from(seed: Seed) -> Self {
        seed.digits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_not_shown() {
        assert_eq!(format!("{:?}", Some(Seed::new(0xdead_beef))), "Some(Seed(…))");
        let error = serde_json::from_str::<Seed>(r#""5ec2e7""#).unwrap_err().to_string();
        assert!(!error.contains("5ec2e7"), "{error}");
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let seed = Seed::new(0xff);
        assert_eq!(serde_json::to_string(&seed).unwrap(), r#""00000000000000ff""#);
        assert_eq!(Seed::try_from(seed.digits().as_str()), Ok(seed));
    }
}
