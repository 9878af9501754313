//! Who sends most, by what passes: heavy hitters.

use std::net::IpAddr;

use anycast_common::address::Address;
use ipnet::IpNet;

use super::{
    SiteNames,
    estimate::Sample,
    heavy::{Count, Heavy},
    measure::Seen,
};
use crate::api::types::{TopBy, TopRow};

/// Counters: whoever sends more than one packet in so many is found.
const COUNTERS: usize = 8_192;

/// By what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// By what.
    pub by: TopBy,
    /// Length of IPv4 prefixes, where it is by prefix.
    pub v4_bits: u8,
    /// Length of IPv6 prefixes, where it is by prefix.
    pub v6_bits: u8,
}

/// A count under way.
#[derive(Debug)]
pub struct Top {
    grouping: Grouping,
    heavy: Heavy<Key>,
    packets: u64,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Network(IpNet),
    Backend(Option<u16>),
    Vip(Address),
}

impl Top {
    /// Nothing counted yet.
    pub fn new(grouping: Grouping) -> Self {
        Self { grouping, heavy: Heavy::new(COUNTERS), packets: 0, bytes: 0 }
    }

    /// Counts a packet.
    pub fn note(&mut self, seen: &Seen) {
        let Seen { sighting, backend, .. } = seen;
        let key = match self.grouping.by {
            TopBy::Source => Key::Network(IpAddr::from(sighting.flow.source).into()),
            TopBy::Prefix => Key::Network(self.grouping.prefix(sighting.flow.source.into())),
            TopBy::Backend => Key::Backend(*backend),
            TopBy::Vip => Key::Vip(sighting.flow.destination),
        };
        self.packets += 1;
        self.bytes += u64::from(sighting.bytes);
        self.heavy.count(&key, sighting.bytes.into());
    }

    /// Packets and bytes that were counted.
    pub fn counted(&self) -> (u64, u64) {
        (self.packets, self.bytes)
    }

    /// The first so many, by what `names` call them.
    pub fn rows(self, sample: &Sample, names: &SiteNames, limit: usize) -> Vec<TopRow> {
        let ranked = self.heavy.ranked().into_iter();
        // Of what passed once while others made room for it nothing is known.
        let known = ranked.filter(|(_, count)| count.packets() > 0).take(limit);
        known.map(|(key, count)| row(name(key, names), count, sample)).collect()
    }
}

impl Grouping {
    fn prefix(&self, address: IpAddr) -> IpNet {
        let bits = if address.is_ipv4() { self.v4_bits } else { self.v6_bits };
        let whole = IpNet::from(address);
        IpNet::new(address, bits).map_or(whole, |prefix| prefix.trunc())
    }
}

fn name(key: Key, names: &SiteNames) -> String {
    match key {
        Key::Network(net) if net.prefix_len() == net.max_prefix_len() => net.addr().to_string(),
        Key::Network(net) => net.to_string(),
        Key::Backend(None) => "(not delivered)".to_owned(),
        Key::Backend(Some(index)) => names.backend(index).map_or_else(
            || format!("(index {index})"),
            |backend| format!("{}/{}", backend.pool, backend.name),
        ),
        Key::Vip(address) => {
            names.vip(&address).map_or_else(|| IpAddr::from(address).to_string(), |vip| vip.name.clone())
        }
    }
}

fn row(name: String, count: Count, sample: &Sample) -> TopRow {
    let packets = count.packets();
    TopRow {
        name,
        sampled_packets: packets,
        share: sample.share(packets),
        share_error: sample.share_error(packets) + sample.share(count.overcount),
        packets_per_second: sample.rate(packets),
        packets_error: sample.rate_error(packets) + sample.rate(count.overcount),
        bits_per_second: sample.rate(count.bytes * 8),
    }
}

#[cfg(test)]
mod tests;
