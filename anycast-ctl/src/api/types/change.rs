//! What is asked for, and why it is refused.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::Backend;

/// Body of `POST /v1/pools/{pool}/backends`.
pub type NewBackend = Backend;

/// Body of `POST /v1/pools/{pool}/backends/{backend}/drain`; may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDrain {
    /// Seconds until flows that still live are given up. Absent: they are waited for without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
}

/// Body of `PUT /v1/pools/{pool}/backends/{backend}/weight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWeight {
    /// At least 1.
    pub weight: u32,
}

/// Body of `PUT /v1/pools/{pool}/backends/{backend}/health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHealth {
    /// Whether it may be steered to.
    pub up: bool,
}

/// One change of a pool's backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A further backend.
    Add(NewBackend),
    /// One less.
    Remove {
        /// Name of the backend.
        name: String,
    },
    /// No new flows for a backend; again: another deadline.
    Drain {
        /// Name of the backend.
        name: String,
        /// How long its flows are waited for; `None`: without end.
        deadline: Option<Duration>,
    },
    /// New flows for it again.
    Undrain {
        /// Name of the backend.
        name: String,
    },
    /// Another share of new flows.
    Weight {
        /// Name of the backend.
        name: String,
        /// At least 1.
        weight: u32,
    },
    /// The operator's verdict on it.
    Mark {
        /// Name of the backend.
        name: String,
        /// Whether it may be steered to.
        up: bool,
    },
}

impl Change {
    /// Name of the backend that is changed.
    pub fn backend(&self) -> &str {
        match self {
            Self::Add(backend) => &backend.name,
            Self::Remove { name }
            | Self::Drain { name, .. }
            | Self::Undrain { name }
            | Self::Weight { name, .. }
            | Self::Mark { name, .. } => name,
        }
    }

    /// Whether the backend is meant to own slots after it.
    pub const fn asks_for_slots(&self) -> bool {
        match self {
            Self::Add(_) | Self::Undrain { .. } | Self::Weight { .. } => true,
            Self::Mark { up, .. } => *up,
            Self::Remove { .. } | Self::Drain { .. } => false,
        }
    }
}

/// Body of every answer that is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiError {
    /// What is wrong and what to do next.
    pub error: String,
}
