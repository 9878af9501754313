//! What is measured for metrics alone, as no status has it.

use std::time::Duration;

use prometheus_client::metrics::{counter::Counter, histogram::Histogram};

/// Upper bounds of the periods that are told apart, in seconds.
const SECONDS: [f64; 13] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Shared by whoever measures and whoever tells.
#[derive(Clone, Debug)]
pub struct Meters {
    /// How long bringing the maps to the desired state took.
    pub(super) reconcile: Histogram,
    /// How often that left something undone.
    pub(super) reconcile_failures: Counter,
    /// How long reading all counters from the maps took.
    pub(super) counters_read: Histogram,
}

impl Meters {
    /// Notes that the maps were brought to the desired state, or that this failed.
    pub fn note_reconciled(&self, took: Duration, succeeded: bool) {
        self.reconcile.observe(took.as_secs_f64());
        if !succeeded {
            self.reconcile_failures.inc();
        }
    }

    /// Notes that all counters were read.
    pub fn note_counters_read(&self, took: Duration) {
        self.counters_read.observe(took.as_secs_f64());
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            reconcile: Histogram::new(SECONDS),
            reconcile_failures: Counter::default(),
            counters_read: Histogram::new(SECONDS),
        }
    }
}
