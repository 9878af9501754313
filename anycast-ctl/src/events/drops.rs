//! When dropped packets are told of: the first at once, then at most a line every [`EVERY`] for each VIP and reason, with
//! the sum. No IO; time is an argument.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anycast_common::reason::{Reason, Verdict};

use crate::api::types::DropEvent;

/// How often drops of one VIP for one reason are told of.
pub const EVERY: Duration = Duration::from_secs(10);

/// What a counter said, and what was told of it.
#[derive(Clone, Copy, Debug)]
struct Tally {
    counted: u64,
    untold: u64,
    /// Since when the packets that are untold may have come.
    since: Instant,
    told: Option<Instant>,
}

/// Follows the counters of drops.
#[derive(Debug, Default)]
pub struct Drops {
    /// By the VIP's number and name, and the code of the reason.
    tallies: BTreeMap<(u16, u32), (Option<String>, Tally)>,
    /// When it looked last; `None`: it knows no counter yet, and what they say is of earlier.
    looked: Option<Instant>,
}

/// One counter, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The VIP's number; 0: that of packets to none.
    pub number: u16,
    /// Its name.
    pub vip: Option<String>,
    /// Why the packets were dropped.
    pub reason: Reason,
    /// How many in all.
    pub packets: u64,
}

impl Drops {
    /// Takes what the counters of all VIPs say, those that are zero left out, and answers with what is to be told.
    pub fn look(&mut self, counts: impl IntoIterator<Item = Count>, now: Instant) -> Vec<DropEvent> {
        let since = self.looked.replace(now);
        let mut seen = BTreeMap::new();
        for Count { number, vip, reason, packets } in counts {
            let key = (number, reason.code());
            let before = self.tallies.remove(&key).filter(|(name, _)| *name == vip).map(|(_, tally)| tally);
            let begun = since.unwrap_or(now);
            // What a counter says at the first look of all was counted before.
            let fresh = Tally {
                counted: if since.is_none() { packets } else { 0 },
                untold: 0,
                since: begun,
                told: None,
            };
            let mut tally = before.unwrap_or(fresh);
            if tally.untold == 0 {
                tally.since = begun;
            }
            // One that was set back counts from zero.
            tally.untold += packets.checked_sub(tally.counted).unwrap_or(packets);
            tally.counted = packets;
            seen.insert(key, (vip, tally));
        }
        self.tallies = seen;
        let due = |tally: &Tally| {
            tally.untold > 0 && tally.told.is_none_or(|told| now.saturating_duration_since(told) >= EVERY)
        };
        let mut told = Vec::new();
        for ((_, code), (vip, tally)) in &mut self.tallies {
            let Some(reason) = Reason::ALL.iter().find(|reason| reason.code() == *code) else { continue };
            if due(tally) {
                told.push(DropEvent {
                    vip: vip.clone(),
                    reason: reason.label().to_owned(),
                    description: reason.description().trim_end_matches('.').to_owned(),
                    packets: std::mem::take(&mut tally.untold),
                    seconds: now.saturating_duration_since(tally.since).as_millis().div_ceil(1_000) as u64,
                    bad: is_bad(*reason),
                });
                tally.told = Some(now);
            }
        }
        told
    }
}

/// Reasons for which packets are dropped.
pub fn reasons() -> impl Iterator<Item = Reason> {
    Reason::ALL.iter().copied().filter(|reason| reason.verdict() == Verdict::Drop)
}

/// Whether the site is to blame, and not the packets: the internet sends bad ones all day.
fn is_bad(reason: Reason) -> bool {
    match reason {
        Reason::NoBackend
        | Reason::BackendUnusable
        | Reason::NoDevice
        | Reason::TooBig
        | Reason::NoHeadroom => true,
        Reason::NotIp
        | Reason::NotVip
        | Reason::Icmp
        | Reason::UnknownPortPassed
        | Reason::UnknownPortDropped
        | Reason::BadHeader
        | Reason::Truncated
        | Reason::BadFragment
        | Reason::ExtensionHeader
        | Reason::TtlExpired
        | Reason::EchoAnswered
        | Reason::TooBigAnswered
        | Reason::BadQuote
        | Reason::EmptyPassed
        | Reason::EmptyReset
        | Reason::EmptyUnreachable => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(number: u16, vip: &str, packets: u64) -> Count {
        Count { number, vip: Some(vip.to_owned()), reason: Reason::UnknownPortDropped, packets }
    }

    fn told(events: Vec<DropEvent>) -> Vec<(String, u64, u64)> {
        events.into_iter().map(|event| (event.vip.unwrap(), event.packets, event.seconds)).collect()
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_together() {
        let (mut drops, start) = (Drops::default(), Instant::now());
        let mut look = |second: u64, packets: u64| {
            let counts = (packets > 0).then(|| count(1, "www", packets));
            told(drops.look(counts, start + Duration::from_secs(second)))
        };
        assert_eq!(look(0, 0), []);
        assert_eq!(look(1, 3), [("www".to_owned(), 3, 1)]);
        for second in 2..11 {
            assert_eq!(look(second, second * 10), [], "{second}");
        }
        assert_eq!(look(11, 103), [("www".to_owned(), 100, 10)]);
        assert_eq!(look(12, 103), []);
        assert_eq!(look(40, 103), []);
        assert_eq!(look(41, 104), [("www".to_owned(), 1, 1)]);
    }

    #[test]
    fn what_was_counted_before_is_not_told_of() {
        let (mut drops, start) = (Drops::default(), Instant::now());
        assert_eq!(drops.look([count(1, "www", 500)], start), []);
        let next = start + Duration::from_secs(1);
        assert_eq!(told(drops.look([count(1, "www", 501)], next)), [("www".to_owned(), 1, 1)]);
    }

    #[test]
    fn a_counter_that_goes_to_another_vip_begins_anew() {
        let (mut drops, start) = (Drops::default(), Instant::now());
        drops.look([count(1, "www", 500)], start);
        let second = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(told(drops.look([count(1, "dns", 7)], second(1))), [("dns".to_owned(), 7, 1)]);
        // It was set back, and has counted since.
        let again = told(drops.look([count(1, "dns", 2)], second(20)));
        assert_eq!(again, [("dns".to_owned(), 2, 19)]);
    }

    #[test]
    fn only_drops_are_looked_for() {
        assert!(reasons().all(|reason| reason.verdict() == Verdict::Drop));
        assert!(reasons().any(|reason| reason == Reason::NoBackend));
        assert!(Reason::ALL.iter().all(|reason| !is_bad(*reason) || reason.verdict() == Verdict::Drop));
    }
}
