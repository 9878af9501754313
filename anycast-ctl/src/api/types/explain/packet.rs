//! Frames, decoded.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedPacket {
    /// Its bytes, in hexadecimal.
    pub hex: String,
    /// How many they are.
    pub length: usize,
    /// What they say, the outermost layer first.
    pub layers: Vec<PacketLayer>,
}

/// One header, or what is behind the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PacketLayer {
    /// `ethernet`, `vlan`, `ipv4`, `tcp` and so on; headers around another IP packet are `outer …`, what an ICMP error
    /// quotes is `quoted …`.
    pub layer: String,
    /// Its fields, in their order.
    pub fields: Vec<PacketField>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PacketField {
    /// Its name.
    pub field: String,
    /// Its value, for people to read.
    pub value: String,
}

/// A field that differs between two frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PacketChange {
    /// The layer.
    pub layer: String,
    /// The field; absent where a whole layer is added or taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What it was; absent if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is then; absent if it is not there any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}
