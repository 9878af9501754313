//! The checker without its IO: whom to ask next, and what the answers come to. Time is an argument, since the checker started.
//!
//! ```text
//!             roster ──▶ ┌────────┐ ◀── ended ── answers
//!                        │ engine │
//!   questions ◀── due ── └────────┘ ── standings ──▶ controller
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::discriminant,
    net::IpAddr,
    slice,
    sync::Arc,
    time::Duration,
};

use super::{
    happening::Happening,
    load::LoadReport,
    pool::Pool,
    probe::{Outcome, Target},
    report,
    roster::Roster,
    site::{self, Extent},
    spec::Spec,
    standing::{Key, SavedJudges, Standings},
    subject::Subject,
};
use crate::model::Feedback;

#[cfg(test)]
mod tests;

/// Questions to backends that have one open already: one in so many backends may be asked so, and these many at least.
const FURTHER_PART: u32 = 20;
const LEAST_FURTHER: u32 = 16;

/// Everybody who is checked, and when.
#[derive(Debug)]
pub struct Engine {
    /// Whether there was no roster yet.
    is_new: bool,
    pools: BTreeMap<Arc<str>, Pool>,
    /// Who is to be asked what, and when.
    queue: BTreeSet<(Duration, Key, What)>,
    /// What a daemon before this one knew, of those that were not met since.
    saved: SavedJudges,
    /// Backends that there ever were.
    met: u32,
    /// Questions that there ever were.
    asked: u64,
    /// Those that are not answered.
    asking: u32,
    /// Those of them that are not the only one to their backend.
    further: u32,
    random: u64,
    extent: Extent,
    happenings: Vec<Happening>,
    /// Whether standings may be others than they were.
    is_changed: bool,
}

/// What a backend is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Whether it serves.
    Check,
    /// How loaded it is.
    Load,
}

/// One question to be put.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its number, to be given back with the answer.
    pub number: u64,
    /// Who is asked.
    pub key: Key,
    /// What, and where.
    pub asked: Asked,
}

/// What is asked, and where.
#[derive(Clone, Debug)]
pub enum Asked {
    /// Whether the backend serves, each address under the name of its VIP, if it is one. All must pass.
    Check(Arc<Spec>, Arc<[(String, Target)]>),
    /// How loaded it is.
    Load(Arc<Feedback>, Target),
}

/// What came of a question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Asked::Check`].
    Check(Outcome),
    /// To [`Asked::Load`].
    Load(Result<LoadReport, String>),
}

impl Engine {
    /// Knows what a daemon before this one knew, and nobody to ask yet. `seed` makes for the jitter.
    pub fn new(saved: SavedJudges, seed: u64) -> Self {
        Self {
            is_new: true,
            pools: BTreeMap::new(),
            queue: BTreeSet::new(),
            saved,
            met: 0,
            asked: 0,
            asking: 0,
            further: 0,
            random: seed | 1,
            extent: Extent::default(),
            happenings: Vec::new(),
            is_changed: true,
        }
    }

    /// Takes others to be checked. Whoever is checked as before is not disturbed; whoever was serving without being checked
    /// stays in service until its checks have said something.
    pub fn set_roster(&mut self, roster: &Roster, serving: &BTreeSet<(String, IpAddr)>, now: Duration) {
        self.pools.retain(|name, _| roster.pools.contains_key(name));
        for (name, wanted) in &roster.pools {
            let pool = self.pools.entry(Arc::clone(name)).or_insert_with(|| Pool::new(wanted));
            pool.subjects.retain(|address, _| wanted.backends.contains_key(address));
            for (&address, entry) in &wanted.backends {
                let key = Key { pool: Arc::clone(name), address };
                if let Some(subject) = pool.subjects.get_mut(&address) {
                    if subject.take(entry) {
                        subject.queued = Some(now);
                        self.queue.insert((now, key, What::Check));
                    }
                    continue;
                }
                let saved = self.saved.remove(&key);
                let was_serving = serving.contains(&(name.to_string(), address));
                let mut subject = Subject::new(entry, saved.as_ref(), self.met, now);
                subject.is_first = self.is_new;
                self.met = self.met.wrapping_add(1);
                if saved.map_or(was_serving, |saved| saved.in_service) {
                    pool.admit(address, entry.backup);
                }
                self.queue.extend(subject.queued.map(|at| (at, key, What::Check)));
                pool.subjects.insert(address, subject);
            }
            pool.set(wanted);
            for (&address, subject) in &mut pool.subjects {
                if let Some(at) = subject.begin_loads(wanted.feedback.as_ref(), now) {
                    self.queue.insert((at, Key { pool: Arc::clone(name), address }, What::Load));
                }
            }
        }
        self.queue.retain(|(at, key, what)| {
            let subject = self.pools.get(&key.pool).and_then(|pool| pool.subjects.get(&key.address));
            subject.is_some_and(|subject| subject.queued_for(*what) == Some(*at))
        });
        // Whoever is not there now is gone.
        self.saved.clear();
        self.is_new = false;
        self.further =
            self.pools.values().flat_map(|pool| pool.subjects.values()).map(Subject::further).sum();
        let names: Vec<Arc<str>> = self.pools.keys().cloned().collect();
        self.evaluate(&names, now);
        self.is_changed = true;
    }

    /// When something is to be done without an answer; `None`: never.
    pub fn next_at(&self) -> Option<Duration> {
        let first = self.queue.first().map(|(at, ..)| *at);
        self.pools.values().filter_map(|pool| pool.wake_at).chain(first).min()
    }

    /// Questions that are due, at most so many; they count as put.
    pub fn due(&mut self, now: Duration, most: usize) -> Vec<Question> {
        let mut questions = Vec::new();
        while questions.len() < most
            && let Some((at, ..)) = self.queue.first()
            && *at <= now
            && let Some((_, key, what)) = self.queue.pop_first()
        {
            let pool = self.pools.get_mut(&key.pool);
            let Some(subject) = pool.and_then(|pool| pool.subjects.get_mut(&key.address)) else { continue };
            let is_further = what == What::Check && subject.is_asked();
            if is_further && self.further >= LEAST_FURTHER.max(self.met / FURTHER_PART) {
                // Everybody is slow: to ask more would make that worse. The next question follows the answer.
                subject.queued = None;
                continue;
            }
            let number = self.asked;
            let asked = match what {
                What::Check => subject.ask(number, now),
                What::Load => subject.ask_load(key.address, number, now),
            };
            match asked {
                Some(asked) => {
                    self.asked += 1;
                    self.asking += 1;
                    self.further += u32::from(is_further);
                    if what == What::Check {
                        // In case that there is no answer.
                        self.requeue(&key, now);
                    }
                    questions.push(Question { number, key, asked });
                }
                // Nobody can be asked at the moment: later, perhaps.
                None => self.requeue(&key, now),
            }
        }
        questions
    }

    /// Questions that are put and not answered.
    pub fn asking(&self) -> u32 {
        self.asking
    }

    /// How long the question that is most overdue has been.
    pub fn lag(&self, now: Duration) -> Duration {
        self.queue.first().map(|(at, ..)| now.saturating_sub(*at)).unwrap_or_default()
    }

    /// Takes the answer to a question. That of one that is checked otherwise by now, or not at all, is none.
    pub fn ended(&mut self, key: &Key, number: u64, answer: Answer, now: Duration) {
        self.asking = self.asking.saturating_sub(1);
        match answer {
            Answer::Check(outcome) => self.checked(key, number, outcome, now),
            Answer::Load(report) => self.reported(key, number, report, now),
        }
    }

    fn reported(&mut self, key: &Key, number: u64, report: Result<LoadReport, String>, now: Duration) {
        let Some(pool) = self.pools.get_mut(&key.pool) else { return };
        let Some(subject) = pool.subjects.get_mut(&key.address) else { return };
        let Some(next) = subject.reported(number, now) else { return };
        self.queue.insert((next, key.clone(), What::Load));
        if pool.note_load(key, report, now, &mut self.happenings) {
            self.is_changed = true;
            self.evaluate(slice::from_ref(&key.pool), now);
        }
    }

    fn checked(&mut self, key: &Key, number: u64, outcome: Outcome, now: Duration) {
        let Some(pool) = self.pools.get_mut(&key.pool) else { return };
        let Some(subject) = pool.subjects.get_mut(&key.address) else { return };
        if subject.is_asked_further() {
            self.further = self.further.saturating_sub(1);
        }
        let Some(answered) = subject.ended(number, outcome, now) else { return };
        self.happenings.extend(answered.happenings(key, subject));
        let (concerns, changes) = (pool.is_concerned(&answered), answered.changes());
        self.requeue(key, now);
        if concerns {
            self.evaluate_soon(&key.pool, now);
        }
        self.is_changed |= changes;
    }

    /// Does what is due without an answer: patience that ends, shares that grow.
    pub fn tick(&mut self, now: Duration) {
        let is_due = |pool: &&Pool| pool.wake_at.is_some_and(|at| at <= now);
        let due: Vec<Arc<str>> =
            self.pools.iter().filter(|(_, pool)| is_due(pool)).map(|(name, _)| Arc::clone(name)).collect();
        if !due.is_empty() {
            self.evaluate(&due, now);
        }
    }

    /// What happened since this was last called.
    pub fn happenings(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings)
    }

    /// What it all comes to, if that may have changed since this was last called.
    pub fn standings(&mut self, now: Duration) -> Option<Standings> {
        std::mem::take(&mut self.is_changed).then(|| Standings {
            pools: self.pools.iter().map(|(name, pool)| (Arc::clone(name), pool.standing(now))).collect(),
            extent: self.extent.clone(),
        })
    }

    /// What must survive the daemon.
    pub fn saved(&self, now: Duration) -> SavedJudges {
        let of_pool = |(name, pool): (&Arc<str>, &Pool)| {
            let name = Arc::clone(name);
            pool.saved(now)
                .into_iter()
                .map(move |(address, saved)| (Key { pool: Arc::clone(&name), address }, saved))
                .collect::<Vec<_>>()
        };
        self.pools.iter().flat_map(of_pool).chain(self.saved.clone()).collect()
    }

    /// Every pool.
    pub fn pools(&self) -> &BTreeMap<Arc<str>, Pool> {
        &self.pools
    }

    /// Whether everybody was judged, or cannot be.
    pub fn is_settled(&self) -> bool {
        !self.is_new && self.pools.values().flat_map(|pool| pool.subjects.values()).all(report::is_settled)
    }

    /// How far failures reach.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Decides anew, but not for each of thousands of answers that come together.
    fn evaluate_soon(&mut self, name: &Arc<str>, now: Duration) {
        if self.pools.get_mut(name).is_some_and(|pool| pool.is_to_evaluate(now)) {
            self.evaluate(slice::from_ref(name), now);
        }
    }

    /// Decides anew in these pools, and then, once, how far failures reach in all there are.
    fn evaluate(&mut self, names: &[Arc<str>], now: Duration) {
        names.iter().for_each(|name| self.evaluate_pool(name, now));
        self.judge_extent();
    }

    fn evaluate_pool(&mut self, name: &Arc<str>, now: Duration) {
        let Some(pool) = self.pools.get_mut(name) else { return };
        let evaluated = pool.evaluate(name, now);
        self.happenings.extend(evaluated.happenings);
        self.is_changed |= evaluated.is_changed;
        for address in evaluated.ask {
            let key = Key { pool: Arc::clone(name), address };
            let Some(subject) = self.pools.get_mut(name).and_then(|pool| pool.subjects.get_mut(&address))
            else {
                continue;
            };
            if subject.hurry(now) {
                self.requeue_at(&key, now);
            }
        }
    }

    fn judge_extent(&mut self) {
        let pools: Vec<site::Pool<'_>> = self.pools.iter().map(|(name, pool)| pool.seen(name)).collect();
        let extent = Extent::of(&pools);
        if discriminant(&extent) != discriminant(&self.extent) {
            self.happenings.push(Happening::Extent { before: self.extent.clone(), after: extent.clone() });
        }
        self.is_changed |= extent != self.extent;
        self.extent = extent;
    }

    /// Puts whoever has no question open into the queue.
    fn requeue(&mut self, key: &Key, now: Duration) {
        let random = self.random();
        let subject = self.pools.get_mut(&key.pool).and_then(|pool| pool.subjects.get_mut(&key.address));
        if let Some(at) = subject.and_then(|subject| subject.next(now, random)) {
            self.requeue_at(key, at);
        }
    }

    fn requeue_at(&mut self, key: &Key, at: Duration) {
        let pool = self.pools.get_mut(&key.pool);
        let Some(subject) = pool.and_then(|pool| pool.subjects.get_mut(&key.address)) else { return };
        if let Some(before) = subject.queued.replace(at) {
            self.queue.remove(&(before, key.clone(), What::Check));
        }
        self.queue.insert((at, key.clone(), What::Check));
    }

    /// xorshift64 (Marsaglia 2003): jitter is no secret.
    fn random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 32) as u32
    }
}
