//! The parser of packets, with the properties the packet walk relies on.
//!
//! An input's first byte chooses: with the top bit, the rest is fragments that arrive one after the other; without, the lower
//! bits are the VIP's flags, and the rest is a frame.

mod fragments;
mod oracle;
mod properties;

/// Top bit of the first byte.
const FRAGMENTS: u8 = 0x80;

pub fn check(input: &[u8]) {
    let Some((&choice, rest)) = input.split_first() else { return };
    if choice & FRAGMENTS != 0 {
        fragments::check(rest);
    } else {
        properties::check(rest, u32::from(choice));
        // What `explain` shows of a frame has no more to say than the frame has bytes.
        let layers = anycast_ctl::explain::decode(rest);
        assert!(layers.len() <= rest.len() + 1, "{} layers in {} bytes", layers.len(), rest.len());
    }
}
