//! Measurements of what passes: packets are shown by taps, and added up on a thread of their own for as long as somebody waits
//! for the outcome.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use anycast_common::{
    slot::NO_BACKEND,
    tap::{Atom, Filter, Term, word, word::Field},
    walk::Walk,
};
use tokio::{runtime::Handle, sync::oneshot, time::timeout_at};

use super::sighting::Sighting;
use crate::observe::{ObserveError, Observer, Record, Subscription, TapSpec};

/// Bytes of each packet: Ethernet with two tags, IPv6 with some extension headers, TCP.
const SNAP_BYTES: u16 = 128;

/// Packets that may wait to be added up.
const QUEUE: usize = 16_384;

/// SYN, RST and ACK.
const HANDSHAKE_FLAGS: u64 = 0x16;
const SYN_ACK: u64 = 0x12;

/// Which packets are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those to VIPs: one of so many.
    Packets,
    /// Those to VIPs, and SYN-ACKs from anybody: those of one flow of so many.
    Flows,
}

/// How it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What.
    pub scope: Scope,
    /// One of so many.
    pub one_in: NonZeroU32,
    /// For how long.
    pub period: Duration,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// How long it took.
    pub period: Duration,
    /// Packets there were.
    pub of: u64,
    /// Packets that were to be looked at and were lost.
    pub lost: u64,
}

/// One packet that was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// What it says.
    pub sighting: Sighting,
    /// Whether it came for a VIP.
    pub is_vip: bool,
    /// Index of the backend it was delivered to.
    pub backend: Option<u16>,
}

/// Has packets added up, and says how that went. `None` when somebody ended it before its time: whoever asked is gone, or the
/// daemon is stopping.
///
/// # Errors
///
/// See [`ObserveError`].
pub async fn measure<T: Send + 'static>(
    observer: &Observer,
    plan: Plan,
    mut sum: T,
    add: impl Fn(&mut T, &Seen) + Send + 'static,
) -> Result<Option<(T, Course)>, ObserveError> {
    let subscription = observer.subscribe(plan.tap()).await?;
    let (reply, answer) = oneshot::channel();
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let course = handle.block_on(follow(subscription, plan.period, &reply, |seen| add(&mut sum, seen)));
        drop(reply.send(course.map(|course| course.map(|course| (sum, course)))));
    });
    answer.await.unwrap_or(Ok(None))
}

/// Takes packets until the time is over.
async fn follow<T>(
    mut subscription: Subscription,
    period: Duration,
    reply: &oneshot::Sender<T>,
    mut add: impl FnMut(&Seen),
) -> Result<Option<Course>, ObserveError> {
    /// How long nobody notices that the one who asked is gone.
    const LOOK: Duration = Duration::from_millis(500);
    let begun = Instant::now();
    while let Some(left) = period.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        if reply.is_closed() {
            return Ok(None);
        }
        let until = tokio::time::Instant::now() + left.min(LOOK);
        loop {
            match timeout_at(until, subscription.next()).await {
                Ok(Some(record)) => Seen::of(&record).iter().for_each(&mut add),
                Ok(None) => return Ok(None),
                Err(_) => break,
            }
            if tokio::time::Instant::now() >= until {
                break;
            }
        }
    }
    let period = begun.elapsed();
    subscription.stop().await;
    while let Some(record) = subscription.next_if_there() {
        Seen::of(&record).iter().for_each(&mut add);
    }
    let tally = subscription.tally()?;
    Ok(Some(Course { period, of: tally.matched, lost: tally.lost + tally.overrun }))
}

impl Seen {
    /// `None` of a packet that says nothing of a flow.
    fn of(record: &Record) -> Option<Self> {
        let Record { walk, monotonic_ns, frame_bytes, bytes, .. } = record;
        let sighting = Sighting::of(bytes, *frame_bytes as usize, *monotonic_ns)?;
        let delivered = walk.reason == 0 && walk.has(Walk::BACKEND) && walk.backend != NO_BACKEND;
        Some(Self { sighting, is_vip: walk.has(Walk::VIP), backend: delivered.then_some(walk.backend) })
    }
}

impl Plan {
    fn tap(&self) -> TapSpec {
        TapSpec {
            filter: self.scope.filter(),
            sample: self.one_in,
            by_flow: self.scope == Scope::Flows,
            per_second: None,
            snap_bytes: SNAP_BYTES,
            before: true,
            after: false,
            queue: QUEUE,
        }
    }
}

impl Scope {
    fn filter(self) -> Filter {
        let to_vip = atom(word::VIP, u64::from(u16::MAX), 1, u64::from(u16::MAX));
        let grants = atom(word::TCP_FLAGS, HANDSHAKE_FLAGS, SYN_ACK, SYN_ACK);
        let of = |place: u32| Term { care: 1 << place, want: 1 << place };
        let filter = match self {
            Self::Packets => Filter::new(&[to_vip], &[of(0)]),
            Self::Flows => Filter::new(&[to_vip, grants], &[of(0), of(1)]),
        };
        // Two tests and two terms have room.
        filter.unwrap_or(Filter::NONE)
    }
}

/// A test whether a field, masked, lies between two values, these included.
fn atom(field: Field, mask: u64, low: u64, high: u64) -> Atom {
    let mut atom = Atom { pair: field.word as u64 / 2, ..Atom::default() };
    let place = field.word % 2;
    let set = |words: &mut [u64; 2], value: u64| {
        if let Some(word) = words.get_mut(place) {
            *word = value << field.shift;
        }
    };
    set(&mut atom.masks, mask);
    set(&mut atom.lows, low);
    set(&mut atom.spans, high - low);
    atom
}

#[cfg(test)]
mod tests {
    use anycast_common::tap::{Facts, matches};

    use super::*;

    /// Facts with that VIP number and those TCP flags.
    fn facts(vip: u64, flags: u64) -> Facts {
        let mut words = [0_u64; 8];
        words[word::VIP.word] |= vip << word::VIP.shift;
        words[word::TCP_FLAGS.word] |= flags << word::TCP_FLAGS.shift;
        // Whatever else is known says nothing.
        words[word::SOURCE_PORT.word] |= 0xabcd << word::SOURCE_PORT.shift;
        words[word::BACKEND.word] |= 0xffff << word::BACKEND.shift;
        let [a, b, c, d, e, f, g, h] = words;
        Facts { pairs: [[a, b], [c, d], [e, f], [g, h]] }
    }

    #[test]
    fn packets_to_vips_are_looked_at_and_replies_where_they_are_wanted() {
        for (vip, flags, packets, flows) in [
            (1, 0x02, true, true),
            (65_535, 0x00, true, true),
            (3, 0x12, true, true),
            (0, 0x12, false, true),
            (0, 0x52, false, true),
            (0, 0x02, false, false),
            (0, 0x10, false, false),
            (0, 0x16, false, false),
            (0, 0x00, false, false),
        ] {
            let facts = facts(vip, flags);
            assert_eq!(matches(&Scope::Packets.filter(), &facts), packets, "{vip} {flags:x}");
            assert_eq!(matches(&Scope::Flows.filter(), &facts), flows, "{vip} {flags:x}");
        }
    }
}
