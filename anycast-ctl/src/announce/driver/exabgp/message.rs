//! What the daemon and the relay say to each other: JSON, a line each. The relay begins; from then on the daemon asks, and the
//! relay answers each question before it reads the next.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The version of this protocol.
pub const VERSION: u32 = 1;

/// Longest line of either.
pub const MAX_LINE_BYTES: usize = 16 << 20;

/// How the relay begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`].
    pub relay: u32,
    /// The routes that came by it and are announced.
    pub routes: BTreeSet<IpNet>,
}

/// What the daemon asks. It also says that the daemon lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// After how many milliseconds without a request the relay withdraws the routes; 0: never.
    pub lease_ms: u64,
    /// Commands for ExaBGP.
    pub commands: Vec<String>,
}

/// What the relay answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// All that ExaBGP said: text, `done` and `error`.
    Lines(Vec<String>),
    /// Why it said nothing.
    Failed(String),
}

/// A message as a line.
///
/// # Errors
/// None that is known: every part can be written.
pub fn line(message: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(message).map(|text| text + "\n")
}
