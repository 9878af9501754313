//! Layer 1: the store on a real file, under a process that is killed.

#![expect(clippy::unwrap_used, reason = "a test panics when it is wrong")]

mod kill;
