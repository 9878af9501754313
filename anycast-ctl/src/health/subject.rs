//! One backend under check: its judge, what it answered, and the question that is open.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::{
    engine::{Asked, What},
    happening::Happening,
    history::{History, Kind},
    pace::Phase,
    probe::{Finding, Outcome, Target},
    roster::{Assignment, Entry},
    spec::{Probe, Rhythm},
    standing::{Key, SavedJudge},
    verdict::{self, Change, Judge, Verdict},
};
use crate::model::Feedback;

/// Questions to a silent backend that may be open at once.
const MOST_OPEN: usize = 8;

/// Being up that long takes one fall out of memory.
const FORGET: Duration = Duration::from_secs(600);

/// One backend.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What is wanted of it.
    pub entry: Entry,
    /// Its judge.
    pub judge: Judge,
    /// Its last results.
    pub history: History,
    /// Whether the answers to its checks ask for a drain.
    check_drains: bool,
    /// Whether its agent does.
    pub agent_drains: bool,
    /// Why its last check failed.
    pub reason: Option<Arc<str>>,
    /// Why it could not be asked, if it could not.
    pub trouble: Option<Arc<str>>,
    /// When it came into service while others served, if its share still grows.
    pub came_up: Option<Duration>,
    /// When it is to be asked next, if that is known.
    pub queued: Option<Duration>,
    /// Why its agent calls it down, if it does.
    pub agent_down: Option<Arc<str>>,
    /// How it is asked for its load.
    loads: Option<Loading>,
    /// Whether it was there when the checker started, and has not been judged since.
    pub is_first: bool,
    phase: Phase,
    /// Questions that are open, and when they were put: more than one while there is no answer for longer than the fast
    /// interval, so that a backend that falls silent is found as soon as one that refuses.
    open: Vec<(u64, Duration)>,
    /// When the last question was put.
    asked_at: Option<Duration>,
    /// Whether it is to be asked again as soon as an open question is answered.
    hurried: bool,
}

/// How a backend is asked for its load.
#[derive(Clone, Debug)]
struct Loading {
    feedback: Arc<Feedback>,
    /// The question that is open, and when it was put.
    open: Option<(u64, Duration)>,
    queued: Option<Duration>,
}

/// How a history has it.
const fn kind(finding: Finding) -> Kind {
    match finding {
        Finding::Passed => Kind::Passed,
        Finding::Failed => Kind::Failed,
        Finding::Drain => Kind::Drain,
        Finding::Inconclusive => Kind::Inconclusive,
    }
}

/// What checks decide about, for a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing: it is in service.
    Unchecked,
    /// Whether it gets flows.
    Member,
    /// Whether the flows that it has reach it: it is draining.
    Leaving,
    /// Nothing: its agent calls it down.
    Stopped,
}

/// What an answer changed.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// The verdict.
    pub change: Option<Change>,
    /// Whether the check failed.
    pub failed: bool,
    /// Whether it was the first to pass after others, or to fail.
    pub turned: bool,
    /// Whether it asks for a drain from this answer on, or no longer.
    pub drain: Option<bool>,
    /// Whether there was trouble from this answer on, or no longer.
    pub trouble: Option<bool>,
}

impl Subject {
    /// The n-th that is met, with what was known of it.
    pub fn new(entry: &Entry, saved: Option<&SavedJudge>, n: u32, now: Duration) -> Self {
        let phase = Phase::nth(n);
        let rhythm = entry.check.as_ref().map(|check| check.spec.rhythm);
        let asked_drain = saved.is_some_and(|saved| saved.asks_drain);
        let by_check = entry.check.as_ref().is_some_and(|check| check.spec.can_ask_for_drain());
        Self {
            entry: entry.clone(),
            judge: saved.map_or_else(Judge::new, |saved| Judge::resume(&saved.judge, now)),
            history: History::default(),
            check_drains: asked_drain && by_check,
            agent_drains: asked_drain && !by_check,
            reason: None,
            trouble: None,
            came_up: None,
            queued: rhythm.map(|rhythm| phase.first(now, &rhythm)),
            agent_down: None,
            loads: None,
            is_first: false,
            phase,
            open: Vec::new(),
            asked_at: None,
            hurried: false,
        }
    }

    /// Takes what is wanted of it. Whether it is to be asked at once, as it is asked otherwise now, or can be asked again.
    pub fn take(&mut self, entry: &Entry) -> bool {
        let spec = |entry: &Entry| entry.check.as_ref().map(|check| Arc::clone(&check.spec));
        let reachable = |entry: &Entry| entry.check.as_ref().is_some_and(|check| check.targets.is_ok());
        let other = spec(&self.entry) != spec(entry);
        let again = reachable(entry) && !reachable(&self.entry);
        self.entry = entry.clone();
        if other {
            self.open.clear();
            self.check_drains = false;
            self.hurried = false;
        }
        if entry.check.is_none() {
            (self.queued, self.reason, self.trouble) = (None, None, None);
        }
        entry.check.is_some() && (other || again) && self.open.is_empty()
    }

    /// How many results make a verdict.
    pub fn rules(&self) -> Option<verdict::Rules> {
        let Rhythm { rise, fall, hold_down, hold_down_max, .. } = self.rhythm()?;
        Some(verdict::Rules { rise, fall, hold_down, hold_down_max, forget: FORGET })
    }

    /// When it is asked.
    pub fn rhythm(&self) -> Option<Rhythm> {
        self.entry.check.as_ref().map(|check| check.spec.rhythm)
    }

    /// Whether it asks to be drained.
    pub fn asks_drain(&self) -> bool {
        self.check_drains || self.agent_drains
    }

    /// What checks decide about.
    pub fn role(&self) -> Role {
        match (&self.entry.check, self.entry.active && !self.asks_drain()) {
            _ if self.agent_down.is_some() => Role::Stopped,
            (None, _) => Role::Unchecked,
            (Some(_), true) => Role::Member,
            (Some(_), false) => Role::Leaving,
        }
    }

    /// Puts the question of that number, if it can be put.
    pub fn ask(&mut self, number: u64, now: Duration) -> Option<Asked> {
        self.queued = None;
        self.asked_at = Some(now);
        let Assignment { spec, targets } = self.entry.check.as_ref()?;
        match targets {
            Ok(targets) => {
                self.open.push((number, now));
                Some(Asked::Check(Arc::clone(spec), Arc::clone(targets)))
            }
            Err(why) => {
                self.trouble = Some(why.as_str().into());
                None
            }
        }
    }

    /// Takes how it is asked for its load; when to do so first, if that is something else than before.
    pub fn begin_loads(&mut self, feedback: Option<&Arc<Feedback>>, now: Duration) -> Option<Duration> {
        if feedback.is_none() {
            (self.agent_drains, self.agent_down) = (false, None);
        }
        if self.loads.as_ref().map(|loads| &loads.feedback) == feedback {
            return None;
        }
        let at = feedback.map(|feedback| self.phase.within(now, feedback.interval));
        self.loads =
            feedback.map(|feedback| Loading { feedback: Arc::clone(feedback), open: None, queued: at });
        at
    }

    /// Puts the question for its load.
    pub fn ask_load(&mut self, address: IpAddr, number: u64, now: Duration) -> Option<Asked> {
        let loads = self.loads.as_mut()?;
        loads.queued = None;
        loads.open = Some((number, now));
        let target = Target::new((address, loads.feedback.port).into(), &*self.entry.name);
        Some(Asked::Load(Arc::clone(&loads.feedback), target))
    }

    /// Notes that a question for its load was answered; when the next one is due, if it was the open one.
    pub fn reported(&mut self, number: u64, now: Duration) -> Option<Duration> {
        let loads = self.loads.as_mut()?;
        let (_, asked_at) = loads.open.take_if(|(open, _)| *open == number)?;
        loads.queued = Some((asked_at + loads.feedback.interval).max(now));
        loads.queued
    }

    /// When it is to be asked for that.
    pub fn queued_for(&self, what: What) -> Option<Duration> {
        match what {
            What::Check => self.queued,
            What::Load => self.loads.as_ref().and_then(|loads| loads.queued),
        }
    }

    /// Takes an answer, if it is that to the open question.
    pub fn ended(&mut self, number: u64, outcome: Outcome, now: Duration) -> Option<Answered> {
        let position = self.open.iter().position(|(open, _)| *open == number)?;
        let (_, started) = self.open.swap_remove(position);
        let rules = self.rules()?;
        let Outcome { finding, latency, detail } = outcome;
        let detail: Arc<str> = detail.into();
        self.history.note(kind(finding), now, latency, &detail);
        let mut answered = Answered::default();
        if finding == Finding::Inconclusive {
            answered.trouble = self.trouble.is_none().then_some(true);
            self.trouble = Some(detail);
            return Some(answered);
        }
        answered.trouble = self.trouble.take().map(|_| false);
        // A later question was answered: what became of this one says nothing any more.
        if finding == Finding::Failed && self.judge.last_pass_started() > Some(started) {
            return Some(answered);
        }
        let (passed, before) = (finding != Finding::Failed, self.judge.failed());
        answered.failed = !passed;
        answered.turned = passed != (before == 0) || self.judge.streak().is_none();
        answered.change = self.judge.note(passed, started, now, &rules);
        if !passed {
            self.reason = Some(detail);
        }
        let drain = finding == Finding::Drain;
        // What fails says nothing about what it wants.
        if passed && drain != self.check_drains {
            self.check_drains = drain;
            answered.drain = Some(drain);
        }
        Some(answered)
    }

    /// Wants it to be asked at once. Whether it can be: an open question must be answered first.
    pub fn hurry(&mut self, now: Duration) -> bool {
        self.hurried = self.open.len() >= self.most_open();
        !self.hurried && self.queued.is_none_or(|at| at > now) && self.entry.check.is_some()
    }

    /// Whether a question is open.
    pub fn is_asked(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether more than one is.
    pub fn is_asked_further(&self) -> bool {
        self.further() > 0
    }

    /// How many are, beyond the first.
    pub fn further(&self) -> u32 {
        self.open.len().saturating_sub(1) as u32
    }

    /// How many questions may be open at once. Programs are not run twice at a time.
    fn most_open(&self) -> usize {
        let spec = self.entry.check.as_ref().map(|check| &check.spec);
        let overlaps = spec.is_some_and(|spec| {
            !matches!(spec.probe, Probe::Exec { .. }) && spec.rhythm.timeout > spec.rhythm.fast_interval
        });
        if overlaps { MOST_OPEN } else { 1 }
    }

    /// When it is to be asked next, if it can be.
    pub fn next(&mut self, now: Duration, random: u32) -> Option<Duration> {
        let rhythm = self.rhythm().filter(|_| self.open.len() < self.most_open())?;
        if std::mem::take(&mut self.hurried) {
            return Some(now);
        }
        let started = self.asked_at.unwrap_or(now);
        if !self.open.is_empty() {
            return Some((started + rhythm.fast_interval).max(now));
        }
        let is_unsure = self.judge.is_unsure() && self.trouble.is_none();
        Some(self.phase.next(started, now, is_unsure, &rhythm, random))
    }

    /// What must survive the daemon.
    pub fn saved(&self, in_service: bool, now: Duration) -> SavedJudge {
        let rules = self.rules().unwrap_or_default();
        SavedJudge { judge: self.judge.saved(now, &rules), in_service, asks_drain: self.asks_drain() }
    }
}

impl Answered {
    /// Whether standings are others by it.
    pub fn changes(&self) -> bool {
        self.change.is_some() || self.drain.is_some()
    }

    /// What to tell of it.
    pub fn happenings(&self, key: &Key, subject: &Subject) -> Vec<Happening> {
        let of = || (key.clone(), Arc::clone(&subject.entry.name));
        let verdict = self.change.map(|Change { before, after }| {
            let (key, backend) = of();
            let reason = subject.reason.clone().filter(|_| after == Verdict::Down);
            Happening::Verdict { key, backend, before, after, reason }
        });
        let drain = self.drain.map(|begins| {
            let (key, backend) = of();
            Happening::Drain { key, backend, begins }
        });
        let trouble = self.trouble.map(|_| {
            let (key, backend) = of();
            Happening::Trouble { key, backend, why: subject.trouble.clone() }
        });
        verdict.into_iter().chain(drain).chain(trouble).collect()
    }
}
