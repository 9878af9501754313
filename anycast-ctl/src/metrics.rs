//! What Prometheus scrapes: the status, what checks say and what is announced, as metrics.
//!
//! Nothing is counted here that is counted elsewhere. A scrape asks what `status --json`, `health --json` and
//! `announce list --json` ask, and says the same in other words. Labels have values from the site, from lists in this program
//! and names that the routing daemon has for its peers: no packet can make a series.

mod announce;
mod backend;
mod daemon;
mod family;
mod gathered;
mod health;
mod host;
mod meters;
mod pool;
mod process;
mod scrape;
mod sheet;
mod vip;

pub use family::{Family, Kind};
pub use gathered::Gathered;
pub use meters::Meters;
pub use scrape::{Format, Scrape};

/// Every family that a scrape has, in its order, by what it is about.
pub const SECTIONS: [(&str, &[Family]); 9] = [
    ("Packets", vip::FAMILIES),
    ("Backends", backend::FAMILIES),
    ("Pools", pool::FAMILIES),
    ("Health", health::FAMILIES),
    ("Announcements", announce::FAMILIES),
    ("Interfaces and maps", host::FAMILIES),
    ("The daemon", daemon::FAMILIES),
    ("The process", process::FAMILIES),
    ("The scrape", sheet::FAMILIES),
];

/// All of them.
pub fn families() -> impl Iterator<Item = &'static Family> {
    SECTIONS.into_iter().flat_map(|(_, families)| families)
}

#[cfg(test)]
mod tests;
