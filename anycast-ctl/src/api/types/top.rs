//! Who sends most.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::utc::Utc;

/// By what packets are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum TopBy {
    /// The client's address.
    #[default]
    Source,
    /// The client's network.
    Prefix,
    /// The backend packets were delivered to.
    Backend,
    /// The VIP.
    Vip,
}

/// The heaviest of what passed, estimated from a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopStatus {
    /// By what it is counted.
    pub by: TopBy,
    /// When counting began.
    pub began: Utc,
    /// How long it took.
    pub milliseconds: u64,
    /// One packet in so many was looked at.
    pub sample: u32,
    /// Those that were looked at.
    pub sampled_packets: u64,
    /// Those that were to be looked at and were lost, as they came faster than they are read: the sample is smaller by as much.
    pub lost_packets: u64,
    /// All packets a second: the program counts every one.
    pub packets_per_second: f64,
    /// All bits a second, from the IP header on.
    pub bits_per_second: f64,
    /// The heaviest first.
    pub rows: Vec<TopRow>,
}

/// One client, network, backend or VIP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopRow {
    /// Address, prefix, `POOL/BACKEND`, or name of the VIP.
    pub name: String,
    /// Its packets in the sample.
    pub sampled_packets: u64,
    /// Its share of all packets, 0 to 1.
    pub share: f64,
    /// By how much that may be wrong, either way, in 95 of 100 samples.
    pub share_error: f64,
    /// Its packets a second.
    pub packets_per_second: f64,
    /// By how much that may be wrong, either way, in 95 of 100 samples.
    pub packets_error: f64,
    /// Its bits a second, from the IP header on.
    pub bits_per_second: f64,
}
