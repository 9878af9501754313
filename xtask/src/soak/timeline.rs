//! How an edge's pools were over time, as its daemon told when it was asked.

use std::{collections::BTreeMap, time::Duration};

use super::ask::Status;
use crate::lab::Family;

/// One backend of a pool, as far as it matters to sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    pub state: State,
    /// Slots that are its own.
    pub slots: u32,
}

/// Whether a backend's flows live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is up, waiting for its first checks, or drains and has time left.
    Usable,
    Down,
    /// There is no way to it.
    Unresolved,
    /// Drained, and the deadline has passed.
    Expired,
    /// Not in the site, or disabled there.
    Gone,
}

/// One pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Whether slots remember an earlier owner.
    pub in_transition: bool,
    pub backends: BTreeMap<String, Backend>,
}

/// Both pools.
pub type Pools = BTreeMap<Family, Pool>;

/// A time in which nothing changed. What is seen now and then begins and ends at times that are known between two looks.
#[derive(Clone, Debug)]
pub struct Span {
    pub pools: Pools,
    /// It was otherwise when it was asked for then, or it is the first.
    pub after: Duration,
    /// It was still so when it was asked for last.
    pub held: Duration,
    /// It was otherwise at this answer; none while it lasts.
    pub before: Option<Duration>,
}

/// All of an edge's, in order.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    pub spans: Vec<Span>,
}

impl Timeline {
    /// Takes down what was answered.
    pub fn look(&mut self, asked: Duration, answered: Duration, pools: Pools) {
        let last = self.spans.last_mut();
        let after = last.as_ref().map_or(Duration::ZERO, |last| last.held);
        match last {
            Some(last) if last.pools == pools => {
                last.held = asked;
                return;
            }
            Some(last) => last.before = Some(answered),
            None => {}
        }
        self.spans.push(Span { pools, after, held: asked, before: None });
    }

    /// Spans that may have been at some time of a range.
    pub fn maybe(&self, from: Duration, until: Duration) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(move |span| span.after <= until && span.end() >= from)
    }

    /// Whether a backend had no slot at any time of a range, for certain.
    pub fn had_no_slot(&self, family: Family, backend: &str, from: Duration, until: Duration) -> bool {
        let mut spans = self.maybe(from, until).peekable();
        spans.peek().is_some() && spans.all(|span| span.slots(family, backend) == 0)
    }
}

impl Span {
    /// It was over by then.
    pub fn end(&self) -> Duration {
        self.before.unwrap_or(Duration::MAX)
    }

    /// A backend's slots.
    pub fn slots(&self, family: Family, backend: &str) -> u32 {
        let pool = self.pools.get(&family);
        pool.and_then(|pool| pool.backends.get(backend)).map_or(0, |backend| backend.slots)
    }

    /// Each backend's slots.
    pub fn table(&self, family: Family) -> BTreeMap<&str, u32> {
        let backends = self.pools.get(&family).into_iter().flat_map(|pool| &pool.backends);
        backends.filter(|(_, it)| it.slots > 0).map(|(name, it)| (name.as_str(), it.slots)).collect()
    }
}

/// What a status says of the pools.
pub fn pools(status: &Status) -> Pools {
    let mut pools = Pools::new();
    for family in Family::ALL {
        let Some(told) = status.pools.iter().find(|pool| pool.name == family.pool_name()) else { continue };
        let mut pool = Pool { in_transition: told.transition.slots > 0, backends: BTreeMap::new() };
        for backend in &told.backends {
            let is_over = backend.drain.is_some_and(|drain| drain.remaining_seconds == Some(0));
            let state = match backend.state.as_str() {
                "down" => State::Down,
                "unresolved" => State::Unresolved,
                "disabled" | "removed" => State::Gone,
                "draining" if is_over => State::Expired,
                _ => State::Usable,
            };
            // One that was removed may share its name with one that is there, which comes first.
            pool.backends.entry(backend.name.clone()).or_insert(Backend { state, slots: backend.slots });
        }
        pools.insert(family, pool);
    }
    pools
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Both pools with these backends.
    pub fn told(backends: &[(&str, State, u32)], in_transition: bool) -> Pools {
        let backends: BTreeMap<String, Backend> = backends
            .iter()
            .map(|(name, state, slots)| ((*name).to_owned(), Backend { state: *state, slots: *slots }))
            .collect();
        let pool = Pool { in_transition, backends };
        Family::ALL.into_iter().map(|family| (family, pool.clone())).collect()
    }

    #[test]
    fn spans_know_what_is_certain_and_what_may_be() {
        let ms = Duration::from_millis;
        let (some, none) = (told(&[("a", State::Usable, 5)], false), told(&[("a", State::Usable, 0)], false));
        let mut timeline = Timeline::default();
        timeline.look(ms(0), ms(10), some.clone());
        timeline.look(ms(100), ms(110), some.clone());
        timeline.look(ms(200), ms(210), none.clone());
        timeline.look(ms(300), ms(310), none);
        timeline.look(ms(400), ms(410), some);
        assert_eq!(timeline.spans.len(), 3);
        let family = Family::V4;
        assert!(timeline.had_no_slot(family, "a", ms(211), ms(299)));
        assert!(!timeline.had_no_slot(family, "a", ms(205), ms(299)), "it may still have had some");
        assert!(!timeline.had_no_slot(family, "a", ms(211), ms(305)), "it may have had some again");
        assert_eq!(timeline.maybe(ms(150), ms(160)).count(), 2);
    }
}
