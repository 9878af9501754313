//! What is told of drains that operators ask for: that they begin, change, reach their deadline, and end, and why.

use std::{collections::BTreeMap, net::IpAddr};

use super::super::Controller;
use crate::{
    api::types::{DrainEvent, DrainStep, Event},
    model::AdminState,
    utc::Utc,
};

/// What was told of drains, by pool and address.
pub(in crate::controller) type DrainsTold = BTreeMap<(String, IpAddr), DrainTold>;

/// What was told of one drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::controller) struct DrainTold {
    backend: String,
    until: Option<Utc>,
    stage: Stage,
}

/// How far a drain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Begun,
    Deadline,
    Ended,
}

impl Controller {
    /// Tells what has become of drains. The first look of all tells nothing: they began under another daemon.
    pub(in crate::controller) fn tell_drains(&mut self) {
        let before = self.drains_told.take();
        let (now, mut told, mut events) = (Utc::now(), DrainsTold::new(), Vec::new());
        for (pool, backend) in self.draining() {
            let key = (pool.name.clone(), backend.address);
            let remains = self.remains(pool, backend);
            let is_late = backend.drain_until.is_some_and(|until| until <= now);
            // While the maps are behind, packets may meet an earlier state of things.
            let is_empty = !self.behind && remains.is_some_and(|remains| remains.is_nothing());
            let stage = match (is_empty, is_late) {
                (true, _) => Stage::Ended,
                (false, true) => Stage::Deadline,
                (false, false) => Stage::Begun,
            };
            let until = backend.drain_until;
            if let Some(before) = &before {
                for (what, why) in steps(before.get(&key), stage, until, is_late) {
                    events.push(DrainEvent {
                        what,
                        pool: pool.name.clone(),
                        backend: backend.name.clone(),
                        address: backend.address,
                        until: until.filter(|_| what != DrainStep::Ended),
                        slots: remains.map_or(0, |remains| remains.slots),
                        flows: remains.map_or(0, |remains| remains.flows),
                        why: why.to_owned(),
                    });
                }
            }
            told.insert(key, DrainTold { backend: backend.name.clone(), until, stage });
        }
        let over = before.into_iter().flatten().filter(|(key, _)| !told.contains_key(key));
        events.extend(over.filter_map(|((pool, address), drain)| self.left(pool, address, drain)));
        self.drains_told = Some(told);
        events.into_iter().for_each(|event| self.tell(Event::Drain(event)));
    }

    /// What is told of a backend that is no longer draining.
    fn left(&self, pool: String, address: IpAddr, drain: DrainTold) -> Option<DrainEvent> {
        let found = self.site.pool(&pool);
        let found = found.and_then(|pool| pool.backends.iter().find(|backend| backend.address == address));
        let (what, why) = match found.map(|backend| backend.state) {
            None if drain.stage == Stage::Ended => return None,
            None => (DrainStep::Ended, "it was removed from the pool"),
            Some(AdminState::Disabled) => (DrainStep::Ended, "it was disabled"),
            Some(AdminState::Active | AdminState::Draining) => {
                (DrainStep::TakenBack, "it takes new flows again")
            }
        };
        let DrainTold { backend, .. } = drain;
        let (slots, flows, why) = (0, 0, why.to_owned());
        Some(DrainEvent { what, pool, backend, address, until: None, slots, flows, why })
    }
}

/// What is told of a backend that is draining, and why.
fn steps(
    before: Option<&DrainTold>,
    stage: Stage,
    until: Option<Utc>,
    is_late: bool,
) -> Vec<(DrainStep, &'static str)> {
    let begun = (DrainStep::Begun, "it takes no new flows, those it has live on");
    let mut steps = Vec::new();
    match before {
        None => steps.push(begun),
        Some(before) if before.until != until => {
            steps.push((DrainStep::Changed, "its deadline is another one"))
        }
        Some(_) => {}
    }
    let reached = before.map_or(Stage::Begun, |before| before.stage);
    if stage > reached && is_late && reached == Stage::Begun {
        steps.push((DrainStep::Deadline, "the flows that are left are given up"));
    }
    if stage == Stage::Ended && reached != Stage::Ended {
        steps.push((
            DrainStep::Ended,
            if is_late { "its deadline has passed" } else { "no flow of it is left" },
        ));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_told_once() {
        let until = Some(Utc::from_unix(100));
        let told = |stage| DrainTold { backend: "a".to_owned(), until, stage };
        let of = |before: Option<DrainTold>, stage, until, is_late| {
            steps(before.as_ref(), stage, until, is_late)
                .into_iter()
                .map(|(what, _)| what)
                .collect::<Vec<_>>()
        };
        use DrainStep::{Begun, Changed, Deadline, Ended};
        assert_eq!(of(None, Stage::Begun, until, false), [Begun]);
        assert_eq!(of(Some(told(Stage::Begun)), Stage::Begun, until, false), []);
        assert_eq!(of(Some(told(Stage::Begun)), Stage::Begun, None, false), [Changed]);
        assert_eq!(of(Some(told(Stage::Begun)), Stage::Ended, until, false), [Ended]);
        assert_eq!(of(Some(told(Stage::Begun)), Stage::Deadline, until, true), [Deadline]);
        assert_eq!(of(Some(told(Stage::Deadline)), Stage::Ended, until, true), [Ended]);
        assert_eq!(of(Some(told(Stage::Begun)), Stage::Ended, until, true), [Deadline, Ended]);
        assert_eq!(of(Some(told(Stage::Ended)), Stage::Ended, until, true), []);
        assert_eq!(of(None, Stage::Ended, None, false), [Begun, Ended]);
    }
}
