//! A pool's judge against mass failure: who is in service, when each backend has its own verdict. No IO.
//!
//! When many backends fail at once, it is rather the checker that is cut off. So a backend that went down is only taken
//! out once others have *witnessed* that checks can pass: by a check that started after the first failure of the accused
//! one was known, and passed. Whatever made that failure, the witness's check came later. Members are *bad* when they are
//! down or failed their last check, and *unheard* while nothing of theirs is new enough:
//!
//! | members of the pool | the accused is |
//! |---|---|
//! | bad ones > `panic_threshold` | kept: panic. Nobody is taken out, the alarm is raised |
//! | bad and unheard ones > `panic_threshold` | kept, and the unheard are asked; after `patience` silence is bad |
//! | otherwise | taken out |
//!
//! Panic ends when the bad ones are no more than the threshold. The others' recovery proves nothing about who was kept:
//! perhaps its own next check passes too. It is accused again by a failure of a check that started afterwards.
//!
//! Members may have *stand-ins* that have a judge of their own: backups, if the members are the others of the pool, and the
//! others, if they are the backups. When every member in service is down, a stand-in that is up can take over, and is
//! witness that the checker is not cut off. Then members are taken out in spite of panic: each whose check failed while a
//! stand-in was good, and after whose failure one passed. What failed while no stand-in was good proves nothing, as before.
//!
//! ```text
//!             fails                taken out
//!   trusted ─────────▶ accused ────────────────▶ out of service
//!      ▲  ▲  up           │  ▲                        │
//!      │  └───────────────┤  │ fails again            │ up
//!      │            panic ▼  │                        │
//!      │  up           doubted                        │
//!      └─────────────────┴────────────────────────────┘
//! ```
//!
//! What that means for small pools without backups, all of whose backends were in service:
//!
//! | backends | threshold | down | in service |
//! |---:|---:|---:|---|
//! | 1 | 0 to 99 | 1 | the one, and the alarm: nothing tells it from a checker cut off, and nobody could take over |
//! | 2 | 50 to 99 | 1 | the other one |
//! | 2 | 50 to 99 | 2 | whoever was there before the last one failed, and the alarm |
//! | 2 | 0 to 49 | 1 or 2 | both, and the alarm |
//! | 3 | 34 to 66 | 1 | the other two |
//! | 3 | 34 to 66 | 2 or 3 | the two there were before the second one failed, and the alarm |
//! | 3 | 67 to 99 | 2 | the third one |
//! | any | 0 | any | all, and the alarm: checks take nobody out |
//! | any | 100 | any | those that are up, even if that is nobody: there is no panic |

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use self::relief::Relief;
use super::verdict::{self, Judge, Streak, Verdict};

mod relief;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

/// How a pool deals with mass failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// When more than this share is bad, nobody is taken out. Percent.
    pub panic_threshold: u8,
    /// How long somebody who was asked may be silent: the time a check may take, twice if a new one has to wait for one
    /// that is under way, and some more.
    pub patience: Duration,
    /// Whether flows are steered to backends that nobody has checked yet.
    pub steer_unchecked: bool,
}

/// A backend of the pool that is checked and administratively active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<K> {
    /// Which.
    pub key: K,
    /// Its own judge's verdict.
    pub verdict: Verdict,
    /// Its failures since something passed.
    pub failing: Option<Streak>,
    /// Whether one more failure takes it down, or one did.
    pub is_falling: bool,
    /// When its last check that passed had started.
    pub last_pass_started: Option<Duration>,
}

impl<K> Member<K> {
    /// The one that this judge judges.
    pub fn of(key: K, judge: &Judge, rules: &verdict::Rules) -> Self {
        Self {
            key,
            verdict: judge.verdict(),
            failing: judge.failing().copied(),
            is_falling: judge.is_falling(rules),
            last_pass_started: judge.last_pass_started(),
        }
    }
}

/// Too many are bad at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panic {
    /// Since when.
    pub since: Duration,
    /// Members that are down, failed their last check, or did not answer when they were asked.
    pub bad: u32,
    /// All members.
    pub of: u32,
}

/// What an evaluation decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<K> {
    /// Who came into service.
    pub put_in: Vec<K>,
    /// Who was taken out.
    pub taken_out: Vec<K>,
    /// The alarm, while it lasts.
    pub panic: Option<Panic>,
    /// Whether nobody is left, and stand-ins take over.
    pub is_relieved: bool,
    /// Who must be checked at once. Everybody is named once for each time that it is needed: a check that is under way
    /// is too old, another one has to follow it.
    pub ask: Vec<K>,
    /// When to evaluate again if there is no result until then.
    pub wait_until: Option<Duration>,
}

/// Somebody in service whose checks fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspect {
    /// Others may witness against it.
    Accused {
        /// Checks that started then or later are new enough to do so.
        since: Duration,
        /// When somebody was asked to.
        asked: Option<Duration>,
    },
    /// Down, but so were too many, or its verdict is of a daemon before this one: only a check that starts at this time or
    /// later can accuse it.
    Doubted(Duration),
}

/// Judges one pool.
#[derive(Clone, Debug)]
pub struct Mass<K> {
    in_service: BTreeSet<K>,
    suspects: BTreeMap<K, Suspect>,
    /// For whom nobody need be asked again: who was asked for a check that starts at this time or later.
    asked: BTreeMap<K, Duration>,
    /// Who did not answer, until a check that started at this time or later passes.
    silent: BTreeMap<K, Duration>,
    panic_since: Option<Duration>,
    relief: Relief<K>,
}

impl<K: Copy + Ord> Mass<K> {
    /// Of a pool with these in service: none when the pool is new, those that were when the daemon was restarted.
    pub fn new(in_service: impl IntoIterator<Item = K>) -> Self {
        Self {
            in_service: in_service.into_iter().collect(),
            suspects: BTreeMap::new(),
            asked: BTreeMap::new(),
            silent: BTreeMap::new(),
            panic_since: None,
            relief: Relief::new(),
        }
    }

    /// Has somebody in service without a verdict.
    pub fn admit(&mut self, key: K) {
        self.in_service.insert(key);
    }

    /// Who is in service.
    pub fn in_service(&self) -> &BTreeSet<K> {
        &self.in_service
    }

    /// Decides anew. To be called after every result, of stand-ins too, when [`Outcome::wait_until`] has come, and when
    /// members come or go; whoever is no member any more is out of service, and is not mentioned. [`Outcome::ask`] may name
    /// stand-ins.
    pub fn evaluate(
        &mut self,
        now: Duration,
        rules: &Rules,
        members: &[Member<K>],
        stand_ins: &[Member<K>],
    ) -> Outcome<K> {
        self.forget_others(members, stand_ins);
        let put_in = self.put_in(rules, members);
        for member in members {
            self.suspect(now, member);
        }
        self.judge_silence(now, rules, members);
        self.relief.follow(now, members, stand_ins);

        let of = members.len() as u32;
        let is_over = |share: usize| share * 100 > usize::from(rules.panic_threshold) * members.len();
        let bad = members.iter().filter(|member| self.is_bad(member)).count();
        let down = members.iter().filter(|member| member.verdict == Verdict::Down);
        let is_in = |member: &Member<K>| self.in_service.contains(&member.key);
        let is_protecting = down.clone().any(is_in);
        let is_lost =
            down.clone().count() > 0 && members.iter().all(|it| it.verdict == Verdict::Down || !is_in(it));
        // If stand-ins are to witness that nobody is left, they are wanted before the last one falls.
        let is_none_good = bad > 0 && bad == members.len();
        let is_relieved = is_lost && self.relief.is_at_hand();
        if is_relieved && rules.panic_threshold < 100 && (is_over(bad) || is_protecting) {
            let since = *self.panic_since.get_or_insert(now);
            let (taken_out, ask) = self.give_way(members, stand_ins);
            let is_protecting = members.iter().any(|it| self.in_service.contains(&it.key));
            self.doubt(now, down.map(|member| member.key));
            self.panic_since = self.panic_since.filter(|_| is_protecting);
            let panic = is_protecting.then_some(Panic { since, bad: bad as u32, of });
            return Outcome { put_in, taken_out, panic, is_relieved, ask, wait_until: None };
        }
        if is_over(bad) && is_protecting || is_over(down.clone().count()) {
            self.doubt(now, down.map(|member| member.key));
            let since = *self.panic_since.get_or_insert(now);
            let panic = Some(Panic { since, bad: bad as u32, of });
            let ask = if is_none_good { self.ask_stand_ins(stand_ins) } else { Vec::new() };
            return Outcome { put_in, taken_out: Vec::new(), panic, is_relieved, ask, wait_until: None };
        }
        if self.panic_since.take().is_some() {
            self.doubt(now, down.map(|member| member.key));
        }

        let passes = self.passes(members);
        let (mut taken_out, mut wait_until, mut newest) = (Vec::new(), None::<Duration>, None);
        // With a threshold of 100 a pool may end with nobody; else whoever is down stays until somebody else serves.
        let serves =
            |member: &Member<K>| member.verdict != Verdict::Down && self.in_service.contains(&member.key);
        let is_replaceable = rules.panic_threshold >= 100 || members.iter().any(serves);
        for member in members {
            let Some(Suspect::Accused { since, asked }) = self.suspects.get_mut(&member.key) else {
                continue;
            };
            let unheard = passes.partition_point(|started| *started < Some(*since));
            if is_over(bad + unheard) {
                newest = newest.max(Some(*since));
                let until = asked.get_or_insert(now).saturating_add(rules.patience);
                if member.verdict == Verdict::Down {
                    wait_until = Some(wait_until.map_or(until, |earlier| earlier.min(until)));
                }
            } else if member.verdict == Verdict::Down && is_replaceable {
                taken_out.push(member.key);
            }
        }
        for key in &taken_out {
            self.in_service.remove(key);
            self.suspects.remove(key);
        }
        let mut ask = newest.map(|since| self.ask(since, members)).unwrap_or_default();
        if is_none_good {
            ask.extend(self.ask_stand_ins(stand_ins));
        }
        Outcome { put_in, taken_out, panic: None, is_relieved, ask, wait_until }
    }

    /// Takes out whom stand-ins have witnessed against, when nobody else is left; and who must witness yet.
    fn give_way(&mut self, members: &[Member<K>], stand_ins: &[Member<K>]) -> (Vec<K>, Vec<K>) {
        let keys = members.iter().map(|member| member.key);
        let taken_out: Vec<K> =
            keys.filter(|key| self.in_service.contains(key) && self.relief.is_witnessed(key)).collect();
        for key in &taken_out {
            self.in_service.remove(key);
            self.suspects.remove(key);
        }
        let ask = if self.in_service.is_empty() { Vec::new() } else { self.ask_stand_ins(stand_ins) };
        (taken_out, ask)
    }

    fn ask_stand_ins(&mut self, stand_ins: &[Member<K>]) -> Vec<K> {
        self.relief.newest_failure().map(|since| self.ask(since, stand_ins)).unwrap_or_default()
    }

    fn forget_others(&mut self, members: &[Member<K>], stand_ins: &[Member<K>]) {
        let present: BTreeSet<K> = members.iter().map(|member| member.key).collect();
        self.in_service.retain(|key| present.contains(key));
        self.suspects.retain(|key, _| present.contains(key));
        self.silent.retain(|key, _| present.contains(key));
        let stand_ins: BTreeSet<K> = stand_ins.iter().map(|it| it.key).collect();
        self.asked.retain(|key, _| present.contains(key) || stand_ins.contains(key));
    }

    fn put_in(&mut self, rules: &Rules, members: &[Member<K>]) -> Vec<K> {
        let serves = |member: &&Member<K>| match member.verdict {
            Verdict::Up => true,
            Verdict::Unknown => rules.steer_unchecked,
            Verdict::Down => false,
        };
        let fit = members.iter().filter(serves).map(|member| member.key);
        fit.filter(|key| self.in_service.insert(*key)).collect()
    }

    /// Follows what a member in service is suspected of.
    fn suspect(&mut self, now: Duration, member: &Member<K>) {
        let known = self.suspects.get(&member.key).copied();
        let accused = |since| Suspect::Accused { since, asked: None };
        let suspect = match (member.verdict, known, member.failing) {
            _ if !self.in_service.contains(&member.key) => None,
            (Verdict::Down, Some(Suspect::Doubted(from)), Some(failing)) if failing.last_started >= from => {
                Some(accused(failing.last_ended))
            }
            // A pass in between does not help who flaps.
            (Verdict::Down, Some(known), _) => Some(known),
            (Verdict::Down, None, Some(failing)) => Some(accused(failing.first_ended)),
            (Verdict::Down, None, None) => Some(Suspect::Doubted(now)),
            (_, Some(Suspect::Accused { since, asked }), Some(failing)) if since == failing.first_ended => {
                Some(Suspect::Accused { since, asked })
            }
            // Witnesses are wanted before it falls: then their answers are there when it does.
            (_, _, Some(failing)) if member.is_falling => Some(accused(failing.first_ended)),
            _ => None,
        };
        match suspect {
            Some(suspect) => self.suspects.insert(member.key, suspect),
            None => self.suspects.remove(&member.key),
        };
    }

    /// Who was asked, had `patience` to answer, and is neither known as good nor as bad.
    fn judge_silence(&mut self, now: Duration, rules: &Rules, members: &[Member<K>]) {
        let patience = rules.patience;
        let newest = members.iter().filter(|member| member.verdict == Verdict::Down).filter_map(|member| {
            match self.suspects.get(&member.key)? {
                Suspect::Accused { since, asked: Some(asked) } if now >= asked.saturating_add(patience) => {
                    Some(*since)
                }
                Suspect::Accused { .. } | Suspect::Doubted(_) => None,
            }
        });
        let newest = newest.max();
        for member in members {
            let pass = member.last_pass_started;
            if self.silent.get(&member.key).is_some_and(|since| pass >= Some(*since)) {
                self.silent.remove(&member.key);
            }
            if newest.is_some() && pass < newest && !self.is_bad(member) {
                self.silent.extend(newest.map(|since| (member.key, since)));
            }
        }
    }

    fn is_bad(&self, member: &Member<K>) -> bool {
        member.verdict == Verdict::Down || member.failing.is_some() || self.silent.contains_key(&member.key)
    }

    /// When the last checks of those that are not bad had started, in order.
    fn passes(&self, members: &[Member<K>]) -> Vec<Option<Duration>> {
        let good = members.iter().filter(|member| !self.is_bad(member));
        let mut passes: Vec<_> = good.map(|member| member.last_pass_started).collect();
        passes.sort_unstable();
        passes
    }

    fn doubt(&mut self, now: Duration, down: impl Iterator<Item = K>) {
        for key in down.filter(|key| self.in_service.contains(key)) {
            self.suspects.insert(key, Suspect::Doubted(now));
        }
    }

    /// Those of whom a check that starts at `since` or later is wanted and not asked for.
    fn ask(&mut self, since: Duration, members: &[Member<K>]) -> Vec<K> {
        let is_unheard = |member: &&Member<K>| {
            !self.is_bad(member)
                && member.last_pass_started < Some(since)
                && self.asked.get(&member.key).is_none_or(|asked| *asked < since)
        };
        let ask: Vec<K> = members.iter().filter(is_unheard).map(|member| member.key).collect();
        self.asked.extend(ask.iter().map(|key| (*key, since)));
        ask
    }
}
