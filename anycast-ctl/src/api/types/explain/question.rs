//! Which packet is asked about.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A packet, in a few words: the query of `GET /v1/explain`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExplainQuestion {
    /// Who sends it: `198.51.100.7:40000`, `[2001:db8::7]:40000`, or the address alone for ICMP
    pub from: String,
    /// To whom: `192.0.2.1:443/tcp`, `[2001:db8::1]:53/udp`, `192.0.2.1/icmp`; tcp unless another protocol is named
    pub to: String,
    /// What it is; `ack` over TCP and `datagram` over UDP unless it is said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub packet: Option<PacketKind>,
    /// Not that packet, but an ICMP error about the answer to it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub icmp_quoting: Option<IcmpError>,
    /// Who sends that error; `from` unless it is said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub router: Option<IpAddr>,
    /// Name of the interface it comes in by; the first one that the program is attached to unless it is said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// TTL or hop limit; 64 unless it is said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u8>,
    /// Bytes of the IP packet; no more than its headers unless it is said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u16>,
    /// Only that fragment of it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub fragment: Option<Fragment>,
    /// Identification that fragments of one packet share; 1 unless it is said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fragment_id: Option<u32>,
    /// Whether routers may fragment an IPv4 packet; not unless it is said, as hosts do it
    #[serde(default)]
    pub may_fragment: bool,
    /// In a VLAN with that id
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
}

/// The query of `POST /v1/explain`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExplainWay {
    /// Name of the interface the frame comes in by; the first one that the program is attached to unless it is said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

/// What a packet is to its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PacketKind {
    /// TCP: it opens a connection.
    Syn,
    /// TCP: a segment of a connection.
    Ack,
    /// TCP: it ends one.
    Fin,
    /// TCP: it resets one.
    Rst,
    /// UDP, of whatever kind.
    Datagram,
    /// UDP: a QUIC Initial, which opens a connection.
    QuicInitial,
}

/// What an ICMP error says, of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum IcmpError {
    /// The client cannot be reached.
    Unreachable,
    /// The answer was too big for the way to the client.
    TooBig,
    /// The answer's TTL ran out.
    TimeExceeded,
    /// Somebody did not understand the answer's header.
    ParameterProblem,
}

/// A fragment of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Fragment {
    /// The one with the ports.
    First,
    /// The last of two, without them.
    Later,
}
