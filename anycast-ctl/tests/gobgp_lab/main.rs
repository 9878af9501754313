//! Layer 3: GoBGP, driven, and what a router that it peers with hears of it. Needs root, gobgpd and BIRD.

#![expect(clippy::unwrap_used, reason = "a test panics when it is wrong")]
#![allow(clippy::indexing_slicing, reason = "what fails here fails the test")]

mod announce;
mod broken;
mod figure;
mod harness;
mod kept_back;
mod left;
mod levels;
mod router;
