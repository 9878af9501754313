//! Layer 3: the store and its daemon when the disk is full or the daemon is killed. Needs root.

#![expect(clippy::unwrap_used, reason = "a test panics when it is wrong")]

mod full;
