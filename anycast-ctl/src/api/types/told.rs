//! An event as it is told and kept: when, the how many-eth, how bad, and in words.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Event;
use crate::moment::Moment;

/// An event with its place among all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Told {
    /// What happened: its kind is under `event`, what belongs to it beside it.
    #[serde(flatten)]
    pub event: Event,
    /// Its number: above those of all events before it, also those of an earlier daemon, without gaps while one daemon runs. That
    /// of `hello`, `gap` and `dropped`, which are one watcher's, is the number after which the watcher is told on.
    pub sequence: u64,
    /// When it happened.
    pub at: Moment,
    /// Whether somebody should look.
    pub severity: Severity,
    /// All of it, for people to read.
    pub words: String,
}

/// Whether somebody should look.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// No: it is as it should be.
    Info,
    /// Yes, some day.
    Warning,
    /// Yes, at once.
    Error,
}

impl Severity {
    /// `info`, `warning` or `error`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}
