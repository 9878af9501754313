//! One pool under check: whom its judge keeps in service, and with which share.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use super::{
    happening::Happening,
    load::{LoadReport, Loads},
    mass::{self, Member, Panic},
    ramp::Ramp,
    roster::PoolRoster,
    standing::{Key, Moved},
    subject::{Answered, Role, Subject},
    verdict::Verdict,
};
use crate::model::MinHealthy;

mod standing;

/// Between two decisions, in which every member is looked at.
const SHORTEST_REST: Duration = Duration::from_millis(5);

/// One pool.
#[derive(Debug)]
pub struct Pool {
    /// Its backends, by address.
    pub subjects: BTreeMap<IpAddr, Subject>,
    /// When it has something to do without an answer.
    pub wake_at: Option<Duration>,
    evaluated_at: Duration,
    judge: mass::Mass<IpAddr>,
    /// Judges the backups, who are not this site's.
    backup_judge: mass::Mass<IpAddr>,
    rules: mass::Rules,
    min_healthy: Option<MinHealthy>,
    ramp: Option<Ramp>,
    loads: Option<Loads>,
    /// Draining backends that are down.
    gone: BTreeSet<IpAddr>,
    panic: Option<Panic>,
    /// Whether all have failed but backups.
    is_relieved: bool,
    /// Whether it was said to have too few healthy backends.
    lacks: bool,
    /// Whether each answer may matter to the others.
    is_alert: bool,
    /// What last changed who is in service.
    moved: Option<Moved>,
}

/// What an evaluation came to.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// Who is to be asked at once.
    pub ask: Vec<IpAddr>,
    /// Whether standings are others.
    pub is_changed: bool,
    /// What to tell.
    pub happenings: Vec<Happening>,
}

impl Pool {
    /// One without backends so far.
    pub fn new(wanted: &PoolRoster) -> Self {
        Self {
            subjects: BTreeMap::new(),
            wake_at: None,
            evaluated_at: Duration::ZERO,
            judge: mass::Mass::new([]),
            backup_judge: mass::Mass::new([]),
            rules: wanted.rules,
            min_healthy: wanted.min_healthy,
            ramp: wanted.ramp,
            loads: wanted.feedback.as_deref().map(Loads::new),
            gone: BTreeSet::new(),
            panic: None,
            is_relieved: false,
            lacks: false,
            is_alert: false,
            moved: None,
        }
    }

    /// Has a backend in service that was before it was checked.
    pub fn admit(&mut self, address: IpAddr, backup: bool) {
        if backup { self.backup_judge.admit(address) } else { self.judge.admit(address) }
    }

    /// Takes what is wanted of the pool.
    pub fn set(&mut self, wanted: &PoolRoster) {
        self.rules = wanted.rules;
        self.min_healthy = wanted.min_healthy;
        for (&address, subject) in &self.subjects {
            // Whoever becomes a backup, or is none any more, stays in service.
            let (to, from) = if subject.entry.backup {
                (&mut self.backup_judge, &self.judge)
            } else {
                (&mut self.judge, &self.backup_judge)
            };
            if from.in_service().contains(&address) {
                to.admit(address);
            }
        }
        if self.ramp != wanted.ramp {
            // Those whose share grows have it at once.
            self.subjects.values_mut().for_each(|subject| subject.came_up = None);
            self.ramp = wanted.ramp;
        }
        if self.loads.as_ref().map(Loads::feedback) != wanted.feedback.as_deref() {
            self.loads = wanted.feedback.as_deref().map(Loads::new);
        }
    }

    /// Takes what a backend says of its load; answers whether that changes how it stands.
    pub fn note_load(
        &mut self,
        key: &Key,
        report: Result<LoadReport, String>,
        now: Duration,
        happenings: &mut Vec<Happening>,
    ) -> bool {
        let Some(loads) = &mut self.loads else { return false };
        let is_changed = loads.note(key.address, report, now);
        let agent = loads.agent(key.address);
        let (drains, down) = agent.map(|agent| (agent.asks_drain(), agent.down())).unwrap_or_default();
        let Some(subject) = self.subjects.get_mut(&key.address) else { return false };
        let of = || (key.clone(), Arc::clone(&subject.entry.name));
        if drains != subject.agent_drains {
            let (key, backend) = of();
            happenings.push(Happening::Drain { key, backend, begins: drains });
        }
        if down.as_deref() != subject.agent_down.as_deref() {
            let (key, backend) = of();
            happenings.push(Happening::Agent { key, backend, why: down.as_deref().map(Arc::from) });
        }
        subject.agent_drains = drains;
        subject.agent_down = down.map(Arc::from);
        is_changed
    }

    /// Moves shares by load, when it is time to.
    fn balance(&mut self, now: Duration) -> bool {
        let Some(loads) = &mut self.loads else { return false };
        let present: Vec<IpAddr> = self.subjects.keys().copied().collect();
        let regulated = self.subjects.iter().filter(|(address, subject)| {
            let serves = match subject.role() {
                Role::Unchecked => true,
                Role::Member => self.judge.in_service().contains(address),
                Role::Leaving | Role::Stopped => false,
            };
            // What load backups have is another site's.
            serves && !subject.entry.backup && subject.came_up.is_none()
        });
        let regulated: Vec<IpAddr> = regulated.map(|(address, _)| *address).collect();
        loads.decide(now, &present, &regulated)
    }

    /// Whether an answer may change who is in service.
    pub fn is_concerned(&self, answered: &Answered) -> bool {
        self.is_alert || answered.failed || answered.turned || answered.changes()
    }

    /// Whether it is time to decide anew; if not, it will be soon.
    pub fn is_to_evaluate(&mut self, now: Duration) -> bool {
        let rested = self.evaluated_at + SHORTEST_REST;
        if now < rested {
            self.wake_at = Some(self.wake_at.map_or(rested, |at| at.min(rested)));
        }
        now >= rested
    }

    /// Decides anew.
    pub fn evaluate(&mut self, name: &Arc<str>, now: Duration) -> Evaluated {
        self.evaluated_at = now;
        let (members, backups) = (self.members(false), self.members(true));
        // While there is somebody whom no check takes out, backups take over from nobody.
        let stand_ins = if self.has_unchecked() { &[][..] } else { &backups };
        let served = [self.judge.in_service().len(), self.backup_judge.in_service().len()];
        let outcome = self.judge.evaluate(now, &self.rules, &members, stand_ins);
        let of_backups = self.backup_judge.evaluate(now, &self.rules, &backups, &members);

        let mut evaluated = Evaluated::default();
        let judged = [(&outcome, &members), (&of_backups, &backups)];
        for ((outcome, members), served) in judged.into_iter().zip(served) {
            evaluated.ask.extend(&outcome.ask);
            evaluated.is_changed |= !outcome.put_in.is_empty() || !outcome.taken_out.is_empty();
            // Who comes up while most serve grows into its share; where most come up together all are alike.
            let grows = self.ramp.is_some() && served * 2 >= members.len();
            for address in &outcome.put_in {
                let Some(subject) = self.subjects.get_mut(address) else { continue };
                subject.came_up = (grows && !subject.is_first).then_some(now);
                subject.is_first = false;
            }
        }
        let moved = [&outcome.taken_out, &of_backups.taken_out, &outcome.put_in, &of_backups.put_in];
        self.note_moved(name, &moved.map(Vec::as_slice).concat());
        for subject in self.subjects.values_mut() {
            subject.is_first &= subject.judge.verdict() != Verdict::Down;
        }
        let alone = if members.is_empty() { &of_backups } else { &outcome };
        evaluated.is_changed |= self.judge_leaving(&[&members[..], &backups].concat(), alone.panic.is_some());
        evaluated.is_changed |= self.end_ramps(now) | self.balance(now);

        if outcome.panic.is_some() != self.panic.is_some() {
            evaluated.happenings.push(Happening::Panic { pool: Arc::clone(name), panic: outcome.panic });
        }
        evaluated.is_changed |= outcome.panic != self.panic;
        self.panic = outcome.panic;
        self.is_relieved = outcome.is_relieved;
        let lacks = !self.is_enough() && members.iter().all(|member| member.verdict != Verdict::Unknown);
        if lacks != self.lacks {
            let (healthy, of) = self.healthy();
            let pool = Arc::clone(name);
            evaluated.happenings.push(Happening::Enough { pool, healthy, of, enough: !lacks });
            self.lacks = lacks;
        }
        self.is_alert =
            [&outcome, &of_backups].iter().any(|it| it.panic.is_some() || it.wait_until.is_some())
                || self.subjects.values().any(|subject| subject.judge.failed() > 0);
        let growing = self.subjects.values().filter_map(|subject| self.grown(subject, now)?.1);
        let decides = self.loads.as_ref().and_then(Loads::next_at).map(|at| at.max(now + SHORTEST_REST));
        self.wake_at = growing.chain(outcome.wait_until).chain(of_backups.wait_until).chain(decides).min();
        evaluated
    }

    /// Notes that these came into service, or left it.
    fn note_moved(&mut self, name: &Arc<str>, moved: &[IpAddr]) {
        let Some((first, others)) = moved.split_first() else { return };
        let Some(subject) = self.subjects.get(first) else { return };
        let verdict = subject.judge.verdict();
        let mut why = format!("backend {name}/{} ({first}) is {verdict}", subject.entry.name);
        if let Some(reason) = subject.reason.as_ref().filter(|_| verdict == Verdict::Down) {
            why.push_str(&format!(": {reason}"));
        }
        if !others.is_empty() {
            why.push_str(&format!("; so it is with {} more", others.len()));
        }
        let times = self.moved.as_ref().map_or(0, |moved| moved.times) + 1;
        self.moved = Some(Moved { times, why: why.into() });
    }

    /// Whom a judge judges: the backups, or the others.
    fn members(&self, backups: bool) -> Vec<Member<IpAddr>> {
        let is_meant = |subject: &Subject| subject.role() == Role::Member && subject.entry.backup == backups;
        let meant = self.subjects.iter().filter(|(_, subject)| is_meant(subject));
        meant
            .filter_map(|(&address, subject)| Some(Member::of(address, &subject.judge, &subject.rules()?)))
            .collect()
    }

    /// Whether somebody takes flows whatever checks say.
    fn has_unchecked(&self) -> bool {
        self.subjects.values().any(|subject| {
            let Subject { entry, .. } = subject;
            !entry.backup && entry.active && !subject.asks_drain() && subject.role() == Role::Unchecked
        })
    }

    /// A draining backend that is down is believed to be once a check of a member has passed since it failed.
    fn judge_leaving(&mut self, members: &[Member<IpAddr>], in_panic: bool) -> bool {
        let newest = members.iter().filter_map(|member| member.last_pass_started).max();
        let mut is_changed = false;
        for (&address, subject) in &self.subjects {
            let is_down = subject.role() == Role::Leaving && subject.judge.verdict() == Verdict::Down;
            let witnessed = || {
                let since = subject.judge.failing().map(|failing| failing.first_started);
                members.is_empty() || newest >= since
            };
            let was = self.gone.contains(&address);
            let is = is_down && (was || !in_panic && witnessed());
            if is != was {
                is_changed = true;
                if is {
                    self.gone.insert(address)
                } else {
                    self.gone.remove(&address)
                };
            }
        }
        self.gone.retain(|address| self.subjects.contains_key(address));
        is_changed
    }

    /// Whether a share came to another step.
    fn end_ramps(&mut self, now: Duration) -> bool {
        let Some(ramp) = self.ramp else { return false };
        let growing = self.subjects.values().any(|subject| subject.came_up.is_some());
        for subject in self.subjects.values_mut() {
            subject.came_up = subject.came_up.filter(|came_up| now.saturating_sub(*came_up) < ramp.period);
        }
        growing
    }

    /// The share that has grown, and when it grows on.
    fn grown(&self, subject: &Subject, now: Duration) -> Option<(u16, Option<Duration>)> {
        let (ramp, came_up) = self.ramp.zip(subject.came_up)?;
        let elapsed = now.saturating_sub(came_up);
        Some((ramp.per_mille(elapsed), ramp.next_step(elapsed).map(|at| came_up + at)))
    }
}
