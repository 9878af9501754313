//! The objects for the kernel as they are embedded: what can be said of them without one.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod described;
mod stack;

/// A program as it is embedded.
macro_rules! object {
    ($name:literal) => {
        ($name, include_bytes!(concat!(env!("OUT_DIR"), "/", $name)).as_slice())
    };
}

const OBJECTS: [(&str, &[u8]); 5] =
    [object!("anycast"), object!("trace"), object!("tapped"), object!("receive"), object!("probe")];
