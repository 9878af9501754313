extern crate std;

use std::vec::Vec;

use proptest::{collection::vec, prelude::*};

use super::*;

/// Filters of terms over tests, read off their definitions.
fn naive(atoms: &[Atom], terms: &[Term], facts: &Facts) -> bool {
    let holds = |atom: &Atom| {
        let words = facts.pairs[atom.pair as usize % 4];
        (0..2).all(|half| {
            let (value, low) = (words[half] & atom.masks[half], atom.lows[half]);
            value >= low && value - low <= atom.spans[half]
        })
    };
    terms.iter().any(|term| {
        (0..MAX_ATOMS).all(|place| {
            let (cares, wants) = (term.care >> place & 1 != 0, term.want >> place & 1 != 0);
            let held = atoms.get(place).is_some_and(holds);
            if cares { held == wants } else { !wants }
        })
    })
}

/// Words that are often near each other.
fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        0_u64..4,
        (0_u64..4).prop_map(|it| u64::MAX - it),
        any::<u64>(),
        (0_u32..64).prop_map(|it| 1 << it)
    ]
}

fn atom() -> impl Strategy<Value = Atom> {
    ([value(), value()], [value(), value()], [value(), value()], 0_u64..4).prop_map(
        |(masks, lows, spans, pair)| {
            // The greatest value is no less than the least.
            let spans = [spans[0].min(u64::MAX - lows[0]), spans[1].min(u64::MAX - lows[1])];
            Atom { masks, lows, spans, pair }
        },
    )
}

/// A test that holds for these facts.
fn fitting(facts: &Facts, mask: u64, pair: u64, slack: u64) -> Atom {
    let [first, second] = facts.pair(pair);
    let low = |value: u64| (value & mask).saturating_sub(slack);
    let span = |value: u64| (value & mask) - low(value);
    Atom { masks: [mask; 2], lows: [low(first), low(second)], spans: [span(first), span(second)], pair }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn filters_do_what_they_say(
        words in [[value(), value()], [value(), value()], [value(), value()], [value(), value()]],
        atoms in vec(atom(), 0..=MAX_ATOMS),
        fits in vec((value(), 0_u64..4, 0_u64..3), 0..4),
        terms in vec((any::<u32>(), any::<u32>(), any::<bool>()), 0..=MAX_TERMS),
    ) {
        let facts = Facts { pairs: words };
        let mut atoms = atoms;
        let fitting = fits.into_iter().map(|(mask, pair, slack)| fitting(&facts, mask, pair, slack));
        atoms.splice(..0, fitting);
        atoms.truncate(MAX_ATOMS);
        // Terms over few tests: others hardly ever hold.
        let terms: Vec<Term> = terms
            .into_iter()
            .map(|(care, want, few)| {
                let care = if few { care & 0x7 } else { care };
                Term { care, want: want & care }
            })
            .collect();
        let filter = Filter::new(&atoms, &terms).unwrap();
        prop_assert_eq!(matches(&filter, &facts), naive(&atoms, &terms, &facts));
    }

    #[test]
    fn values_are_compared_as_numbers_are(a in value(), b in value()) {
        prop_assert_eq!(is_less(a, b) == 1, a < b);
    }
}

#[test]
fn all_and_none_are_what_they_are_called() {
    assert!(matches(&Filter::ALL, &Facts::default()));
    assert!(!matches(&Filter::NONE, &Facts::default()));
    assert!(!matches(&Filter::new(&[], &[Term::NEVER]).unwrap(), &Facts::default()));
    assert!(Filter::new(&[Atom::default(); MAX_ATOMS + 1], &[]).is_none());
    assert!(Filter::new(&[], &[Term::ALWAYS; MAX_TERMS + 1]).is_none());
}
