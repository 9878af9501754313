use super::*;
use crate::{
    lab::{session::Amount, sites::edges},
    soak::{
        causes::{Deed, Routed},
        timeline::{State, tests::told},
    },
};

fn seconds(time: f64) -> Duration {
    Duration::from_secs_f64(time)
}

fn session(backend: Option<&str>, opened: f64, ended: f64, ending: Ending) -> Record {
    Record {
        family: Family::V4,
        port: 2048,
        opened: seconds(opened),
        spoke: backend.map(|_| seconds(opened + 0.1)),
        greeted: backend.map(|_| seconds(opened + 0.1)),
        backend: backend.map(str::to_owned),
        sent: Amount::default(),
        received: Amount::default(),
        longest_silence: Duration::ZERO,
        heard: seconds(ended),
        ended: seconds(ended),
        noticed: seconds(ended),
        ending,
    }
}

/// Both edges told this from then on.
fn look(evidence: &mut Evidence, at: f64, state: State, slots: u32, in_transition: bool) {
    let pools = told(&[("a-web1", state, slots), ("a-web2", State::Usable, 9 - slots)], in_transition);
    for edge in ["a1", "a2"] {
        let timeline = evidence.timelines.entry(edge.to_owned()).or_default();
        timeline.look(seconds(at), seconds(at + 0.01), pools.clone());
    }
}

fn routed(at: f64, by: &[&str]) -> Routed {
    Routed { at: seconds(at), family: Family::V4, edges: edges(by) }
}

/// Nothing happens for a minute.
fn calm() -> Evidence {
    let mut evidence = Evidence { routes: vec![routed(0.0, &["a1", "a2"])], ..Evidence::default() };
    look(&mut evidence, 0.0, State::Usable, 5, false);
    look(&mut evidence, 60.0, State::Usable, 5, false);
    evidence
}

/// `a-web1` is of that state, without slots, from 10 s to 15 s.
fn interlude(state: State) -> Evidence {
    let mut evidence = Evidence { routes: vec![routed(0.0, &["a1", "a2"])], ..Evidence::default() };
    for (at, state, slots) in [
        (0.0, State::Usable, 5),
        (10.0, State::Usable, 5),
        (10.2, state, 0),
        (14.8, state, 0),
        (15.0, State::Usable, 5),
        (60.0, State::Usable, 5),
    ] {
        look(&mut evidence, at, state, slots, false);
    }
    evidence
}

fn judged(evidence: &Evidence, record: Record) -> Result<Cause, String> {
    let outcome = Judge::new(evidence).sessions(&[record]);
    match (outcome.broken.keys().next(), outcome.faults.first()) {
        (Some(cause), None) => Ok(*cause),
        (None, Some(fault)) => Err(fault.clone()),
        (None, None) => Err("it is not broken".to_owned()),
        (Some(_), Some(_)) => Err("it is both".to_owned()),
    }
}

#[test]
fn a_session_that_breaks_without_a_reason_is_a_fault() {
    let evidence = calm();
    let fault = judged(&evidence, session(Some("a-web1"), 1.0, 20.0, Ending::Reset)).unwrap_err();
    assert!(
        fault.contains("a-web1") && fault.contains("Reset") && fault.contains("nothing was done"),
        "{fault}"
    );
    for ending in [Ending::Closed, Ending::TimedOut, Ending::Failed("?".to_owned())] {
        assert!(judged(&evidence, session(Some("a-web1"), 1.0, 20.0, ending)).is_err());
    }
    let finished = Judge::new(&evidence).sessions(&[session(Some("a-web1"), 1.0, 20.0, Ending::Finished)]);
    assert_eq!((finished.total, finished.all_broken()), (1, 0));
}

#[test]
fn a_backend_that_is_gone_breaks_its_own_sessions_and_in_that_time_alone() {
    let evidence = interlude(State::Gone);
    let reset = |backend, ended| judged(&evidence, session(Some(backend), 1.0, ended, Ending::Reset));
    assert_eq!(reset("a-web1", 10.3), Ok(Cause::Removed));
    assert!(reset("a-web2", 10.3).is_err(), "another's");
    assert!(reset("a-web1", 9.8).is_err(), "before");
    assert!(reset("a-web1", 18.0).is_err(), "long after");
    let corrupt = session(Some("a-web1"), 1.0, 10.3, Ending::Corrupt("x".to_owned()));
    assert!(judged(&evidence, corrupt).is_err(), "nothing may change what is sent");
}

#[test]
fn a_backend_that_is_down_breaks_sessions_of_the_pool_that_resets() {
    let mut evidence = interlude(State::Down);
    let at = |family| Record { family, ..session(Some("a-web1"), 1.0, 11.0, Ending::Reset) };
    assert_eq!(judged(&evidence, at(Family::V4)), Ok(Cause::DownByItself));
    assert!(judged(&evidence, at(Family::V6)).is_err(), "on_down = keep");
    evidence.deeds.push(Deed {
        what: "marked down".to_owned(),
        target: "a-web1".to_owned(),
        began: seconds(10.0),
        ended: Some(seconds(15.0)),
        found_out: None,
        deadline: None,
    });
    assert_eq!(judged(&evidence, at(Family::V4)), Ok(Cause::Down));
}

#[test]
fn a_flow_that_is_born_where_no_slot_is_went_astray() {
    let evidence = interlude(State::Usable);
    let request = |opened, backend: &str| Connection {
        family: Family::V4,
        opened: seconds(opened),
        ended: seconds(opened + 0.1),
        outcome: Ok(backend.to_owned()),
    };
    let judge = Judge::new(&evidence);
    assert_eq!(judge.requests(&[request(12.0, "a-web1")]).faults.len(), 1);
    let right =
        [request(9.0, "a-web1"), request(10.4, "a-web1"), request(12.0, "a-web2"), request(14.9, "a-web1")];
    assert!(judge.requests(&right).faults.is_empty());
    let born = session(Some("a-web1"), 12.0, 20.0, Ending::Finished);
    assert_eq!(judge.sessions(&[born]).faults.len(), 1);
}

#[test]
fn routes_break_sessions_only_of_slots_in_transition_or_of_the_other_site() {
    let mut evidence = calm();
    evidence.routes.extend([routed(20.0, &["a2"]), routed(30.0, &["a1", "a2"])]);
    let reset = session(Some("a-web1"), 1.0, 20.2, Ending::Reset);
    assert!(judged(&evidence, reset.clone()).is_err(), "nothing is in transition");
    look(&mut evidence, 60.1, State::Usable, 5, true);
    evidence.routes.push(routed(61.0, &["a2"]));
    let late = Record { ended: seconds(61.3), ..reset.clone() };
    assert_eq!(judged(&evidence, late), Ok(Cause::SeveralHosts));

    let mut evidence = calm();
    evidence.routes.extend([routed(20.0, &["b1", "b2"]), routed(40.0, &["a1", "a2"])]);
    assert_eq!(judged(&evidence, reset.clone()), Ok(Cause::RoutedAway));
    let other = session(Some("b-web1"), 25.0, 40.5, Ending::Reset);
    assert_eq!(judged(&evidence, other.clone()), Ok(Cause::RoutedAway));
    let mut drain = Deed {
        what: "drained".to_owned(),
        target: "site a".to_owned(),
        began: seconds(5.0),
        ended: Some(seconds(45.0)),
        found_out: None,
        deadline: Some(seconds(35.0)),
    };
    evidence.deeds.push(drain.clone());
    assert!(judged(&evidence, reset.clone()).is_err(), "a drain breaks nothing before its deadline");
    drain.deadline = Some(seconds(19.0));
    evidence.deeds = vec![drain];
    assert_eq!(judged(&evidence, reset), Ok(Cause::SiteExpired));
}

#[test]
fn a_request_fails_rightly_while_its_server_is_down_and_nobody_knows() {
    let mut evidence = calm();
    let failed = |at: f64| Connection {
        family: Family::V6,
        opened: seconds(at),
        ended: seconds(at),
        outcome: Err("refused".to_owned()),
    };
    assert_eq!(Judge::new(&evidence).requests(&[failed(20.0)]).faults.len(), 1);
    evidence.deeds.push(Deed {
        what: "stopped".to_owned(),
        target: "a-web1".to_owned(),
        began: seconds(19.0),
        ended: Some(seconds(30.0)),
        found_out: Some(seconds(22.0)),
        deadline: None,
    });
    let judge = Judge::new(&evidence);
    assert_eq!(judge.requests(&[failed(20.0)]).broken.get(&Cause::ServerStopped), Some(&1));
    assert_eq!(judge.requests(&[failed(27.0)]).faults.len(), 1, "checks had found out");
}

#[test]
fn pinned_datagrams_keep_their_server_unless_routes_or_backends_change() {
    let moved = |family, left: f64| Move {
        family,
        port: 4000,
        from: "a-web1".to_owned(),
        to: "a-web2".to_owned(),
        left: seconds(left),
        came: seconds(left + 0.3),
    };
    let judge_all = |evidence: &Evidence, it: Move| Judge::new(evidence).datagrams(1, &[it]);
    assert_eq!(judge_all(&calm(), moved(Family::V6, 20.0)).faults.len(), 1);
    assert_eq!(judge_all(&calm(), moved(Family::V4, 20.0)).all_broken(), 0, "stateless ones may go anywhere");
    let evidence = interlude(State::Gone);
    assert_eq!(judge_all(&evidence, moved(Family::V6, 10.1)).broken.get(&Cause::Removed), Some(&1));
}
