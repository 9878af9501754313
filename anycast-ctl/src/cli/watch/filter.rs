//! Which events are shown.

use crate::{
    api::types::{Event, Severity, Told},
    events::Subject,
};

/// What was asked for; an empty list asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub vips: Vec<String>,
    pub pools: Vec<String>,
    /// Names, or `POOL/NAME`.
    pub backends: Vec<String>,
    pub kinds: Vec<String>,
    /// The least.
    pub severity: Option<Severity>,
}

impl Filter {
    /// Whether every event is taken.
    pub fn is_open(&self) -> bool {
        let Self { vips, pools, backends, kinds, severity } = self;
        [vips, pools, backends, kinds].iter().all(|list| list.is_empty()) && severity.is_none()
    }

    pub fn takes(&self, told: &Told) -> bool {
        let kind = told.event.kind();
        // How things are is not what happened; and who was dropped goes on from the last it has, so nothing is missing.
        if matches!(told.event, Event::Hello(_) | Event::Dropped { .. }) {
            return self.kinds.iter().any(|wanted| wanted == kind);
        }
        // What is missing is missing whatever was asked for.
        if matches!(told.event, Event::Gap { .. }) {
            return true;
        }
        let Subject { vip, pool, backend } = told.event.subject();
        let any = |wanted: &[String], is: &dyn Fn(&str) -> bool| {
            wanted.is_empty() || wanted.iter().any(|wanted| is(wanted))
        };
        let is_backend = |wanted: &str| match (wanted.split_once('/'), backend) {
            (Some((of, name)), Some(backend)) => pool == Some(of) && backend == name,
            (None, Some(backend)) => backend == wanted,
            (_, None) => false,
        };
        self.severity.is_none_or(|least| told.severity >= least)
            && any(&self.kinds, &|wanted| wanted == kind)
            && any(&self.vips, &|wanted| vip == Some(wanted))
            && any(&self.pools, &|wanted| pool == Some(wanted))
            && any(&self.backends, &is_backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::types::BackendState, moment::Moment};

    fn told(event: Event) -> Told {
        let (severity, words) = (event.severity(), event.words());
        Told { event, sequence: 1, at: Moment::now(), severity, words }
    }

    fn down(pool: &str, backend: &str) -> Told {
        told(Event::Backend {
            pool: pool.to_owned(),
            backend: backend.to_owned(),
            address: [10, 0, 0, 1].into(),
            before: Some(BackendState::Up),
            after: BackendState::Down,
        })
    }

    #[test]
    fn options_must_all_hold_and_values_are_alternatives() {
        let settled = told(Event::Settled { pool: "web".to_owned(), seconds: 1 });
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let all = [down("web", "a"), down("dns", "a"), down("web", "b"), settled];
        let taken = |filter: Filter| all.iter().map(|told| filter.takes(told)).collect::<Vec<_>>();
        let none = Filter::default;
        assert!(none().is_open() && !Filter { kinds: list(&["log"]), ..none() }.is_open());
        assert_eq!(taken(none()), [true; 4]);
        assert_eq!(taken(Filter { pools: list(&["web"]), ..none() }), [true, false, true, true]);
        assert_eq!(taken(Filter { pools: list(&["web", "dns"]), ..none() }), [true; 4]);
        assert_eq!(taken(Filter { backends: list(&["a"]), ..none() }), [true, true, false, false]);
        assert_eq!(
            taken(Filter { backends: list(&["web/a", "web/b"]), ..none() }),
            [true, false, true, false]
        );
        assert_eq!(taken(Filter { severity: Some(Severity::Warning), ..none() }), [true, true, true, false]);
        assert_eq!(taken(Filter { severity: Some(Severity::Error), ..none() }), [false; 4]);
        assert_eq!(taken(Filter { vips: list(&["www"]), ..none() }), [false; 4]);
        let both = Filter { kinds: list(&["settled"]), pools: list(&["web"]), ..none() };
        assert_eq!(taken(both), [false, false, false, true]);
    }

    #[test]
    fn what_is_missing_is_always_said_and_how_things_are_only_if_asked_for() {
        let narrow = Filter { vips: vec!["www".to_owned()], ..Filter::default() };
        assert!(narrow.takes(&told(Event::Gap { missed: 3 })));
        let hello = told(Event::Hello(crate::api::types::Progress::default()));
        assert!(!Filter::default().takes(&hello));
        assert!(Filter { kinds: vec!["hello".to_owned()], ..Filter::default() }.takes(&hello));
    }
}
