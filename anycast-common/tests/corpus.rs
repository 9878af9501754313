//! The fuzzer's corpus of packets, without the fuzzer: for Miri, which interprets no C++, and for everybody else's tests.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test panics when a property does not hold"
)]

#[path = "../../anycast-ctl/fuzz/packet/fragments.rs"]
mod fragments;
#[path = "../../anycast-ctl/fuzz/packet/oracle.rs"]
mod oracle;
#[path = "../../anycast-ctl/fuzz/packet/properties.rs"]
mod properties;

use std::{fs, path::Path};

/// As the fuzzer's target splits it.
fn check(input: &[u8]) {
    let Some((&choice, rest)) = input.split_first() else { return };
    if choice & 0x80 != 0 {
        fragments::check(rest);
    } else {
        properties::check(rest, u32::from(choice));
    }
}

#[test]
fn every_packet_of_the_corpus_keeps_the_properties() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../anycast-ctl/fuzz/corpus/packet");
    let mut inputs: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(inputs.len() > 50, "{} inputs", inputs.len());
    // Miri takes half a second for each.
    let step = if cfg!(miri) { 16 } else { 1 };
    inputs.iter().step_by(step).for_each(|input| check(&fs::read(input).unwrap()));
}
