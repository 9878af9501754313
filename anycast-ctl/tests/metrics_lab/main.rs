//! Metrics of the real daemon, scraped by the real Prometheus on the edge of a lab with real traffic, and the rules and the
//! dashboard that are made of them. Needs root, and `prometheus` with its `promtool`.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod dist;
mod expected;
mod harness;
mod prometheus;
mod scrape;
mod scrapers;
