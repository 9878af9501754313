//! Where a pool's backends say how loaded they are: `[pool.feedback]`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Percent;
use crate::{
    model::{choice::choice, shape},
    period,
};

/// Time between two questions for the load when nobody says.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// How long an answer may take when nobody says.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);
/// The least share of its weight that a loaded backend keeps.
pub const DEFAULT_FLOOR: Percent = Percent::of(25);

/// How backends are asked for their load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// Whom to ask.
    #[serde(rename = "type")]
    pub kind: FeedbackKind,
    /// Port at the backend's own address.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// `http`: the request's target, beginning with `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Time between two questions. 1s to 1h.
    #[serde(default = "default_interval", with = "period::as_text")]
    #[schema(value_type = String, example = "5s")]
    #[schemars(with = "shape::Period")]
    pub interval: Duration,
    /// How long an answer may take. 10ms to 1m.
    #[serde(default = "default_timeout", with = "period::as_fine_text")]
    #[schema(value_type = String, example = "1s")]
    #[schemars(with = "shape::FinePeriod")]
    pub timeout: Duration,
    /// The least share of its weight that a loaded backend keeps.
    #[serde(default = "default_floor")]
    pub floor: Percent,
}

choice! {
    /// What says how loaded a backend is.
    FeedbackKind {
        /// The agent that HAProxy's `agent-check` asks: a connection, and a line such as `75%`, `drain` or `down`.
        #[default]
        Agent,
        /// An HTTP request, answered with a number: the load, 1 being all that the backend can bear.
        Http,
    }
}

const fn default_interval() -> Duration {
    DEFAULT_INTERVAL
}

const fn default_timeout() -> Duration {
    DEFAULT_TIMEOUT
}

const fn default_floor() -> Percent {
    DEFAULT_FLOOR
}
