//! What a packet has to be: tests of single facts, and terms that say which of them must hold and which must not.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::Facts;

/// Tests of a filter.
pub const MAX_ATOMS: usize = 32;

/// Terms of a filter.
pub const MAX_TERMS: usize = 16;

/// One test, of a pair of neighbouring words: each, masked, lies between two values, these included.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Atom {
    /// Bits that are looked at.
    pub masks: [u64; 2],
    /// The least value of those bits.
    pub lows: [u64; 2],
    /// How far above it the greatest lies.
    pub spans: [u64; 2],
    /// Which pair of words.
    pub pair: u64,
}

/// Tests that must hold, and such that must not.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Term {
    /// Bit `n`: the outcome of test `n` counts.
    pub care: u32,
    /// Of those, the ones that must hold.
    pub want: u32,
}

impl Term {
    /// Holds for every packet.
    pub const ALWAYS: Self = Self { care: 0, want: 0 };
    /// Holds for none.
    pub const NEVER: Self = Self { care: 0, want: 1 };
}

/// A filter: a packet passes if one of the terms holds for it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Filter {
    /// The tests.
    pub atoms: [Atom; MAX_ATOMS],
    /// The terms; what is not used is [`Term::NEVER`].
    pub terms: [Term; MAX_TERMS],
    /// How many tests are used.
    pub atom_count: u32,
    /// How many terms are used.
    pub term_count: u32,
}

impl Filter {
    /// Passes everything.
    pub const ALL: Self = {
        let mut filter = Self::NONE;
        filter.terms = [Term::NEVER; MAX_TERMS];
        let [first, ..] = &mut filter.terms;
        *first = Term::ALWAYS;
        filter.term_count = 1;
        filter
    };

    /// Passes nothing.
    pub const NONE: Self = Self {
        atoms: [Atom { masks: [0; 2], lows: [0; 2], spans: [0; 2], pair: 0 }; MAX_ATOMS],
        terms: [Term::NEVER; MAX_TERMS],
        atom_count: 0,
        term_count: 0,
    };

    /// One that passes what one of these terms holds for, of these tests; `None` if they are more than there is room for.
    pub fn new(atoms: &[Atom], terms: &[Term]) -> Option<Self> {
        let mut filter = Self::NONE;
        filter.atoms.get_mut(..atoms.len())?.copy_from_slice(atoms);
        filter.terms.get_mut(..terms.len())?.copy_from_slice(terms);
        filter.atom_count = atoms.len() as u32;
        filter.term_count = terms.len() as u32;
        Some(filter)
    }
}

/// Whether a packet passes.
///
/// What each test comes to is computed, not branched on: the verifier would walk all that follows once for every outcome of
/// every test.
#[inline(always)]
pub fn matches(filter: &Filter, facts: &Facts) -> bool {
    let mut held = 0;
    for (place, atom) in filter.atoms.iter().enumerate() {
        if place >= filter.atom_count as usize {
            break;
        }
        held |= holds(atom, facts) << place;
    }
    let mut passes = 0;
    for (place, term) in filter.terms.iter().enumerate() {
        if place >= filter.term_count as usize {
            break;
        }
        passes |= is_zero((held & u64::from(term.care)) ^ u64::from(term.want));
    }
    passes != 0
}

/// 1 if the test holds.
#[inline(always)]
fn holds(atom: &Atom, facts: &Facts) -> u64 {
    let ([first_mask, second_mask], [first_low, second_low]) = (atom.masks, atom.lows);
    let ([first_span, second_span], [first, second]) = (atom.spans, facts.pair(atom.pair));
    let outside = is_less(first_span, (first & first_mask).wrapping_sub(first_low))
        | is_less(second_span, (second & second_mask).wrapping_sub(second_low));
    outside ^ 1
}

/// 1 if `a` is less than `b`: what is borrowed when they are subtracted (Warren, Hacker's Delight, section 2-13).
#[inline(always)]
const fn is_less(a: u64, b: u64) -> u64 {
    ((!a & b) | ((!a | b) & a.wrapping_sub(b))) >> 63
}

/// 1 if that is 0, and it is less than 2^63.
#[inline(always)]
const fn is_zero(value: u64) -> u64 {
    value.wrapping_sub(1) >> 63
}

const _: () = assert!(size_of::<Filter>() == 1928);

#[cfg(test)]
mod tests;
