//! Health checks: who may take new flows, by evidence. What judges here does no IO, and time is an argument: a
//! [`Duration`](std::time::Duration) since the checker started, which never goes back.

pub mod agent;
pub mod feedback;
pub mod history;
pub mod mass;
pub mod min_healthy;
pub mod ramp;
pub mod site;
pub mod verdict;
pub mod weight;
