//! Health checks: who is asked what and when, what the answers mean, and what the pools make of it.

pub mod path;
pub mod spec;
