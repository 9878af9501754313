//! The catchment: which clients' networks arrive at this site, over how many hops, and how far away they are.

mod cell;
mod csv;
mod handshake;
mod histogram;
mod hops;
mod picture;
mod prefixes;
mod treemap;

use std::{net::IpAddr, time::Duration};

use anycast_common::parse::protocol;
use ipnet::IpNet;

use self::{
    cell::Cell,
    handshake::{Handshakes, Step},
    prefixes::Prefixes,
};
use super::{estimate::Sample, sighting::Sighting};
use crate::{
    api::types::{CatchmentPrefix, CatchmentStatus},
    utc::Utc,
};

pub use self::{
    csv::csv,
    picture::{Colours, svg},
};

/// Networks kept apart while it is measured.
const NETWORKS: usize = 8_192;

/// A measurement under way. Its memory is bounded, however many clients there are.
#[derive(Debug)]
pub struct Measurement {
    prefixes: Prefixes<Cell>,
    handshakes: Handshakes,
    packets: u64,
}

/// What there is to say of a measurement beside what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Circumstances {
    /// Who had it made.
    pub who: String,
    /// When it began.
    pub began: Utc,
    /// How long it took.
    pub period: Duration,
    /// One flow in so many was to be looked at.
    pub one_in: u32,
    /// Packets there were.
    pub of: u64,
    /// Those that were to be looked at and were lost.
    pub lost: u64,
    /// Networks to list.
    pub networks: usize,
}

impl Default for Measurement {
    fn default() -> Self {
        Self { prefixes: Prefixes::new(NETWORKS), handshakes: Handshakes::default(), packets: 0 }
    }
}

impl Measurement {
    /// Takes note of a packet from a client to a VIP. Only TCP and UDP count: who sends ICMP may be any router on the way.
    pub fn note(&mut self, seen: &Sighting) {
        self.packets += 1;
        if !matches!(seen.flow.protocol, protocol::TCP | protocol::UDP) {
            return;
        }
        let step = self.handshakes.note(seen);
        let cell = self.prefixes.cell(network(seen.flow.source.into()));
        cell.packets += 1;
        cell.bytes += u64::from(seen.bytes);
        cell.hops.note(hops::taken(seen.hop_limit));
        match step {
            Some(Step::Opened) => cell.new_flows += 1,
            Some(Step::Finished { rtt_us, reply_rtt_us }) => {
                cell.rtt.note(rtt_us);
                reply_rtt_us.into_iter().for_each(|us| cell.reply_rtt.note(us));
            }
            None => (),
        }
    }

    /// Takes note of a packet from a VIP to a client.
    pub fn note_reply(&mut self, seen: &Sighting) {
        self.packets += 1;
        self.handshakes.note_reply(seen);
    }

    /// What was measured.
    pub fn finish(mut self, circumstances: Circumstances) -> CatchmentStatus {
        let Circumstances { who, began, period, one_in, of, lost, networks } = circumstances;
        let sample = Sample { of, packets: self.packets, period };
        self.prefixes.raise(networks.max(2));
        let prefixes = self.prefixes.ranked();
        let mut total = Cell::default();
        prefixes.iter().for_each(|(_, cell)| prefixes::Merge::merge(&mut total, cell.clone()));
        let nets: Vec<IpNet> = prefixes.iter().map(|(net, _)| *net).collect();
        let figures = |cell: &Cell| cell.figures(&total, &sample);
        CatchmentStatus {
            who,
            began,
            milliseconds: u64::try_from(period.as_millis()).unwrap_or(u64::MAX),
            sample: one_in,
            packets_seen: self.packets,
            lost_packets: lost,
            total: figures(&total),
            handshakes: self.handshakes.finish(),
            prefixes: prefixes
                .iter()
                .map(|(prefix, cell)| CatchmentPrefix {
                    prefix: *prefix,
                    rest: nets.iter().any(|net| net != prefix && prefix.contains(net)),
                    figures: figures(cell),
                })
                .collect(),
        }
    }
}

/// The network that is kept apart: what is announced on its own is mostly no smaller.
fn network(address: IpAddr) -> IpNet {
    let bits = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, bits).unwrap_or_else(|_| address.into()).trunc()
}

#[cfg(test)]
mod tests;
