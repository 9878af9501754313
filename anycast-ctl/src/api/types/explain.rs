//! What would become of one packet, and why.

mod packet;
mod question;
mod step;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use packet::{ExplainedPacket, PacketChange, PacketField, PacketLayer};
pub use question::{ExplainQuestion, ExplainWay, Fragment, IcmpError, PacketKind};
pub use step::{
    ExplainedBackend, ExplainedDelivery, ExplainedFlow, ExplainedPin, ExplainedReason, ExplainedSlot,
    ExplainedVip, ExplainedWhy,
};

/// `GET` and `POST /v1/explain`: the walk of one packet through the loaded program. What the packet did not come to is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// All of it in one sentence.
    pub sentence: String,
    /// All of it as a page for people.
    pub text: String,
    /// What the packet is: `tcp syn 198.51.100.7:40000 > 192.0.2.1:443`.
    pub packet: String,
    /// Name of the interface it came in by.
    pub interface: String,
    /// `transmit`, `redirect`, `local`, or of what is not delivered `pass`, `drop`, `answer`.
    pub outcome: ExplainedOutcome,
    /// Why it is not delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ExplainedReason>,
    /// The VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip: Option<ExplainedVip>,
    /// The flow it is steered by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<ExplainedFlow>,
    /// The slot of that flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<ExplainedSlot>,
    /// What is remembered of the flow, if the program looked and found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<ExplainedPin>,
    /// Why that backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<ExplainedWhy>,
    /// The backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<ExplainedBackend>,
    /// How it gets there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<ExplainedDelivery>,
    /// Counters that it would move.
    pub counters: Vec<CounterMove>,
    /// What it would change in the maps beside them.
    pub effects: Vec<ExplainedEffect>,
    /// The frame as it came.
    pub before: ExplainedPacket,
    /// The frame as it would leave; absent if none does, or it passes as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ExplainedPacket>,
    /// In what they differ.
    pub changes: Vec<PacketChange>,
    /// What else there is to know: that something in the question was made up, or is not as it looks.
    pub notes: Vec<String>,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExplainedOutcome {
    /// To its backend, by the interface it came in by.
    Transmit,
    /// To its backend, by another interface.
    Redirect,
    /// To this host's own stack, which is its backend.
    Local,
    /// On to this host's stack, unchanged.
    Pass,
    /// Nowhere.
    Drop,
    /// Its sender gets an answer from here.
    Answer,
}

impl ExplainedOutcome {
    /// `transmit`, `redirect`, `local`, `pass`, `drop` or `answer`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Transmit => "transmit",
            Self::Redirect => "redirect",
            Self::Local => "local",
            Self::Pass => "pass",
            Self::Drop => "drop",
            Self::Answer => "answer",
        }
    }
}

/// One counter that would move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CounterMove {
    /// `packets`, `bytes` or `new_flows` of what is delivered to a backend; else the label of a reason or detail.
    pub counter: String,
    /// Name of the VIP it is counted for; absent for what is no VIP's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip: Option<String>,
    /// Name of the backend, where that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// By how much.
    pub by: u64,
}

/// One thing that would be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedEffect {
    /// `pin_inserted` and so on: `docs/explain.md` lists them.
    pub effect: String,
    /// What it means, for people to read.
    pub text: String,
}

/// The owner of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedOwner {
    /// Name of the backend; that of an index nobody has is made of it.
    pub name: String,
    /// Its address; absent if nobody has the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
}
