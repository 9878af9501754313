//! Health checks: who is asked what and when, what the answers mean, and what the pools make of it. What judges here does no IO,
//! and time is an argument: a [`Duration`](std::time::Duration) since the checker started, which never goes back.

pub mod agent;
pub mod checker;
pub mod engine;
pub mod feedback;
pub mod happening;
pub mod history;
pub mod load;
pub mod mass;
pub mod pace;
pub mod path;
pub mod pool;
pub mod probe;
pub mod question;
pub mod ramp;
pub mod report;
pub mod roster;
pub mod site;
pub mod spec;
pub mod standing;
pub mod subject;
pub mod verdict;
pub mod weight;
