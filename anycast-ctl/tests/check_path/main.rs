//! Layer 2: the packet of a check, from its socket through the loaded program to the frame that leaves, read by etherparse. Needs
//! root and runs on every kernel that the dataplane runs on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

#[path = "../packets/decode.rs"]
mod decode;
mod frames;
mod harness;
#[path = "../namespace/mod.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod namespace;
