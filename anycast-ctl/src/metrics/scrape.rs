//! One scrape as text, in either of the formats that scrapers read.

use std::sync::OnceLock;

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use prometheus_client::{
    encoding::{prometheus_text, text},
    registry::Registry,
};

use super::Gathered;

/// How a scrape is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' own text format, 0.0.4.
    Prometheus,
}

impl Format {
    /// OpenMetrics for who asks for it, as Prometheus does; the older format for everybody else.
    pub fn accepted(headers: &HeaderMap) -> Self {
        let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        if accepted.any(|accept| accept.contains("application/openmetrics-text")) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
        }
    }
}

/// One scrape and its texts, each made once.
#[derive(Debug)]
pub struct Scrape {
    registry: Registry,
    open_metrics: OnceLock<Bytes>,
    prometheus: OnceLock<Bytes>,
}

impl Scrape {
    /// Of what was gathered.
    pub fn of(gathered: Gathered) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(gathered));
        Self { registry, open_metrics: OnceLock::new(), prometheus: OnceLock::new() }
    }

    /// All of it. Made on the spot, which takes a while for a large site.
    pub fn text(&self, format: Format) -> Bytes {
        // A string takes everything that is written to it.
        let written = |write: fn(&mut String, &Registry) -> std::fmt::Result| {
            let mut text = String::new();
            write(&mut text, &self.registry).map(|()| Bytes::from(text)).unwrap_or_default()
        };
        match format {
            Format::OpenMetrics => self.open_metrics.get_or_init(|| written(text::encode)).clone(),
            Format::Prometheus => self.prometheus.get_or_init(|| written(prometheus_text::encode)).clone(),
        }
    }
}
