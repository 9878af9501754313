//! Two sites with real BGP between them: traffic goes where routes lead, and moves when they do. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod announcing;
mod dead;
mod drain;
mod faults;
mod flap;
mod harness;
mod held;
mod lease;
mod leftovers;
mod topology;
mod trouble;
