//! Builds, tests, demonstrates and measures anycast; the lab is also used by anycast-ctl's own tests.

pub mod bench;
pub mod compile;
pub mod demo;
pub mod dist;
pub mod fuzz;
pub mod host_tool;
pub mod lab;
pub mod layers;
pub mod lint;
pub mod load;
pub mod markdown;
pub mod progress;
pub mod sanitize;
pub mod setup;
pub mod share;
pub mod signals;
pub mod site;
pub mod soak;
pub mod test_vm;
