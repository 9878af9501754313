//! The controller of the anycast dataplane: loads the XDP program, keeps its maps true, and shows what it does.

pub mod api;
pub mod dataplane;
pub mod maglev;
pub mod model;
