//! What a metric is called, and what it means.

use prometheus_client::{metrics::MetricType, registry::Unit};

/// All series of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name as queries have it, with unit and `_total`; a histogram's without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// A family, and how its value follows from one thing that it has a series for.
pub(super) type Figure<T, V> = (Family, fn(&T) -> V);

/// Kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It grows, and begins at zero with the maps or with the daemon.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often something took how long.
    Histogram,
}

impl Kind {
    /// `counter`, `gauge` or `histogram`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }

    pub(super) const fn encoded(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
            Self::Histogram => MetricType::Histogram,
        }
    }
}

impl Family {
    pub(super) const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Counter, labels, help }
    }

    pub(super) const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Gauge, labels, help }
    }

    pub(super) const fn histogram(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Histogram, labels: &[], help }
    }

    /// The name as it is encoded, which adds unit and `_total`, and the unit.
    pub(super) fn stem(&self) -> (&'static str, Option<Unit>) {
        let stem = match self.kind {
            Kind::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            Kind::Gauge | Kind::Histogram => self.name,
        };
        let with = |suffix, unit| Some((stem.strip_suffix(suffix)?, Some(unit)));
        with("_bytes", Unit::Bytes).or_else(|| with("_seconds", Unit::Seconds)).unwrap_or((stem, None))
    }
}
