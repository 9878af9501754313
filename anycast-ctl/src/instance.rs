//! Several dataplanes on one host: each has a name, and paths that follow from it.

use std::path::PathBuf;

/// The instance of hosts that have one.
pub const DEFAULT: &str = "anycast";

/// Longest name.
const MAX_BYTES: usize = 32;

/// Checks a name.
///
/// # Errors
/// What is wrong with it.
pub fn parse(name: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=MAX_BYTES).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(name.to_owned())
    } else {
        Err(format!("take 1 to {MAX_BYTES} of a-z, 0-9 and `-`"))
    }
}

/// Where its daemon listens.
pub fn socket(name: &str) -> PathBuf {
    PathBuf::from(format!("/run/anycast/{name}.sock"))
}

/// Where its store is.
pub fn state_dir(name: &str) -> PathBuf {
    PathBuf::from(format!("/var/lib/anycast/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_paths() {
        for name in ["anycast", "edge-2", "0"] {
            assert_eq!(parse(name).unwrap(), name);
        }
        for name in ["", "a.b", "../x", "A", "a b", &"x".repeat(33)] {
            assert!(parse(name).is_err(), "{name}");
        }
    }
}
