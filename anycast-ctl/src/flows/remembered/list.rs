//! A list of remembered flows: the first so many in some order, or a page of them as they lie in the maps.

use std::collections::BinaryHeap;

use super::{Entry, Known, Position, Remembered, Wanted};
use crate::{
    api::types::{FlowOrder, FlowsStatus},
    dataplane::{Batch, DataplaneError, now_ticks},
};

/// What is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Which flows.
    pub wanted: Wanted,
    /// How many at most; a page is ended where a batch is, and may be a batch longer.
    pub limit: usize,
    /// In which order; `None`: as they lie in the maps.
    pub order: Option<FlowOrder>,
    /// Where a page begins.
    pub after: Position,
}

/// Lists flows for as long as somebody `wants_it`. Holds as many as are listed, however many there are.
///
/// # Errors
///
/// What the kernel refuses.
pub fn list(
    remembered: &Remembered,
    listing: &Listing,
    wants_it: impl Fn() -> bool,
) -> Result<FlowsStatus, DataplaneError> {
    match listing.order {
        Some(order) => first(remembered, listing, order, wants_it),
        None => page(remembered, listing, wants_it),
    }
}

/// The first in that order.
fn first(
    remembered: &Remembered,
    Listing { wanted, limit, .. }: &Listing,
    order: FlowOrder,
    wants_it: impl Fn() -> bool,
) -> Result<FlowsStatus, DataplaneError> {
    let mut status = FlowsStatus::default();
    // The last one on top: it makes room for one that comes before it.
    let mut first: BinaryHeap<Ranked> = BinaryHeap::with_capacity(limit + 1);
    remembered.read_all(wants_it, |known| {
        status.read += 1;
        if !wanted.matches(&known) {
            return;
        }
        status.matched += 1;
        let ranked = Ranked { rank: rank(order, &known), entry: known.entry };
        if first.len() < *limit {
            first.push(ranked);
        } else if let Some(mut last) = first.peek_mut().filter(|last| ranked < **last) {
            *last = ranked;
        }
    })?;
    let now = now_ticks();
    let sorted = first.into_sorted_vec();
    status.flows = sorted.iter().map(|ranked| remembered.know(ranked.entry, now).status()).collect();
    Ok(status)
}

/// A page.
fn page(
    remembered: &Remembered,
    Listing { wanted, limit, after, .. }: &Listing,
    wants_it: impl Fn() -> bool,
) -> Result<FlowsStatus, DataplaneError> {
    let mut status = FlowsStatus::default();
    let (mut batch, mut next) = (Batch::default(), Some(*after));
    while let Some(at) = next.filter(|_| status.flows.len() < *limit && wants_it()) {
        next = remembered.read(&mut batch, at)?;
        let now = now_ticks();
        for (key, record) in batch.entries() {
            status.read += 1;
            let known = remembered.know(Entry::new(at.state, key, record), now);
            if wanted.matches(&known) {
                status.matched += 1;
                status.flows.push(known.status());
            }
        }
    }
    status.next = next.map(Position::text);
    Ok(status)
}

/// Where a flow comes: by the order that was asked for, and then by itself.
type Rank = (u64, [u8; 16], [u8; 16], [u16; 2], u8);

struct Ranked {
    rank: Rank,
    entry: Entry,
}

fn rank(order: FlowOrder, known: &Known<'_>) -> Rank {
    let first = match order {
        FlowOrder::Age => u64::from(u32::MAX - known.silent_ticks),
        FlowOrder::Recent => known.silent_ticks.into(),
        FlowOrder::Source => 0,
        FlowOrder::Backend => known.backend.map_or(u64::MAX, |backend| backend.place.into()),
        FlowOrder::Vip => known.vip.map_or(u64::MAX, |vip| vip.place.into()),
    };
    let flow = known.entry.flow;
    let ports = [flow.source_port, flow.destination_port];
    (first, flow.source.octets(), flow.destination.octets(), ports, flow.protocol)
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}
