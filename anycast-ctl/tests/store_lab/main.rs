//! Layer 3: the store and the real daemon over it when the disk is full, the daemon is killed, and writers race. Needs root.

#![expect(clippy::unwrap_used, reason = "a test panics when it is wrong")]

mod disk;
mod edge;
mod full;
mod http;
mod kill;
mod race;
mod shortage;
