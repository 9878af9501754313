//! Random histories, and the same with mistakes made on purpose.

use std::cell::RefCell;

use anycast_common::steer::Why;
use anycast_ctl::model::OnDown;
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};

use crate::{
    history::{BACKENDS, Event, Flaw, Host, IDLE, Setting},
    oracle::Tally,
};

/// Clients: few, so that the slots are shared and addresses are used again.
const CLIENTS: u8 = 12;

/// Histories of a property, unless `PROPTEST_CASES` wants another number.
const HISTORIES: u32 = 2000;

fn event() -> impl Strategy<Value = Event> {
    let client = || 0..CLIENTS;
    let which = || (0u16..2, 0..BACKENDS);
    prop_oneof![
        12 => client().prop_map(Event::Open),
        40 => client().prop_map(Event::Packet),
        10 => client().prop_map(Event::Datagram),
        3 => client().prop_map(Event::Report),
        3 => client().prop_map(Event::Close),
        6 => (0u32..4).prop_map(Event::Wait),
        1 => (4..IDLE + 4).prop_map(Event::Wait),
        3 => which().prop_map(|(pool, backend)| Event::Add(pool, backend)),
        1 => which().prop_map(|(pool, backend)| Event::Remove(pool, backend)),
        2 => (which(), 1u32..5).prop_map(|((pool, backend), weight)| Event::Weight(pool, backend, weight)),
        3 => (which(), prop::option::of(0..IDLE))
            .prop_map(|((pool, backend), deadline)| Event::Drain(pool, backend, deadline)),
        3 => which().prop_map(|(pool, backend)| Event::Undrain(pool, backend)),
        2 => (which(), any::<bool>()).prop_map(|((pool, backend), up)| Event::Mark(pool, backend, up)),
        1 => (which(), any::<bool>()).prop_map(|((pool, backend), up)| Event::Resolve(pool, backend, up)),
        3 => Just(Event::ClearFilter),
        5 => (1u8..6, prop_oneof![1u8..20, Just(200)]).prop_map(|(pieces, size)| Event::Sweep(pieces, size)),
    ]
}

fn setting() -> impl Strategy<Value = Setting> {
    let slots = prop_oneof![Just(7), Just(13), Just(251)];
    let on_down = prop_oneof![Just(OnDown::Reset), Just(OnDown::Keep)];
    let capacities = prop_oneof![3 => Just((1000, 1000)), 1 => (2usize..20, 2usize..8)];
    (slots, on_down, capacities).prop_map(|(slots, on_down, (pins, embryonic))| Setting {
        slots,
        on_down,
        pins,
        embryonic,
    })
}

fn run(host: &mut Host, events: &[Event]) -> Result<(), String> {
    for (step, event) in events.iter().enumerate() {
        host.happen(event).map_err(|what| format!("step {step}: {what}"))?;
    }
    // All is quiet for as long as a flow may be: nothing is left to remember.
    host.happen(&Event::Wait(IDLE + 4))?;
    host.sweep_all();
    if host.in_transition() > 0 {
        return Err(format!("{} slots are still in transition", host.in_transition()));
    }
    if host.kernel.pins.len() + host.kernel.embryonic.len() > 0 {
        return Err("flows that have ended are still remembered".to_owned());
    }
    if !host.are_drains_over() {
        return Err("a drain goes on though no flow is left".to_owned());
    }
    Ok(())
}

/// A history that went wrong.
type Failure = TestError<(Setting, Vec<Event>)>;

/// Runs histories until one goes wrong. What is checked how often, if none does.
fn histories(flaw: Flaw, shrink: bool) -> Result<Tally, Failure> {
    let default = Config::default();
    let config = Config {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { HISTORIES },
        failure_persistence: None,
        max_shrink_iters: if shrink { 20_000 } else { 0 },
        ..default
    };
    let mut runner = if shrink {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    };
    let tally = RefCell::new(Tally::default());
    runner.run(&(setting(), prop::collection::vec(event(), 20..400)), |(setting, events)| {
        let mut host = Host::new(&setting, flaw);
        run(&mut host, &events).map_err(TestCaseError::fail)?;
        let mut sum = tally.borrow_mut();
        for (why, count) in &host.oracle.tally.checked {
            *sum.checked.entry(*why).or_default() += count;
        }
        sum.excused += host.oracle.tally.excused;
        sum.empty += host.oracle.tally.empty;
        Ok(())
    })?;
    Ok(tally.into_inner())
}

#[test]
fn no_session_leaves_a_backend_that_it_can_use() {
    match histories(Flaw::None, true) {
        Ok(Tally { checked, excused, empty }) => {
            println!("checked {checked:?}, excused {excused}, {empty} times a drain was over");
            assert!(empty > 2000, "a drain was over {empty} times only");
            for why in [Why::Current, Why::Pinned, Why::Base] {
                let times = checked.get(&why).copied().unwrap_or_default();
                assert!(times > 2000, "{why:?} was checked {times} times only");
            }
        }
        Err(TestError::Fail(why, (setting, events))) => {
            panic!("{why}\nafter, with {setting:?}:\n{events:#?}");
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_oracle_notices_mistakes() {
    for flaw in [
        Flaw::MergeOverwritesBase,
        Flaw::MergeForgetsBase,
        Flaw::MergeSettlesWhatComesBack,
        Flaw::SweepSkipsEmbryonic,
        Flaw::SweepSkipsPins,
        Flaw::SweepIgnoresStamps,
        Flaw::SweepKeepsTheDead,
        Flaw::StampsNotRenewed,
        Flaw::FilterClearedInTransition,
        Flaw::DrainTrustsAnySweep,
        Flaw::DrainForgetsRecords,
        Flaw::DrainForgetsSlots,
    ] {
        assert!(histories(flaw, false).is_err(), "{flaw:?} went unnoticed");
    }
}
