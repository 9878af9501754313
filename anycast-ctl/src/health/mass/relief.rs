//! What stand-ins witness: that checks could pass while those of members failed. No IO.

use std::{collections::BTreeMap, time::Duration};

use super::{Member, Verdict};

/// Follows one pool's members and their stand-ins.
#[derive(Clone, Debug)]
pub struct Relief<K> {
    /// The last time that no stand-in was known as good: what failed in a check that had started by then proves nothing.
    alone_until: Option<Duration>,
    /// When the last check of a good stand-in that passed had started, if there is a good one.
    passed: Option<Duration>,
    /// Since when a member is known to fail while a stand-in is good.
    failing: BTreeMap<K, Duration>,
}

impl<K: Copy + Ord> Relief<K> {
    /// Of a pool that nothing is known of.
    pub fn new() -> Self {
        Self { alone_until: None, passed: None, failing: BTreeMap::new() }
    }

    /// Takes note of the last results.
    pub fn follow(&mut self, now: Duration, members: &[Member<K>], stand_ins: &[Member<K>]) {
        let good = stand_ins.iter().filter(|it| it.verdict == Verdict::Up && it.failing.is_none());
        let passed = good.filter_map(|it| it.last_pass_started).max();
        if passed.is_none() || self.passed.is_none() {
            // In the moment before one came to be good, none was.
            self.alone_until = Some(now);
            self.failing.clear();
        }
        self.passed = passed;
        if passed.is_none() {
            return;
        }
        let known = std::mem::take(&mut self.failing);
        let is_new = |started: Duration| Some(started) > self.alone_until;
        let since = |member: &Member<K>| {
            let failing = member.failing?;
            let begun = is_new(failing.first_started).then_some(failing.first_ended);
            let goes_on = || is_new(failing.last_started).then_some(failing.last_ended);
            let since = known.get(&member.key).copied().or(begun).or_else(goes_on)?;
            Some((member.key, since))
        };
        self.failing = members.iter().filter_map(since).collect();
    }

    /// Whether somebody could take over.
    pub fn is_at_hand(&self) -> bool {
        self.passed.is_some()
    }

    /// Whether a check of a stand-in passed that had started when this member was known to fail.
    pub fn is_witnessed(&self, key: &K) -> bool {
        self.failing.get(key).is_some_and(|since| self.passed >= Some(*since))
    }

    /// The last time that somebody began to fail.
    pub fn newest_failure(&self) -> Option<Duration> {
        self.failing.values().copied().max()
    }
}
