//! What takes more than a change.

use crate::model::{SiteDiff, diff::Subject};

/// What is stored at once and has its effect later.
pub fn of(diff: &SiteDiff) -> Vec<String> {
    let of_site = diff.differences.iter().filter(|difference| difference.subject == Subject::Site);
    of_site
        .flat_map(|difference| &difference.fields)
        .filter_map(|field| match field.key.as_str() {
            key if key.starts_with("maps.") => Some(format!(
                "{key} has its effect when maps are made: after `anycast-ctl down` and a start, which ends all sessions \
                 that are remembered"
            )),
            key @ "icmp.too_big_per_second" => {
                Some(format!("{key} has its effect when the daemon is started the next time"))
            }
            _ => None,
        })
        .collect()
}
