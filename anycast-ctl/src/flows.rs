//! Flows as operators ask for them: those that are remembered, read from the maps, and those that pass, seen by sampling.

pub mod catchment;
mod catchments;
pub mod estimate;
pub mod heavy;
pub mod measure;
pub mod names;
pub mod remembered;
pub mod sighting;
pub mod top;

pub use self::{catchments::Catchments, names::SiteNames, remembered::Remembered};
