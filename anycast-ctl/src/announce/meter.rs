//! How much traffic a VIP has, from samples of its counters. No IO.

use std::time::Duration;

use super::machine::Calm;

/// What was counted for a VIP so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Packets to any backend.
    pub packets: u64,
    /// Those of them that went to backends which are no backups.
    pub own_packets: u64,
    /// Flows that were opened.
    pub new_flows: u64,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Packets a second.
    pub packets: u64,
    /// Those of them that go to backends which are no backups.
    pub own_packets: u64,
    /// New flows a second.
    pub new_flows: u64,
}

/// Fewer packets a second than that are what strays to any address.
const STRAYS: u64 = 2;

/// Routers have stopped to send when this part of the packets is left.
const PART: u64 = 20;

/// A meter of one VIP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    last: Option<(Duration, Sample)>,
    /// None before there are two samples.
    rates: Option<Rates>,
    /// When its own backends last got something, or it was first looked at.
    own_active: Duration,
    /// The most packets a second that it saw.
    most: u64,
}

impl Meter {
    /// Takes a sample.
    pub fn note(&mut self, now: Duration, sample: Sample) {
        let Some((at, before)) = self.last.replace((now, sample)) else {
            self.own_active = now;
            return;
        };
        let per_second = |is: u64, was: u64| {
            let milliseconds = now.saturating_sub(at).as_millis().max(1);
            u64::try_from(u128::from(is.saturating_sub(was)) * 1_000 / milliseconds).unwrap_or(u64::MAX)
        };
        let rates = Rates {
            packets: per_second(sample.packets, before.packets),
            own_packets: per_second(sample.own_packets, before.own_packets),
            new_flows: per_second(sample.new_flows, before.new_flows),
        };
        self.rates = Some(rates);
        self.most = self.most.max(rates.packets);
        // Counters that begin anew are no sign of quiet.
        if sample.own_packets != before.own_packets {
            self.own_active = now;
        }
    }

    /// Forgets: nobody looks any more.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// What the last two samples come to; `None` before there are two.
    pub fn rates(&self) -> Option<Rates> {
        self.rates
    }

    /// What a route that leaves waits for.
    pub fn calm(&self, now: Duration) -> Calm {
        let Some(rates) = self.rates else { return Calm::default() };
        Calm {
            own_quiet: now.saturating_sub(self.own_active),
            is_settled: true,
            is_calm: rates.packets <= STRAYS.max(self.most / PART),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn sample(packets: u64, own_packets: u64) -> Sample {
        Sample { packets, own_packets, new_flows: packets / 10 }
    }

    #[test]
    fn rates_are_of_the_time_between_two_samples() {
        let mut meter = Meter::default();
        meter.note(at(1), sample(1_000, 400));
        meter.note(at(3), sample(3_000, 1_400));
        assert_eq!(meter.rates(), Some(Rates { packets: 1_000, own_packets: 500, new_flows: 100 }));
    }

    #[test]
    fn backups_do_not_count_as_activity_of_its_own() {
        let mut meter = Meter::default();
        meter.note(at(1), sample(0, 0));
        meter.note(at(2), sample(100, 100));
        meter.note(at(9), sample(5_000, 100));
        assert_eq!(meter.calm(at(9)).own_quiet, at(7));
    }

    #[test]
    fn calm_is_a_twentieth_of_what_was_or_next_to_nothing() {
        let mut meter = Meter::default();
        assert!(!meter.calm(at(0)).is_calm, "nobody knows");
        meter.note(at(1), sample(0, 0));
        assert!(!meter.calm(at(1)).is_calm, "one sample says nothing");
        meter.note(at(2), sample(1_000, 0));
        assert!(!meter.calm(at(2)).is_calm);
        meter.note(at(3), sample(1_051, 0));
        assert!(!meter.calm(at(3)).is_calm);
        meter.note(at(4), sample(1_101, 0));
        assert!(meter.calm(at(4)).is_calm);
        let mut silent = Meter::default();
        silent.note(at(1), sample(7, 7));
        silent.note(at(2), sample(7, 7));
        assert!(silent.calm(at(2)).is_calm);
    }
}
