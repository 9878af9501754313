//! Announcements: the routes to VIPs follow what this host can serve, through the routing daemon that the site already runs.

pub mod announcer;
pub mod drive;
pub mod driver;
pub mod engine;
pub mod happening;
pub mod lease;
pub mod machine;
pub mod meter;
pub mod orders;
pub mod report;
pub mod watchdog;
pub mod wish;
