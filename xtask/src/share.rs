//! How many random cases a test takes where many cost too much.

use std::env;

/// A machine so slow that it is to try one random case in so many, as a guest without acceleration is.
pub const VARIABLE: &str = "ANYCAST_TEST_SHARE";

/// So many of that number of random cases: all of them, unless the variable says less.
pub fn share(cases: u32) -> u32 {
    one_in(cases, env::var(VARIABLE).ok().as_deref())
}

/// Whether all is tried.
pub fn is_whole() -> bool {
    share(u32::MAX) == u32::MAX
}

/// A variable that is no number means nothing: more is tried then, not less.
fn one_in(cases: u32, share: Option<&str>) -> u32 {
    let one_in = share.and_then(|share| share.parse().ok()).unwrap_or(1);
    cases.div_ceil(one_in.max(1))
}

#[cfg(test)]
mod tests {
    use super::one_in;

    #[test]
    fn all_cases_are_tried_unless_a_share_is_asked_for() {
        assert_eq!(one_in(2000, None), 2000);
        assert_eq!(one_in(2000, Some("10")), 200);
        assert_eq!(one_in(125, Some("10")), 13);
        assert_eq!(one_in(3, Some("10")), 1);
        assert_eq!(one_in(7, Some("none")), 7);
        assert_eq!(one_in(7, Some("0")), 7);
    }
}
