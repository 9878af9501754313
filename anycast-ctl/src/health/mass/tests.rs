use proptest::prelude::*;

use super::{
    simulation::{Happened, Plan, Simulation, ms, plan},
    *,
};

const WELL_TO_DOWN: Happened =
    Happened::Changed(verdict::Change { before: Verdict::Up, after: Verdict::Down });
const FOREVER: Duration = Duration::from_secs(1_000_000);

/// One backend after the other fails, for good. Who is in service then, and whether there is panic.
fn after(backends: usize, threshold: u8, failures: usize) -> (Vec<usize>, bool) {
    let (interval_ms, timeout_ms) = (1000, 300);
    let plan = Plan {
        backends,
        threshold,
        interval_ms,
        fast_ms: 200,
        timeout_ms,
        latency_ms: 20,
        rise: 2,
        fall: 3,
        seed: 7,
    };
    let mut simulation = Simulation::new(&plan);
    for backend in 0..failures {
        let at = plan.warm() + (backend as u32) * plan.falling();
        simulation.outages.insert(backend, vec![at..FOREVER]);
    }
    simulation.run(plan.warm() + (failures as u32 + 1) * plan.falling());
    (simulation.mass.in_service().iter().copied().collect(), simulation.panics.last().unwrap().1)
}

#[test]
fn small_pools_are_as_documented() {
    for (backends, thresholds, failures, in_service, panics) in [
        (1, [0, 99], 1, vec![0], true),
        (1, [100, 100], 1, vec![], false),
        (2, [50, 99], 1, vec![1], false),
        (2, [50, 99], 2, vec![1], true),
        (2, [0, 49], 1, vec![0, 1], true),
        (2, [0, 49], 2, vec![0, 1], true),
        (2, [100, 100], 2, vec![], false),
        (3, [34, 66], 1, vec![1, 2], false),
        (3, [34, 66], 2, vec![1, 2], true),
        (3, [34, 66], 3, vec![1, 2], true),
        (3, [67, 99], 2, vec![2], false),
        (3, [67, 99], 3, vec![2], true),
        (9, [0, 0], 1, (0..9).collect(), true),
    ] {
        for threshold in thresholds {
            let found = after(backends, threshold, failures);
            assert_eq!(found, (in_service.clone(), panics), "{failures} of {backends} at {threshold}%");
        }
    }
}

const RULES: Rules = Rules { panic_threshold: 50, patience: ms(500), steer_unchecked: false };

/// One whose last `failures` checks failed, all of which took 10 ms, the last one at `at`; those before passed.
fn member(key: u8, verdict: Verdict, at: u64, failures: u32) -> Member<u8> {
    let failing = (failures > 0).then(|| verdict::Streak {
        passed: false,
        results: failures,
        first_started: ms(at - 1000 * u64::from(failures - 1)),
        first_ended: ms(at - 1000 * u64::from(failures - 1) + 10),
        last_started: ms(at),
        last_ended: ms(at + 10),
    });
    let last_pass_started = Some(ms(at - 1000 * u64::from(failures)));
    Member { key, verdict, failing, is_falling: failures > 1, last_pass_started }
}

#[test]
fn silence_is_bad_until_it_ends() {
    use Verdict::{Down, Up};
    let mut mass = Mass::new(0..4);
    let with = |accused, others: [u64; 3]| {
        let others = (1..).zip(others).map(|(key, at)| member(key, Up, at, 0));
        [accused].into_iter().chain(others).collect::<Vec<_>>()
    };
    // Nobody is asked before it is about to fall.
    let outcome = mass.evaluate(ms(5010), &RULES, &with(member(0, Up, 5000, 1), [4500; 3]), &[]);
    assert_eq!((outcome.ask, outcome.wait_until), (vec![], None));
    // Its first failure was known at 5010: a check that started before proves nothing.
    let outcome = mass.evaluate(ms(6010), &RULES, &with(member(0, Up, 6000, 2), [5009; 3]), &[]);
    assert_eq!((outcome.ask, outcome.wait_until), (vec![1, 2, 3], None));
    let outcome = mass.evaluate(ms(6100), &RULES, &with(member(0, Down, 6000, 2), [5009; 3]), &[]);
    assert_eq!((outcome.ask, outcome.wait_until), (vec![], Some(ms(6510))));
    let silent = mass.evaluate(ms(6510), &RULES, &with(member(0, Down, 6000, 2), [5009; 3]), &[]);
    assert_eq!(silent.panic, Some(Panic { since: ms(6510), bad: 4, of: 4 }));
    // One answers at last, and one is bad; then the second one does.
    let outcome = mass.evaluate(ms(6600), &RULES, &with(member(0, Down, 6000, 2), [6500, 5009, 5009]), &[]);
    assert_eq!(outcome.panic, Some(Panic { since: ms(6510), bad: 3, of: 4 }));
    let outcome = mass.evaluate(ms(6700), &RULES, &with(member(0, Down, 6000, 2), [6500, 6600, 5009]), &[]);
    assert_eq!((outcome.panic, outcome.taken_out), (None, vec![]));
    // It failed in panic: another failure is wanted, and witnesses for that.
    let outcome = mass.evaluate(ms(7010), &RULES, &with(member(0, Down, 7000, 3), [6800, 6800, 7000]), &[]);
    assert_eq!((outcome.ask, outcome.taken_out), (vec![1, 2, 3], vec![]));
    let outcome = mass.evaluate(ms(7020), &RULES, &with(member(0, Down, 7000, 3), [7010, 7010, 7000]), &[]);
    assert_eq!(outcome.taken_out, [0]);
    assert_eq!(mass.in_service().iter().copied().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_daemon_restarted_in_panic_takes_nobody_for_guilty() {
    let mut mass = Mass::new([0, 1]);
    let resumed =
        |key, verdict| Member { failing: None, last_pass_started: None, ..member(key, verdict, 0, 0) };
    let outcome = mass.evaluate(ms(1), &RULES, &[resumed(0, Verdict::Down), resumed(1, Verdict::Up)], &[]);
    assert_eq!((outcome.taken_out, outcome.panic), (vec![], None));
    // It fails again, the other one passes.
    let members = [member(0, Verdict::Down, 5000, 1), member(1, Verdict::Up, 5010, 0)];
    assert_eq!(mass.evaluate(ms(5020), &RULES, &members, &[]).taken_out, [0]);
}

#[test]
fn who_is_no_member_any_more_is_out_of_service() {
    let mut mass = Mass::new([]);
    let members = [member(0, Verdict::Up, 0, 0), member(1, Verdict::Unknown, 0, 0)];
    assert_eq!(mass.evaluate(ms(1), &RULES, &members, &[]).put_in, [0]);
    let steer = Rules { steer_unchecked: true, ..RULES };
    assert_eq!(mass.evaluate(ms(2), &steer, &members, &[]).put_in, [1]);
    let outcome = mass.evaluate(ms(3), &RULES, &members[1..], &[]);
    assert_eq!((outcome.put_in, outcome.taken_out), (vec![], vec![]));
    assert_eq!(mass.in_service().len(), 1);
}

/// One member, down since checks that ended 10 ms after `at` less 1000 ms for each failure before the last.
fn lost(at: u64) -> [Member<u8>; 1] {
    [member(0, Verdict::Down, at, 3)]
}

#[test]
fn a_stand_in_that_passes_afterwards_is_witness_when_nobody_is_left() {
    use Verdict::{Down, Up};
    let mut mass = Mass::new([0]);
    let well = [member(0, Up, 2000, 0)];
    mass.evaluate(ms(2010), &RULES, &well, &[member(9, Up, 1500, 0)]);
    // It fails: the stand-in is asked before it falls.
    let outcome = mass.evaluate(ms(3010), &RULES, &[member(0, Up, 3000, 1)], &[member(9, Up, 2500, 0)]);
    assert_eq!((outcome.ask, outcome.is_relieved), (vec![9], false));
    // Its last check started before the first failure was known, at 3010.
    let outcome = mass.evaluate(ms(5010), &RULES, &lost(5000), &[member(9, Up, 3009, 0)]);
    assert_eq!((outcome.taken_out, outcome.ask, outcome.panic.is_some()), (vec![], vec![], true));
    let outcome = mass.evaluate(ms(5020), &RULES, &lost(5000), &[member(9, Up, 3011, 0)]);
    assert_eq!((outcome.taken_out, outcome.panic, outcome.is_relieved), (vec![0], None, true));
    // Whoever stands in may fail then: nobody comes back for that, and the alarm is raised.
    let outcome = mass.evaluate(ms(7010), &RULES, &lost(5000), &[member(9, Down, 7000, 3)]);
    assert_eq!((outcome.put_in, outcome.panic.is_some()), (vec![], true));
    let outcome = mass.evaluate(ms(8010), &RULES, &[member(0, Up, 8000, 0)], &[member(9, Down, 7000, 3)]);
    assert_eq!((outcome.put_in, outcome.panic), (vec![0], None));
}

#[test]
fn what_failed_while_no_stand_in_was_good_proves_nothing() {
    use Verdict::Up;
    let mut mass = Mass::new([0]);
    mass.evaluate(ms(2010), &RULES, &[member(0, Up, 2000, 0)], &[member(9, Up, 1500, 0)]);
    // All are cut off, and the way comes back for the stand-in first.
    mass.evaluate(ms(4510), &RULES, &[member(0, Up, 4000, 2)], &[member(9, Up, 4500, 1)]);
    let outcome = mass.evaluate(ms(5010), &RULES, &lost(5000), &[member(9, Up, 4500, 1)]);
    assert_eq!((outcome.taken_out, outcome.is_relieved), (vec![], false));
    let back = |at| [member(9, Up, at, 0)];
    for (now, stand_in) in [(5510, 5500), (6510, 6500)] {
        let outcome = mass.evaluate(ms(now), &RULES, &lost(5000), &back(stand_in));
        assert_eq!((outcome.taken_out, outcome.is_relieved), (vec![], true));
    }
    // It fails again, and the stand-in is asked once more.
    let again = [member(0, Verdict::Down, 7000, 5)];
    let outcome = mass.evaluate(ms(7010), &RULES, &again, &back(6500));
    assert_eq!((outcome.taken_out, outcome.ask), (vec![], vec![9]));
    assert_eq!(mass.evaluate(ms(7020), &RULES, &again, &back(7011)).taken_out, [0]);
}

#[test]
fn stand_ins_change_nothing_while_somebody_is_left() {
    use Verdict::{Down, Up};
    let stand_in = |at| [member(9, Up, at, 0)];
    let mut mass = Mass::new(0..3);
    mass.evaluate(ms(1010), &RULES, &[0, 1, 2].map(|key| member(key, Up, 1000, 0)), &stand_in(900));
    let members = |last| [member(0, Down, 5000, 3), member(1, Down, 5000, 3), last];
    for at in [5010, 5500, 6000, 7000] {
        let outcome = mass.evaluate(ms(at), &RULES, &members(member(2, Up, at - 1, 0)), &stand_in(at - 5));
        assert_eq!((outcome.taken_out, outcome.panic.map(|it| it.bad)), (vec![], Some(2)));
    }
    // One failure is no verdict.
    let outcome = mass.evaluate(ms(8010), &RULES, &members(member(2, Up, 8000, 1)), &stand_in(8005));
    assert_eq!((outcome.taken_out, outcome.is_relieved), (vec![], false));
    let outcome = mass.evaluate(ms(9010), &RULES, &members(member(2, Down, 9000, 2)), &stand_in(9005));
    assert_eq!(outcome.taken_out, [0, 1, 2]);
    assert!(mass.in_service().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The network is cut at any instant, and comes back or not.
    #[test]
    fn a_checker_that_is_cut_off_moves_nothing(
        plan in plan(2..24, 0..100), at in 0_u64..10_000, gone in prop_oneof![Just(None), (0_u64..20_000).prop_map(Some)],
        refused in any::<Option<bool>>(),
    ) {
        let mut simulation = Simulation::new(&plan);
        let cut = plan.warm() + ms(at);
        let back = gone.map_or(FOREVER, |gone| cut + plan.falling() + ms(gone));
        simulation.refused = refused;
        simulation.cut.push(cut..back);
        simulation.run(cut);
        prop_assert!(simulation.is_all_up());
        simulation.run(cut + plan.falling());
        prop_assert!(simulation.panics.last().unwrap().1);
        simulation.run(back.min(cut + ms(60_000)) + 2 * plan.falling());
        prop_assert_eq!(simulation.taken_out(), []);
        prop_assert_eq!(simulation.panics.len(), if gone.is_some() { 3 } else { 2 }, "{:?}", simulation.panics);
        prop_assert_eq!(simulation.is_all_up(), gone.is_some());
    }

    /// Any number that is no more than the threshold dies, together or one after the other.
    #[test]
    fn who_fails_alone_is_taken_out_when_witnesses_have_answered(
        plan in plan(2..24, 1..100), share in 0_u64..=100, spread in 0_u64..20_000, refused in any::<Option<bool>>(),
    ) {
        let most = plan.backends * usize::from(plan.threshold) / 100;
        let dying = (most as u64 * share).div_ceil(100) as usize;
        prop_assume!(dying > 0 && dying < plan.backends);
        let mut simulation = Simulation::new(&plan);
        simulation.refused = refused;
        let mut last = Duration::ZERO;
        for backend in 0..dying {
            let at = plan.warm() + ms(7919 * backend as u64 % (spread + 1));
            last = last.max(at);
            simulation.outages.insert(backend, vec![at..last + ms(100_000)]);
        }
        simulation.run(last + plan.falling());
        prop_assert_eq!(simulation.panics.len(), 1);
        for backend in 0..dying {
            let fell = simulation.when(backend, WELL_TO_DOWN).unwrap();
            let out = simulation.when(backend, Happened::TakenOut);
            prop_assert!(out.is_some(), "{backend} is still in service");
            // A check of a witness that was under way, and the one that counts; if it was one that died meanwhile, its
            // failure.
            prop_assert!(out.unwrap() <= fell + ms(2 * plan.timeout_ms), "{:?} {:?}", fell, out);
        }
        prop_assert_eq!(simulation.taken_out().len(), dying);
        // They come back.
        simulation.run(last + ms(100_000) + 2 * plan.falling());
        prop_assert!(simulation.is_all_up());
    }

    #[test]
    fn nothing_empties_a_pool_and_everybody_comes_back(
        plan in plan(1..12, 0..100), outages in proptest::collection::vec((any::<usize>(), 0_u64..60_000, 0_u64..20_000), 0..40),
        cuts in proptest::collection::vec((0_u64..60_000, 0_u64..20_000), 0..3),
    ) {
        let mut simulation = Simulation::new(&plan);
        let span = |start: u64, length: u64| plan.warm() + ms(start)..plan.warm() + ms(start + length);
        for (backend, start, length) in outages {
            simulation.outages.entry(backend % plan.backends).or_default().push(span(start, length));
        }
        simulation.cut.extend(cuts.into_iter().map(|(start, length)| span(start, length)));
        for second in 0..90 {
            simulation.run(plan.warm() + ms(second * 1000));
            prop_assert!(!simulation.mass.in_service().is_empty());
        }
        // Whoever flapped has to be well for a while.
        simulation.run(plan.warm() + ms(90_000) + 2 * verdict::Rules::default().hold_down_max);
        prop_assert!(simulation.is_all_up());
        prop_assert!(!simulation.panics.last().unwrap().1);
    }
}
