//! Flows as operators ask for them: those that are remembered, read from the maps, and those that pass, seen by sampling.

pub mod names;
pub mod remembered;

pub use self::{names::SiteNames, remembered::Remembered};
