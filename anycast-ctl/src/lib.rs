//! The controller of the anycast dataplane: loads the XDP program, keeps its maps true, and shows what it does.

pub mod api;
pub mod bpffs;
pub mod cli;
pub mod condition;
pub mod config;
pub mod controller;
pub mod dataplane;
pub mod doctor;
pub mod finding;
pub mod host;
pub mod interface;
pub mod maglev;
pub mod model;
pub mod neighbour;
pub mod numbers;
pub mod period;
pub mod plan;
pub mod preflight;
pub mod receive;
pub mod reconcile;
pub mod runtime;
mod spelling;
pub mod store;
pub mod sweep;
pub mod transition;
pub mod utc;
pub mod way;
