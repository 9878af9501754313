//! Packets in are packets delivered and packets counted: what each edge's program says, beside what links and backends counted.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{counters::Counters, site::LOCAL};
use crate::lab::Family;

/// One edge's books.
#[derive(Clone, Debug, Serialize)]
pub struct EdgeRow {
    pub edge: String,
    /// Sent to it by transit.
    pub offered: u64,
    /// Taken by its port.
    pub taken: u64,
    /// Delivered by its program.
    pub delivered: u64,
    pub passed: u64,
    pub dropped: u64,
    pub answered: u64,
    /// Of the delivered ones, those of its own VIPs: its own stack got them.
    pub delivered_here: u64,
    /// What its own stack got.
    pub stack: u64,
    /// Lost on cables.
    pub overflow: u64,
    /// Packets of each reason.
    pub reasons: BTreeMap<String, u64>,
}

impl EdgeRow {
    /// Whether every packet is in one counter, and those that are the stack's came there.
    pub fn agrees(&self) -> bool {
        self.offered == self.taken
            && self.taken == self.delivered + self.passed + self.dropped + self.answered
            && self.stack == self.passed + self.delivered_here
    }
}

/// One server's books, of one VIP.
#[derive(Clone, Debug, Serialize)]
pub struct ServerRow {
    pub server: String,
    pub family: Family,
    /// Delivered to it, by all edges.
    pub delivered: u64,
    /// What its host got.
    pub arrived: u64,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    pub edges: Vec<EdgeRow>,
    pub servers: Vec<ServerRow>,
}

impl Books {
    /// What was counted between two readings.
    pub fn between(before: &Counters, after: &Counters) -> Self {
        let mut edges = Vec::new();
        let mut delivered = BTreeMap::<(String, String), u64>::new();
        for (edge, after) in &after.edges {
            let Some(before) = before.edges.get(edge) else { continue };
            let mut row = EdgeRow {
                edge: edge.clone(),
                offered: after.offered - before.offered,
                taken: after.taken - before.taken,
                delivered: after.all_delivered - before.all_delivered,
                passed: 0,
                dropped: 0,
                answered: 0,
                delivered_here: 0,
                stack: after.stack - before.stack,
                overflow: after.overflow - before.overflow,
                reasons: BTreeMap::new(),
            };
            for ((verdict, reason), packets) in &after.reasons {
                let earlier = before.reasons.get(&(verdict.clone(), reason.clone())).copied().unwrap_or(0);
                let packets = packets - earlier;
                match verdict.as_str() {
                    "pass" => row.passed += packets,
                    "drop" => row.dropped += packets,
                    _ => row.answered += packets,
                }
                if packets > 0 {
                    row.reasons.insert(reason.clone(), packets);
                }
            }
            for ((vip, backend), packets) in &after.delivered {
                let earlier = before.delivered.get(&(vip.clone(), backend.clone())).copied().unwrap_or(0);
                if edge == LOCAL && backend == LOCAL {
                    row.delivered_here += packets - earlier;
                }
                *delivered.entry((vip.clone(), backend.clone())).or_default() += packets - earlier;
            }
            edges.push(row);
        }
        let servers = after.arrivals.iter().map(|((server, family), arrived)| {
            let key = (server.clone(), *family);
            let earlier = before.arrivals.get(&key).map_or(0, |earlier| earlier.packets);
            let vip = (family.vip_name().to_owned(), server.clone());
            ServerRow {
                server: server.clone(),
                family: *family,
                delivered: delivered.get(&vip).copied().unwrap_or(0),
                arrived: arrived.packets - earlier,
            }
        });
        Self { edges, servers: servers.collect() }
    }

    /// What does not agree.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for row in self.edges.iter().filter(|row| !row.agrees()) {
            faults.push(format!("the books of {} do not agree: {row:?}", row.edge));
        }
        for row in self.servers.iter().filter(|row| row.delivered != row.arrived) {
            faults.push(format!(
                "{:?}: {} packets were delivered to {}, and {} arrived there",
                row.family, row.delivered, row.server, row.arrived
            ));
        }
        let delivered: u64 = self.edges.iter().map(|row| row.delivered - row.delivered_here).sum();
        let arrived: u64 = self.servers.iter().map(|row| row.arrived).sum();
        if delivered != arrived {
            faults.push(format!("the edges delivered {delivered} packets to servers, and {arrived} arrived"));
        }
        if delivered == 0 {
            faults.push("no packet was delivered at all".to_owned());
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> EdgeRow {
        EdgeRow {
            edge: "a1".to_owned(),
            offered: 110,
            taken: 110,
            delivered: 70,
            passed: 20,
            dropped: 15,
            answered: 5,
            delivered_here: 3,
            stack: 23,
            overflow: 0,
            reasons: BTreeMap::new(),
        }
    }

    #[test]
    fn a_packet_that_is_in_no_counter_is_found() {
        let server =
            ServerRow { server: "a-web1".to_owned(), family: Family::V4, delivered: 67, arrived: 67 };
        let good = Books { edges: vec![row()], servers: vec![server.clone()] };
        assert!(good.faults().is_empty(), "{:?}", good.faults());
        for wrong in [
            EdgeRow { offered: 111, ..row() },
            EdgeRow { taken: 111, offered: 111, ..row() },
            EdgeRow { stack: 22, ..row() },
        ] {
            let books = Books { edges: vec![wrong], ..good.clone() };
            assert_eq!(books.faults().len(), 1, "{:?}", books.faults());
        }
        let lost = Books { servers: vec![ServerRow { arrived: 66, ..server }], ..good };
        assert_eq!(lost.faults().len(), 2, "{:?}", lost.faults());
    }
}
