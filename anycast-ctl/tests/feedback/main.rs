//! Load feedback against simulated servers: it balances them, and does not ring.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod simulation;

use std::time::Duration;

use anycast_ctl::health::feedback::Rules;
use proptest::prelude::*;

use crate::simulation::{BALANCED, Plan, ratios, run};

/// The most that a server may be on the other side of where it began: noise at its worst.
const OVERSHOOT: f64 = 0.1;

fn plan(ratios: Vec<f64>, seed: u64) -> Plan {
    Plan {
        ratios,
        delay: (1.0, 10.0),
        life: 5.0,
        noise: 0.2,
        every: 2.0,
        swing: 0.2,
        seed,
        seconds: 1800,
        feedback: true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn load_ends_balanced_and_does_not_ring(
        servers in 2_usize..60, spread in 1.0..3.5, delay in (1.0..10.0, 1.0..10.0), life in 0.0..10.0, noise in 0.0..0.2,
        every in 0.5..6.0, swing in 0.0..0.3, seed in any::<u64>(),
    ) {
        let delay = (f64::min(delay.0, delay.1), f64::max(delay.0, delay.1));
        let ratios = ratios(servers, spread, seed);
        // No factor could balance what is beyond its range.
        prop_assume!(ratios.iter().all(|ratio| (1.0 / 3.8..3.8).contains(ratio)));
        let plan = Plan { delay, life, noise, every, swing, seconds: 2400, ..plan(ratios, seed) };
        let run = run(&plan, &Rules::reported_every(Duration::from_secs_f64(every)));
        prop_assert!(run.left() <= BALANCED, "{} left", run.left());
        prop_assert!(run.settled().is_some_and(|seconds| seconds <= 1800.0), "settled after {:?}", run.settled());
        prop_assert!(run.overshoot() <= OVERSHOOT, "overshoot {}", run.overshoot());
        // Who rings swings again and again.
        prop_assert!(run.swings().iter().all(|swings| *swings <= 1), "{:?}", run.swings());
        let tables = (run.tables.len(), run.tables_after(0.75));
        prop_assert!(tables.0 <= 75 && tables.1 <= 16, "{:?} tables", tables);
    }

    /// Whoever knows that flows live long, or reports are old, says so.
    #[test]
    fn long_delays_only_take_longer(servers in 2_usize..20, lag in 10.0..60.0, seed in any::<u64>()) {
        let ratios = ratios(servers, 2.0, seed);
        let plan = Plan { delay: (lag / 2.0, lag / 2.0), life: lag / 2.0, seconds: 3600, ..plan(ratios, seed) };
        let run = run(&plan, &Rules { lag: Duration::from_secs_f64(lag), ..Rules::default() });
        prop_assert!(run.left() <= BALANCED, "{} left", run.left());
        prop_assert!(run.overshoot() <= OVERSHOOT, "overshoot {}", run.overshoot());
    }
}

#[test]
fn a_delay_twice_of_what_was_said_does_no_harm() {
    for seed in 0..10 {
        let plan = Plan { delay: (20.0, 20.0), ..plan(ratios(10, 2.0, seed), seed) };
        let run = run(&plan, &Rules::default());
        assert!(run.left() <= BALANCED && run.overshoot() <= OVERSHOOT, "{} {}", run.left(), run.overshoot());
    }
}

#[test]
fn balanced_servers_are_left_alone() {
    for seed in 0..10 {
        let run = run(&plan(vec![1.0; 10], seed), &Rules::default());
        let most = run.errors().flatten().fold(0.0, |most: f64, error| most.max(error.abs()));
        assert!(most <= BALANCED && run.tables.len() <= 15, "{most} off, {} tables", run.tables.len());
    }
}

/// The measure sees what it is to see: with constants that know nothing of the delay, weights oscillate.
#[test]
fn haste_rings() {
    let seconds = Duration::from_secs;
    let hasty = Rules { interval: seconds(2), lag: seconds(0), smoothing: seconds(0), ..Rules::default() };
    let run = run(&Plan { delay: (10.0, 10.0), ..plan(ratios(5, 2.0, 3), 3) }, &hasty);
    assert!(run.left() > 0.2 && run.overshoot() > 0.2, "{} {}", run.left(), run.overshoot());
    assert!(run.swings().iter().all(|swings| *swings > 10), "{:?}", run.swings());
}
