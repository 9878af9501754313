//! Health checks: who is asked what and when, what the answers mean, and what the pools make of it. What judges here does no IO,
//! and time is an argument: a [`Duration`](std::time::Duration) since the checker started, which never goes back.

pub mod agent;
pub mod feedback;
pub mod history;
pub mod mass;
pub mod min_healthy;
pub mod path;
pub mod probe;
pub mod ramp;
pub mod site;
pub mod spec;
pub mod verdict;
pub mod weight;
