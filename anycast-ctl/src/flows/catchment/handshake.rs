//! Round trips of TCP handshakes, from their first and third packet.
//!
//! ```text
//!  client                edge               backend
//!    │ ───── SYN ───────▶ │ ─── SYN ────────▶ │      at the edge: begun
//!    │ ◀──────────────────── SYN-ACK ──────── │      past the edge, mostly
//!    │ ───── ACK ───────▶ │                          at the edge: the round trip is over
//! ```
//!
//! What passes between the two is the way from the edge to the backend, the backend's time to answer, the way from there to the
//! client, and the client's way to the edge. Where the SYN-ACK passes the edge too, its part is known.
//!
//! A SYN that is repeated is not measured (Karn and Partridge, SIGCOMM 1987): nobody knows which one was answered.

use std::collections::{HashMap, VecDeque, hash_map::Entry};

use anycast_common::{flow::Flow, parse::protocol};

use super::super::sighting::Sighting;
use crate::api::types::HandshakesStatus;

/// Handshakes that are waited for at a time.
const OPEN: usize = 32_768;

/// How long an answer is waited for.
const PATIENCE_NS: u64 = 10_000_000_000;

/// Handshakes under way.
#[derive(Debug, Default)]
pub struct Handshakes {
    open: HashMap<Flow, Begun>,
    /// Flows in the order they began, with when they did: some are over.
    order: VecDeque<(Flow, u64)>,
    status: HandshakesStatus,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    at_ns: u64,
    sequence: u32,
    /// Bytes that came with the SYN (RFC 7413): the ACK may be for them as well.
    payload: u32,
    repeated: bool,
    replied_ns: Option<u64>,
}

/// What a packet is to its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It opens it.
    Opened,
    /// It ends it.
    Finished {
        /// Since it was opened, in microseconds.
        rtt_us: u32,
        /// Since the reply, where it was seen, in microseconds.
        reply_rtt_us: Option<u32>,
    },
}

impl Handshakes {
    /// Takes note of a packet from a client. `None` when it neither opens nor ends a handshake that can be measured.
    pub fn note(&mut self, seen: &Sighting) -> Option<Step> {
        let segment = seen.tcp.filter(|_| seen.flow.protocol == protocol::TCP)?;
        self.give_up(seen.at_ns);
        if segment.opens() {
            return self.open(seen, segment.sequence, segment.payload);
        }
        let Entry::Occupied(entry) = self.open.entry(seen.flow) else { return None };
        let begun = *entry.get();
        let acknowledged = segment.sequence.wrapping_sub(begun.sequence);
        let fits = (1..=begun.payload.saturating_add(1)).contains(&acknowledged);
        if !segment.goes_on() || !fits {
            // A reset, or the end of another connection between the same ports: it tells nothing.
            if !segment.goes_on() {
                entry.remove();
                self.status.unfinished += 1;
            }
            return None;
        }
        entry.remove();
        if begun.repeated {
            self.status.repeated += 1;
            return None;
        }
        self.status.measured += 1;
        let since = |then: u64| u32::try_from(seen.at_ns.saturating_sub(then) / 1_000).unwrap_or(u32::MAX);
        Some(Step::Finished { rtt_us: since(begun.at_ns), reply_rtt_us: begun.replied_ns.map(since) })
    }

    /// Takes note of a packet to a client.
    pub fn note_reply(&mut self, seen: &Sighting) {
        if !seen.tcp.is_some_and(|segment| segment.grants()) {
            return;
        }
        let Flow { source, destination, source_port, destination_port, protocol } = seen.flow;
        let flow = Flow {
            source: destination,
            destination: source,
            source_port: destination_port,
            destination_port: source_port,
            protocol,
        };
        if let Some(begun) = self.open.get_mut(&flow) {
            let acknowledged = seen.tcp.map(|segment| segment.acknowledgement.wrapping_sub(begun.sequence));
            if acknowledged.is_some_and(|bytes| (1..=begun.payload.saturating_add(1)).contains(&bytes)) {
                // A reply that is repeated is as doubtful as a SYN.
                begun.repeated |= begun.replied_ns.is_some();
                begun.replied_ns = Some(seen.at_ns);
            }
        }
    }

    /// What became of all of them.
    pub fn finish(self) -> HandshakesStatus {
        let open = self.open.len() as u64;
        HandshakesStatus { unfinished: self.status.unfinished + open, ..self.status }
    }

    fn open(&mut self, seen: &Sighting, sequence: u32, payload: u32) -> Option<Step> {
        let begun = Begun { at_ns: seen.at_ns, sequence, payload, repeated: false, replied_ns: None };
        if let Some(held) = self.open.get_mut(&seen.flow) {
            if held.sequence == sequence {
                held.repeated = true;
                return None;
            }
            // The ports are used anew.
            *held = begun;
            self.status.unfinished += 1;
        } else {
            if self.order.len() >= OPEN {
                self.give_up_first();
            }
            self.open.insert(seen.flow, begun);
        }
        self.order.push_back((seen.flow, seen.at_ns));
        if self.order.len() > OPEN {
            self.give_up_first();
        }
        self.status.opened += 1;
        Some(Step::Opened)
    }

    /// No longer waits for those that began too long ago.
    fn give_up(&mut self, now_ns: u64) {
        while let Some((flow, began)) = self.order.front().copied() {
            if now_ns.saturating_sub(began) <= PATIENCE_NS {
                return;
            }
            self.order.pop_front();
            self.status.unfinished += u64::from(self.forget(&flow, began));
        }
    }

    /// No longer waits for the one that began first.
    fn give_up_first(&mut self) {
        if let Some((flow, began)) = self.order.pop_front() {
            self.status.displaced += u64::from(self.forget(&flow, began));
        }
    }

    /// Whether there was one that began then.
    fn forget(&mut self, flow: &Flow, began: u64) -> bool {
        let is_it = self.open.get(flow).is_some_and(|begun| begun.at_ns == began);
        if is_it {
            self.open.remove(flow);
        }
        is_it
    }
}

#[cfg(test)]
mod tests;
