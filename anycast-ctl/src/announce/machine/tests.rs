use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules {
    hold_up: Duration::from_secs(5),
    hold_up_max: Duration::from_secs(600),
    hold_down: Duration::ZERO,
    min_announced: Duration::ZERO,
    quiet: Duration::from_secs(30),
    wait: Duration::from_secs(10),
};
const BUSY: Calm = Calm { own_quiet: Duration::ZERO, is_settled: true, is_calm: false };

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn down() -> Wish {
    Wish::Down("0 of 3 backends are well".into())
}

fn leave(until: Option<u64>) -> Wish {
    Wish::Leave { why: "the site is drained".into(), lingers: true, holds: false, until: until.map(at) }
}

/// A machine that is announced since second 5.
fn announced() -> Machine {
    let mut machine = Machine::new(at(0));
    assert_eq!(machine.step(at(0), &Wish::Up, BUSY, &RULES), None);
    assert_eq!(machine.next(), Some(Next { at: at(5), phase: Phase::Announced }));
    assert_eq!(machine.step(at(5), &Wish::Up, BUSY, &RULES), Some(Phase::Withdrawn));
    machine
}

#[test]
fn who_is_well_for_long_enough_is_announced_and_withdrawn_at_once() {
    let mut machine = announced();
    assert_eq!(machine.step(at(6), &down(), BUSY, &RULES), Some(Phase::Announced));
    assert_eq!((machine.phase(), &**machine.why()), (Phase::Withdrawn, "0 of 3 backends are well"));
}

#[test]
fn who_turns_unwell_while_it_waits_begins_anew() {
    let mut machine = Machine::new(at(0));
    machine.step(at(0), &Wish::Up, BUSY, &RULES);
    machine.step(at(4), &down(), BUSY, &RULES);
    machine.step(at(5), &Wish::Up, BUSY, &RULES);
    assert_eq!(machine.next(), Some(Next { at: at(10), phase: Phase::Announced }));
    assert_eq!(machine.step(at(9), &Wish::Up, BUSY, &RULES), None);
    assert_eq!(machine.step(at(10), &Wish::Up, BUSY, &RULES), Some(Phase::Withdrawn));
}

#[test]
fn a_moment_of_weakness_is_forgiven_within_the_hold_down_time() {
    let rules = Rules { hold_down: at(3), min_announced: at(20), ..RULES };
    let mut machine = announced();
    machine.step(at(6), &down(), BUSY, &rules);
    assert_eq!(
        machine.next(),
        Some(Next { at: at(25), phase: Phase::Withdrawn }),
        "announced for 20 s at least"
    );
    machine.step(at(8), &Wish::Up, BUSY, &rules);
    assert_eq!(machine.next(), None);
    machine.step(at(30), &down(), BUSY, &rules);
    assert_eq!(machine.step(at(32), &down(), BUSY, &rules), None);
    assert_eq!(machine.step(at(33), &down(), BUSY, &rules), Some(Phase::Announced));
}

#[test]
fn a_drain_lingers_until_the_flows_are_over_and_then_tells_the_routers() {
    let mut machine = announced();
    assert_eq!(machine.step(at(100), &leave(None), BUSY, &RULES), Some(Phase::Announced));
    assert_eq!((machine.phase(), machine.phase().level()), (Phase::Lingering, Level::Announced));
    let quiet = Calm { own_quiet: at(29), is_settled: true, is_calm: false };
    assert_eq!(machine.step(at(200), &leave(None), quiet, &RULES), None);
    // What was quiet before the drain does not count.
    let mut early = announced();
    early.step(at(100), &leave(None), BUSY, &RULES);
    assert_eq!(
        early.step(
            at(110),
            &leave(None),
            Calm { own_quiet: at(500), is_settled: true, is_calm: false },
            &RULES
        ),
        None
    );
    let quiet = Calm { own_quiet: at(30), is_settled: true, is_calm: false };
    assert_eq!(machine.step(at(201), &leave(None), quiet, &RULES), Some(Phase::Lingering));
    assert_eq!(machine.phase().level(), Level::ShuttingDown);
    assert_eq!(machine.next(), Some(Next { at: at(211), phase: Phase::Withdrawn }));
    let calm = Calm { own_quiet: at(30), is_settled: true, is_calm: true };
    assert_eq!(machine.step(at(202), &leave(None), calm, &RULES), Some(Phase::ShuttingDown));
    assert_eq!(machine.phase(), Phase::Withdrawn);
    // That was no want of health.
    assert_eq!(machine.hold_up(&RULES), RULES.hold_up);
}

#[test]
fn a_drain_waits_for_slots_to_settle_and_for_others_to_be_ready() {
    let quiet = Calm { own_quiet: at(60), is_settled: true, is_calm: false };
    let moving = Calm { is_settled: false, ..quiet };
    let held = |until: Option<u64>| Wish::Leave {
        why: "the site is drained".into(),
        lingers: true,
        holds: true,
        until: until.map(at),
    };
    let mut machine = announced();
    machine.step(at(100), &leave(None), BUSY, &RULES);
    assert_eq!(machine.step(at(200), &leave(None), moving, &RULES), None);
    assert_eq!((machine.next(), machine.is_ready(at(200), moving, &RULES)), (None, false));
    assert_eq!(machine.step(at(201), &held(None), quiet, &RULES), None);
    assert!(machine.is_ready(at(201), quiet, &RULES));
    assert_eq!(machine.step(at(202), &held(Some(300)), quiet, &RULES), None);
    assert_eq!(machine.next(), Some(Next { at: at(300), phase: Phase::ShuttingDown }));
    assert_eq!(machine.step(at(203), &leave(None), quiet, &RULES), Some(Phase::Lingering));
}

#[test]
fn deadlines_end_what_does_not_end_by_itself() {
    let mut machine = announced();
    machine.step(at(100), &leave(Some(120)), BUSY, &RULES);
    assert_eq!(machine.next(), Some(Next { at: at(120), phase: Phase::ShuttingDown }));
    machine.step(at(120), &leave(Some(120)), BUSY, &RULES);
    assert_eq!(machine.phase(), Phase::ShuttingDown);
    machine.step(at(130), &leave(Some(120)), BUSY, &RULES);
    assert_eq!(machine.phase(), Phase::Withdrawn);
}

#[test]
fn who_is_to_leave_without_any_wait_is_gone_in_one_step() {
    let rules = Rules { wait: Duration::ZERO, ..RULES };
    let mut machine = announced();
    machine.step(at(100), &leave(Some(100)), BUSY, &rules);
    assert_eq!(machine.phase(), Phase::Withdrawn);
}

#[test]
fn a_drain_can_be_taken_back_at_any_time() {
    for until in [None, Some(110)] {
        let mut machine = announced();
        machine.step(at(100), &leave(until), BUSY, &RULES);
        machine.step(at(111), &leave(until), BUSY, &RULES);
        assert_ne!(machine.phase(), Phase::Announced);
        machine.step(at(112), &Wish::Up, BUSY, &RULES);
        assert_eq!(machine.phase(), Phase::Announced, "without a hold-up: it was never gone");
    }
}

#[test]
fn what_is_cut_off_goes_at_once_from_anywhere() {
    let rules = Rules { hold_down: at(60), min_announced: at(600), ..RULES };
    let cut = Wish::Cut("the program is on no interface".into());
    for wish in
        [Wish::Up, leave(None), Wish::Leave { why: "x".into(), lingers: false, holds: false, until: None }]
    {
        let mut machine = announced();
        machine.step(at(10), &wish, BUSY, &rules);
        assert!(machine.step(at(11), &cut, BUSY, &rules).is_some());
        assert_eq!(machine.phase(), Phase::Withdrawn);
    }
}

#[test]
fn a_hand_is_obeyed_whatever_the_penalty() {
    let mut machine = Machine::new(at(0));
    assert_eq!(machine.step(at(0), &Wish::Force, BUSY, &RULES), Some(Phase::Withdrawn));
    assert_eq!(machine.phase(), Phase::Announced);
}

#[test]
fn what_was_announced_before_is_taken_over_without_a_gap() {
    let mut machine = Machine::new(at(0));
    machine.adopt(Level::Announced, at(0));
    assert_eq!(
        machine.step(at(0), &Wish::Stay("checks have not said anything yet".into()), BUSY, &RULES),
        None
    );
    assert_eq!(machine.phase(), Phase::Announced);
    assert_eq!(machine.step(at(1), &Wish::Up, BUSY, &RULES), None);
}

#[test]
fn flapping_is_calmed_and_forgiven() {
    let mut machine = announced();
    let mut now = 10;
    let mut waited = Vec::new();
    for _ in 0..9 {
        machine.step(at(now), &down(), BUSY, &RULES);
        machine.step(at(now + 1), &Wish::Up, BUSY, &RULES);
        let next = machine.next().unwrap();
        waited.push((next.at - at(now + 1)).as_secs());
        now = next.at.as_secs();
        machine.step(at(now), &Wish::Up, BUSY, &RULES);
        assert_eq!(machine.phase(), Phase::Announced);
        now += 10;
    }
    assert_eq!(waited, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
    machine.step(at(now + 600), &Wish::Up, BUSY, &RULES);
    machine.step(at(now + 601), &down(), BUSY, &RULES);
    assert_eq!(machine.hold_up(&RULES), RULES.hold_up);
}

/// Route changes of a pool that is down and up for so long each, for five minutes.
fn changes(rules: &Rules, down_for: u64, up_for: u64, phase: u64) -> usize {
    let mut machine = announced();
    let (start, end) = (10_000 + phase, 310_000);
    let mut changes = 0;
    for now in (start..end).step_by(50) {
        let is_down = (now - start) % (down_for + up_for) < down_for;
        let wish = if is_down { down() } else { Wish::Up };
        changes += usize::from(machine.step(Duration::from_millis(now), &wish, BUSY, rules).is_some());
    }
    changes
}

#[test]
fn a_pool_that_flaps_for_five_minutes_moves_the_route_four_times_at_most() {
    for hold_up in [0, 1, 2, 3, 5, 10] {
        let rules = Rules { hold_up: at(hold_up), ..RULES };
        let changes = changes(&rules, 3_000, 3_000, 0);
        assert!(changes <= 4, "{changes} with a hold-up of {hold_up} s");
    }
}

proptest! {
    /// However it flaps: the waits double, so that five minutes have room for few of them.
    #[test]
    fn no_rhythm_moves_the_route_often(down_for in 50_u64..60_000, up_for in 50_u64..60_000, hold_up in 0_u64..10) {
        let rules = Rules { hold_up: at(hold_up), ..RULES };
        prop_assert!(changes(&rules, down_for, up_for, 0) <= 14);
    }

    /// Whatever is wanted in whatever order: no step panics, phases follow the diagram, and what comes next lies ahead.
    #[test]
    fn phases_follow_the_diagram(
        wishes in prop::collection::vec((0_u8..7, 0_u64..40_000, 0_u64..60, any::<bool>()), 1..60),
    ) {
        let mut machine = Machine::new(at(0));
        let mut now = Duration::ZERO;
        for (which, step, quiet, is_calm) in wishes {
            now += Duration::from_millis(step);
            let wish = match which {
                0 => Wish::Up,
                1 => Wish::Force,
                2 => Wish::Stay("x".into()),
                3 => down(),
                4 => leave(None),
                5 => Wish::Leave { why: "x".into(), lingers: false, holds: false, until: Some(now) },
                _ => Wish::Cut("x".into()),
            };
            let calm = Calm { own_quiet: at(quiet), is_settled: quiet % 2 == 0, is_calm };
            let before = machine.phase();
            let told = machine.step(now, &wish, calm, &RULES);
            prop_assert_eq!(told, (machine.phase() != before).then_some(before));
            if let Some(next) = machine.next() {
                prop_assert!(next.at > now && next.phase != machine.phase());
            }
            if matches!(wish, Wish::Cut(_)) {
                prop_assert_eq!(machine.phase(), Phase::Withdrawn);
            }
            if before == Phase::Withdrawn && machine.phase() != Phase::Withdrawn {
                prop_assert_eq!(machine.phase(), Phase::Announced);
            }
            // Asked once more at the same moment it has nothing to add.
            let mut again = machine.clone();
            prop_assert_eq!(again.step(now, &wish, calm, &RULES), None);
        }
    }
}
