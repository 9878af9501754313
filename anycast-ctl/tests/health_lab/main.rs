//! Health checks in the lab: the real daemon, the real program, real servers that fail in every way there is. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod agent;
mod commands;
mod cut;
mod flap;
mod harness;
mod hostile;
mod silent;
mod survive;
mod through;
