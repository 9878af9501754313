//! How revisions are shown: their texts and what differs between two of them, without seeds. A seed is a secret, and who
//! may look at the history need not know it.

use std::collections::BTreeSet;

use similar::TextDiff;

/// Lines around a difference that are shown too.
const CONTEXT: usize = 3;

/// The text of a revision, its seeds not shown.
pub fn text(text: &str) -> String {
    masked(text, |_| NOT_SHOWN)
}

/// What differs between the texts of two revisions, as a unified diff; empty where nothing does. A seed that is another one
/// shows as such.
pub fn diff(before: (u64, &str), after: (u64, &str)) -> String {
    let known: BTreeSet<&str> = before.1.lines().filter_map(seed).map(|(_, value)| value).collect();
    let old = text(before.1);
    let new = masked(after.1, |value| if known.contains(value) { NOT_SHOWN } else { ANOTHER });
    let header = [before.0, after.0].map(|revision| format!("revision {revision}"));
    let [from, to] = &header;
    TextDiff::from_lines(&old, &new).unified_diff().context_radius(CONTEXT).header(from, to).to_string()
}

const NOT_SHOWN: &str = "\"(not shown)\"";
const ANOTHER: &str = "\"(not shown, another one)\"";

fn masked(text: &str, mask: impl Fn(&str) -> &'static str) -> String {
    let mask = |line: &str| match seed(line) {
        Some((key, value)) => format!("{key}= {}\n", mask(value)),
        None => format!("{line}\n"),
    };
    text.lines().map(mask).collect()
}

/// The key of a line that gives a seed, with the spaces around it, and the value.
fn seed(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    (key.trim() == "seed").then(|| (key, value.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEFORE: &str = "node = \"edge-1\"\nseed = \"00000000000000aa\"\n\n[[pool]]\nname = \"web\"\nseed = \
                          \"00000000000000bb\"\nudp = \"quic\"\n";

    #[test]
    fn seeds_are_not_shown() {
        assert_eq!(
            text(BEFORE),
            "node = \"edge-1\"\nseed = \"(not shown)\"\n\n[[pool]]\nname = \"web\"\nseed = \"(not shown)\"\nudp = \
             \"quic\"\n"
        );
    }

    #[test]
    fn a_difference_is_shown_with_what_is_around_it() {
        assert_eq!(diff((4, BEFORE), (5, BEFORE)), "");
        let after = BEFORE.replace("quic", "pinned");
        assert_eq!(
            diff((4, BEFORE), (5, &after)),
            "--- revision 4\n+++ revision 5\n@@ -4,4 +4,4 @@\n [[pool]]\n name = \"web\"\n seed = \"(not shown)\"\n-udp = \
             \"quic\"\n+udp = \"pinned\"\n"
        );
        let after = BEFORE.replace("bb", "cc");
        assert_eq!(
            diff((4, BEFORE), (5, &after)),
            "--- revision 4\n+++ revision 5\n@@ -3,5 +3,5 @@\n \n [[pool]]\n name = \"web\"\n-seed = \"(not \
             shown)\"\n+seed = \"(not shown, another one)\"\n udp = \"quic\"\n"
        );
    }

    #[test]
    fn the_first_revision_adds_everything() {
        assert_eq!(diff((0, ""), (1, "a = 1\n")), "--- revision 0\n+++ revision 1\n@@ -0,0 +1 @@\n+a = 1\n");
    }

    proptest! {
        #[test]
        fn no_site_shows_its_seeds(site in crate::model::arbitrary::site(), other in crate::model::arbitrary::site()) {
            let texts = [&site, &other].map(crate::config::to_toml);
            let shown = [text(&texts[0]), diff((1, &texts[0]), (2, &texts[1]))].concat();
            for site in [site, other] {
                for seed in site.seed.into_iter().chain(site.pools.iter().filter_map(|pool| pool.seed)) {
                    prop_assert!(!shown.contains(&seed.digits()), "{}", shown);
                }
            }
        }
    }
}
