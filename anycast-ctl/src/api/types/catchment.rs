//! Which clients' networks arrive at this site.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::utc::Utc;

/// One measurement of the catchment. Numbers of packets, bytes, flows and handshakes are those of the sample; shares and rates
/// stand for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CatchmentStatus {
    /// Who had it measured.
    pub who: String,
    /// When it began.
    pub began: Utc,
    /// How long it took.
    pub milliseconds: u64,
    /// One flow in so many was looked at, with all its packets.
    pub sample: u32,
    /// Packets that were looked at, with those that count for no network: replies, and what is neither TCP nor UDP.
    pub packets_seen: u64,
    /// Packets that were to be looked at and were lost, as they came faster than they are read.
    pub lost_packets: u64,
    /// All networks together.
    pub total: CatchmentFigures,
    /// What became of the handshakes.
    pub handshakes: HandshakesStatus,
    /// The networks, the heaviest first.
    pub prefixes: Vec<CatchmentPrefix>,
}

/// One network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CatchmentPrefix {
    /// A /24 or /48, or a larger network in which many small ones are taken together.
    #[schema(value_type = String)]
    pub prefix: IpNet,
    /// Whether networks inside it are listed by themselves: then these are the others in it.
    pub rest: bool,
    /// What came from it.
    #[serde(flatten)]
    pub figures: CatchmentFigures,
}

/// What came from some clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CatchmentFigures {
    /// Packets.
    pub packets: u64,
    /// Bytes, from the IP header on.
    pub bytes: u64,
    /// Flows that were opened: TCP SYN without ACK, each once however often it is repeated within ten seconds.
    pub new_flows: u64,
    /// Handshakes that were seen to their end, and measured.
    pub handshakes: u64,
    /// Share of all packets, 0 to 1.
    pub share: f64,
    /// Packets a second.
    pub packets_per_second: f64,
    /// Bits a second.
    pub bits_per_second: f64,
    /// Flows opened a second.
    pub new_flows_per_second: f64,
    /// Routers on the way here, guessed from what is left of the TTL; of each packet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops: Option<SpreadStatus>,
    /// From a SYN to the ACK that answers its SYN-ACK, both as they come in here, in microseconds: the client's round trip
    /// by way of the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<SpreadStatus>,
    /// The part of that from the SYN-ACK on, where replies pass this edge too: the client's round trip alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_rtt_us: Option<SpreadStatus>,
}

/// The least, the middle and the most of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpreadStatus {
    /// The least.
    pub min: u32,
    /// Half of all are not above it; of times it is within 5%.
    pub median: u32,
    /// The most.
    pub max: u32,
}

/// What became of the handshakes that began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HandshakesStatus {
    /// SYNs that opened one.
    pub opened: u64,
    /// Measured.
    pub measured: u64,
    /// Not measured, as the SYN was repeated and nobody knows which one was answered.
    pub repeated: u64,
    /// Without an ACK within ten seconds, or refused, or still open at the end.
    pub unfinished: u64,
    /// Given up to make room for others.
    pub displaced: u64,
}
