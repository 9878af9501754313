//! The driver of ExaBGP with the real ExaBGP, which peers with a BIRD in another namespace. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod figure;
mod harness;
mod hostile;
mod lease;
mod levels;
mod pipes;
mod rejected;
mod router;
