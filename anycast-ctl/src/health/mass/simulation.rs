//! A checker, its network and its backends, without sockets: times are drawn, not waited for.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use anycast_common::hash::mix64;
use proptest::prelude::*;

use super::{Mass, Member, Outcome, Rules};
use crate::health::verdict::{self, Change, Judge, Verdict};

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How backends are checked.
#[derive(Clone, Debug)]
pub struct Plan {
    pub backends: usize,
    pub threshold: u8,
    pub interval_ms: u64,
    pub fast_ms: u64,
    pub timeout_ms: u64,
    /// A check that passes takes at most that.
    pub latency_ms: u64,
    pub rise: u32,
    pub fall: u32,
    pub seed: u64,
}

/// Any plan for some number of backends.
pub fn plan(backends: Range<usize>, threshold: Range<u8>) -> impl Strategy<Value = Plan> {
    let times = (200_u64..3000, 1_u64..=100, 50_u64..3000, 1_u64..=100);
    (backends, threshold, times, 1_u32..4, 1_u32..4, any::<u64>()).prop_map(
        |(backends, threshold, (interval_ms, fast, timeout_ms, latency), rise, fall, seed)| Plan {
            backends,
            threshold,
            interval_ms,
            fast_ms: (interval_ms * fast / 100).max(20),
            timeout_ms,
            latency_ms: (timeout_ms * latency / 100).max(1),
            rise,
            fall,
            seed,
        },
    )
}

impl Plan {
    pub fn rules(&self) -> Rules {
        Rules {
            panic_threshold: self.threshold,
            patience: ms(2 * self.timeout_ms + 10),
            steer_unchecked: false,
        }
    }

    pub fn verdict_rules(&self) -> verdict::Rules {
        verdict::Rules { rise: self.rise, fall: self.fall, ..verdict::Rules::default() }
    }

    /// After that everybody is up, if nothing fails.
    pub fn warm(&self) -> Duration {
        ms(self.interval_ms + 5 * (self.fast_ms + self.timeout_ms))
    }

    /// After that a failure of everything is known of everybody.
    pub fn falling(&self) -> Duration {
        ms(self.interval_ms + 5 * (self.interval_ms + self.timeout_ms))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    End { passed: bool, started: Duration },
    Start,
    Wait,
}

/// What happened to somebody, for the properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    Changed(Change),
    PutIn,
    TakenOut,
}

/// When somebody's checks, or everybody's, cannot pass.
pub type Outage = Range<Duration>;

/// Runs a pool.
pub struct Simulation {
    plan: Plan,
    /// Everybody's.
    pub cut: Vec<Outage>,
    /// One backend's.
    pub outages: BTreeMap<usize, Vec<Outage>>,
    /// Whether failures are known at once, as when a connection is refused, after the timeout, or in turns.
    pub refused: Option<bool>,
    pub mass: Mass<usize>,
    pub judges: Vec<Judge>,
    pub log: Vec<(Duration, usize, Happened)>,
    /// When there was panic, or had ended.
    pub panics: Vec<(Duration, bool)>,
    events: BTreeMap<(Duration, Event, usize), ()>,
    /// Of each backend: the next start if none is under way, and whether one is to follow at once.
    next: Vec<(Option<Duration>, bool)>,
    draws: u64,
}

impl Simulation {
    pub fn new(plan: &Plan) -> Self {
        let mut simulation = Self {
            plan: plan.clone(),
            cut: Vec::new(),
            outages: BTreeMap::new(),
            refused: None,
            mass: Mass::new([]),
            judges: vec![Judge::new(); plan.backends],
            log: Vec::new(),
            panics: vec![(Duration::ZERO, false)],
            events: BTreeMap::new(),
            next: vec![(None, false); plan.backends],
            draws: 0,
        };
        for backend in 0..plan.backends {
            let phase = ms(simulation.draw(0..plan.interval_ms));
            simulation.schedule(backend, phase);
        }
        simulation
    }

    fn draw(&mut self, range: Range<u64>) -> u64 {
        self.draws += 1;
        range.start + mix64(self.plan.seed ^ mix64(self.draws)) % (range.end - range.start)
    }

    fn schedule(&mut self, backend: usize, at: Duration) {
        if let Some(earlier) = self.next[backend].0.replace(at) {
            self.events.remove(&(earlier, Event::Start, backend));
        }
        self.events.insert((at, Event::Start, backend), ());
    }

    pub fn run(&mut self, until: Duration) {
        while let Some((&(now, event, backend), ())) = self.events.first_key_value()
            && now < until
        {
            self.events.pop_first();
            match event {
                Event::Start => self.start(backend, now),
                Event::End { passed, started } => self.end(backend, passed, started, now),
                Event::Wait => self.evaluate(now),
            }
        }
    }

    fn start(&mut self, backend: usize, now: Duration) {
        self.next[backend] = (None, false);
        let latency = ms(self.draw(0..self.plan.latency_ms));
        let outages = self.cut.iter().chain(self.outages.get(&backend).into_iter().flatten());
        let failed = outages
            .filter(|outage| outage.start <= now + latency && now < outage.end)
            .min_by_key(|o| o.start);
        let (passed, end) = match failed {
            None => (true, now + latency),
            Some(outage) => {
                let outage = outage.start;
                let refused = self.refused.unwrap_or_else(|| self.draw(0..2) == 0);
                (false, if refused { outage.max(now) } else { now + ms(self.plan.timeout_ms) })
            }
        };
        self.events.insert((end, Event::End { passed, started: now }, backend), ());
    }

    fn end(&mut self, backend: usize, passed: bool, started: Duration, now: Duration) {
        let rules = self.plan.verdict_rules();
        if let Some(change) = self.judges[backend].note(passed, started, now, &rules) {
            self.log.push((now, backend, Happened::Changed(change)));
        }
        let pause = if self.judges[backend].is_unsure() { self.plan.fast_ms } else { self.plan.interval_ms };
        let again = self.next[backend].1;
        self.schedule(backend, if again { now } else { (started + ms(pause)).max(now) });
        self.evaluate(now);
    }

    fn evaluate(&mut self, now: Duration) {
        let rules = self.plan.verdict_rules();
        let members: Vec<Member<usize>> =
            (0..).zip(&self.judges).map(|(key, judge)| Member::of(key, judge, &rules)).collect();
        let Outcome { put_in, taken_out, panic, ask, wait_until, is_relieved: _ } =
            self.mass.evaluate(now, &self.plan.rules(), &members, &[]);
        self.log.extend(put_in.into_iter().map(|key| (now, key, Happened::PutIn)));
        self.log.extend(taken_out.into_iter().map(|key| (now, key, Happened::TakenOut)));
        if self.panics.last().is_some_and(|(_, panicking)| *panicking != panic.is_some()) {
            self.panics.push((now, panic.is_some()));
        }
        for key in ask {
            match self.next[key] {
                (Some(_), _) => self.schedule(key, now),
                // One is under way.
                (None, _) => self.next[key].1 = true,
            }
        }
        if let Some(until) = wait_until {
            assert!(until > now, "waiting for what has passed");
            self.events.insert((until, Event::Wait, 0), ());
        }
    }

    pub fn when(&self, backend: usize, what: Happened) -> Option<Duration> {
        let mut found = self.log.iter().filter(|(_, who, happened)| *who == backend && *happened == what);
        found.next_back().map(|(at, _, _)| *at)
    }

    pub fn taken_out(&self) -> Vec<(Duration, usize)> {
        let out = self.log.iter().filter(|(_, _, happened)| *happened == Happened::TakenOut);
        out.map(|(at, who, _)| (*at, *who)).collect()
    }

    pub fn is_all_up(&self) -> bool {
        self.judges.iter().all(|judge| judge.verdict() == Verdict::Up)
            && self.mass.in_service().len() == self.judges.len()
    }
}
