//! What was measured of one network.

use super::{
    histogram::{Exact, Histogram, Logarithmic},
    prefixes::Merge,
};
use crate::{api::types::CatchmentFigures, flows::estimate::Sample};

/// What came from the clients of a network.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// Packets.
    pub packets: u64,
    /// Bytes, from the IP header on.
    pub bytes: u64,
    /// Flows that were opened.
    pub new_flows: u64,
    /// Hops of each packet.
    pub hops: Histogram<Exact>,
    /// Round trips of handshakes, in microseconds.
    pub rtt: Histogram<Logarithmic>,
    /// The part of those from the reply on, where it was seen.
    pub reply_rtt: Histogram<Logarithmic>,
}

impl Merge for Cell {
    fn weight(&self) -> u64 {
        self.packets
    }

    fn merge(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.new_flows += other.new_flows;
        self.hops.merge(other.hops);
        self.rtt.merge(other.rtt);
        self.reply_rtt.merge(other.reply_rtt);
    }
}

impl Cell {
    /// It as the API tells it, beside all that clients sent.
    pub fn figures(&self, all: &Self, sample: &Sample) -> CatchmentFigures {
        let share = if all.packets == 0 { 0.0 } else { self.packets as f64 / all.packets as f64 };
        CatchmentFigures {
            packets: self.packets,
            bytes: self.bytes,
            new_flows: self.new_flows,
            handshakes: self.rtt.numbers(),
            share,
            packets_per_second: sample.rate(self.packets),
            bits_per_second: sample.rate(self.bytes * 8),
            new_flows_per_second: sample.rate(self.new_flows),
            hops: self.hops.spread(),
            rtt_us: self.rtt.spread(),
            reply_rtt_us: self.reply_rtt.spread(),
        }
    }
}
