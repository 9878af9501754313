//! The last events, so that somebody who comes later learns of them. Memory is bounded by number and by size.

use std::{collections::VecDeque, sync::Arc};

use super::Since;
use crate::moment::Moment;

/// Bytes that an event may have on an average: when all together have more, the oldest go though fewer are kept than wanted.
const BYTES_PER_EVENT: usize = 1_024;

/// One event, written once for all who are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub sequence: u64,
    /// When it happened.
    pub at: Moment,
    /// Its kind.
    pub kind: &'static str,
    /// All of it, a [`Told`](crate::api::types::Told) as JSON.
    pub json: String,
}

/// The last events, the oldest first.
#[derive(Debug)]
pub struct Ring {
    keep: usize,
    bytes: usize,
    /// The number that the first event had, or will have.
    first: u64,
    /// The number that the next one gets.
    next: u64,
    kept: VecDeque<Arc<Kept>>,
}

/// What somebody is told of earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The number of the event behind which it begins.
    pub after: u64,
    /// Events that were asked for and are no longer kept, as far as that is known.
    pub missed: u64,
    /// The events.
    pub events: Vec<Arc<Kept>>,
}

impl Ring {
    /// Keeps so many, and numbers them from the present millisecond on: above the numbers of any daemon before, as none tells
    /// more than one event a millisecond for long.
    pub fn new(keep: usize, now: Moment) -> Self {
        let first = now.unix_ms().max(1);
        Self { keep, bytes: 0, first, next: first, kept: VecDeque::new() }
    }

    /// The number that the next event gets.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Takes the next event.
    pub fn push(&mut self, event: Arc<Kept>) {
        self.next = event.sequence.saturating_add(1);
        self.bytes += event.json.len();
        self.kept.push_back(event);
        while self.kept.len() > self.keep || self.bytes > self.keep * BYTES_PER_EVENT {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= oldest.json.len();
        }
    }

    /// What is kept from a place on; `None`: nothing of earlier is wanted.
    pub fn since(&self, since: Option<Since>, now: Moment) -> Replay {
        let newest = self.next - 1;
        let place = match since {
            None => return Replay { after: newest, missed: 0, events: Vec::new() },
            // Of a daemon whose clock was ahead: everything of this one came later.
            Some(Since::Sequence(sequence)) if sequence > newest => Place::After(0),
            Some(Since::Sequence(sequence)) => Place::After(sequence),
            Some(Since::Moment(moment)) => Place::At(moment),
            Some(Since::Ago(period)) => Place::At(now.before(period)),
        };
        let is_meant = |event: &&Arc<Kept>| match place {
            Place::After(sequence) => event.sequence > sequence,
            Place::At(moment) => event.at >= moment,
        };
        let events: Vec<_> = self.kept.iter().filter(is_meant).cloned().collect();
        let oldest = self.kept.front().map_or(self.next, |event| event.sequence);
        match place {
            Place::After(sequence) => {
                let after = sequence.max(self.first - 1);
                let missed = oldest.saturating_sub(after.saturating_add(1));
                Replay { after: after + missed, missed, events }
            }
            Place::At(_) => {
                let after = events.first().map_or(newest, |event| event.sequence - 1);
                Replay { after, missed: 0, events }
            }
        }
    }
}

/// A place among the events that are kept.
#[derive(Clone, Copy)]
enum Place {
    After(u64),
    At(Moment),
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const BEGUN: Moment = Moment::from_unix_ms(1_000);

    /// One whose events follow each other by a second.
    fn ring(keep: usize, events: u64, bytes: usize) -> Ring {
        let mut ring = Ring::new(keep, BEGUN);
        for number in 0..events {
            let at = BEGUN.after(Duration::from_secs(number));
            let json = "x".repeat(bytes);
            ring.push(Arc::new(Kept { sequence: ring.next(), at, kind: "drift", json }));
        }
        ring
    }

    fn numbers(replay: &Replay) -> Vec<u64> {
        replay.events.iter().map(|event| event.sequence).collect()
    }

    #[test]
    fn the_last_are_kept_and_told_from_any_place() {
        let ring = ring(4, 10, 10);
        let now = BEGUN.after(Duration::from_secs(9));
        for (since, after, missed, events) in [
            (None, 1_009, 0, vec![]),
            (Some(Since::Sequence(1_007)), 1_007, 0, vec![1_008, 1_009]),
            (Some(Since::Sequence(1_009)), 1_009, 0, vec![]),
            (Some(Since::Sequence(1_003)), 1_005, 2, vec![1_006, 1_007, 1_008, 1_009]),
            // Of the daemon before.
            (Some(Since::Sequence(17)), 1_005, 6, vec![1_006, 1_007, 1_008, 1_009]),
            (Some(Since::Sequence(5_000)), 1_005, 6, vec![1_006, 1_007, 1_008, 1_009]),
            (Some(Since::Ago(Duration::from_secs(1))), 1_007, 0, vec![1_008, 1_009]),
            (Some(Since::Moment(now)), 1_008, 0, vec![1_009]),
            (Some(Since::Moment(now.after(Duration::from_secs(1)))), 1_009, 0, vec![]),
            (Some(Since::Ago(Duration::MAX)), 1_005, 0, vec![1_006, 1_007, 1_008, 1_009]),
        ] {
            let replay = ring.since(since, now);
            assert_eq!((replay.after, replay.missed, numbers(&replay)), (after, missed, events), "{since:?}");
        }
    }

    #[test]
    fn nothing_was_missed_of_a_daemon_that_began_since() {
        let young = ring(4, 3, 10);
        let replay = young.since(Some(Since::Sequence(17)), BEGUN);
        assert_eq!((replay.after, replay.missed, numbers(&replay)), (999, 0, vec![1_000, 1_001, 1_002]));
        let none = ring(0, 3, 10).since(Some(Since::Sequence(17)), BEGUN);
        assert_eq!((none.after, none.missed, numbers(&none)), (1_002, 3, vec![]));
    }

    #[test]
    fn long_events_are_kept_in_smaller_number() {
        let ring = ring(10, 10, 5_000);
        assert_eq!(numbers(&ring.since(Some(Since::Sequence(0)), BEGUN)), [1_008, 1_009]);
    }

    proptest! {
        /// Whoever goes on from what it was told last learns of each event once, or how many it missed.
        #[test]
        fn no_event_is_told_twice_or_lost_without_a_word(
            keep in 0..6_usize,
            steps in prop::collection::vec((0..9_u64, any::<bool>()), 1..20),
        ) {
            let mut ring = Ring::new(keep, BEGUN);
            let (mut last, mut told, mut missed) = (0, 0, 0);
            for (events, asks) in steps {
                for _ in 0..events {
                    let json = String::new();
                    ring.push(Arc::new(Kept { sequence: ring.next(), at: BEGUN, kind: "drift", json }));
                }
                if asks {
                    let replay = ring.since(Some(Since::Sequence(last)), BEGUN);
                    let expected: Vec<u64> = (replay.after + 1..ring.next()).collect();
                    prop_assert_eq!(numbers(&replay), expected);
                    (told, missed) = (told + replay.events.len() as u64, missed + replay.missed);
                    last = ring.next() - 1;
                    prop_assert_eq!(told + missed, ring.next() - BEGUN.unix_ms());
                }
            }
        }
    }
}
