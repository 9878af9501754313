//! Coverage-guided fuzzing of the parser, with the properties the packet walk relies on. Run by `cargo xtask fuzz`.
//!
//! An input's first byte chooses: with the top bit, the rest is fragments that arrive one after the other; without, the lower
//! bits are the VIP's flags, and the rest is a frame.

#![no_main]
#![expect(clippy::indexing_slicing, reason = "a fuzz target panics when a property does not hold")]

mod fragments;
mod oracle;
mod properties;
mod seeds;

use libfuzzer_sys::fuzz_target;

/// Top bit of the first byte.
const FRAGMENTS: u8 = 0x80;

fuzz_target!(init: seeds::write(), |input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    if choice & FRAGMENTS != 0 {
        fragments::check(rest);
    } else {
        properties::check(rest, u32::from(choice));
    }
});
