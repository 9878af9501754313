//! Announcements: the routes to VIPs follow what this host can serve, through the routing daemon that the site already runs.

pub mod driver;
