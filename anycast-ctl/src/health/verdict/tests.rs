use proptest::{collection::vec, prelude::*};

use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const RULES: Rules = Rules { rise: 2, fall: 3, hold_down: s(10), hold_down_max: s(60), forget: s(600) };

/// Notes results of checks that take 10 ms, one a second from `at` on; `x` fails. The changes, as `2 up`.
fn note(judge: &mut Judge, at: u64, results: &str) -> Vec<String> {
    let checks = (at..).zip(results.chars());
    let changes = checks.filter_map(|(at, result)| {
        let change = judge.note(result != 'x', s(at), s(at) + ms(10), &RULES)?;
        Some(format!("{at} {}", change.after))
    });
    changes.collect()
}

#[test]
fn rise_and_fall_count_results_in_a_row() {
    let mut judge = Judge::new();
    assert!(judge.is_unsure());
    assert_eq!(note(&mut judge, 0, "x.x."), [""; 0]);
    assert_eq!(note(&mut judge, 4, ".."), ["4 up"]);
    assert!(!judge.is_unsure());
    assert_eq!(note(&mut judge, 6, "x"), [""; 0]);
    assert!(judge.is_unsure() && !judge.is_falling(&RULES));
    assert_eq!(note(&mut judge, 7, "x.xx"), [""; 0]);
    assert!(judge.is_falling(&RULES));
    assert_eq!((judge.failed(), judge.failing().unwrap().first_started), (2, s(9)));
    assert_eq!(note(&mut judge, 11, "x"), ["11 down"]);
    assert_eq!((judge.since(), judge.last_pass_started()), (s(11) + ms(10), Some(s(8))));
    assert!(!judge.is_unsure());
    assert_eq!(note(&mut judge, 12, "x.x.."), ["16 up"], "the first time nothing is held down");
}

#[test]
fn what_never_came_up_does_not_flap() {
    let mut judge = Judge::new();
    assert_eq!(note(&mut judge, 0, "xxx.."), ["2 down", "4 up"]);
    assert_eq!(judge.falls(s(4), &RULES), 0);
}

#[test]
fn each_further_fall_doubles_what_must_pass() {
    let mut judge = Judge::new();
    assert_eq!(note(&mut judge, 0, "..xxx..xxx"), ["1 up", "4 down", "6 up", "9 down"]);
    let penalty = Penalty { falls: 2, needs: s(10), ends: s(20) };
    assert_eq!(judge.penalty(s(10), &RULES), Some(penalty));
    assert_eq!(note(&mut judge, 11, "........."), [""; 0]);
    assert!(judge.is_unsure());
    assert_eq!(judge.penalty(s(20), &RULES), Some(Penalty { ends: s(21), ..penalty }));
    assert_eq!(note(&mut judge, 20, "x"), [""; 0], "a failure begins the period anew");
    assert_eq!(judge.penalty(s(21), &RULES), Some(Penalty { ends: s(31), ..penalty }));
    assert_eq!(note(&mut judge, 21, "..........."), ["31 up"]);
    assert_eq!((judge.penalty(s(32), &RULES), judge.falls(s(32), &RULES)), (None, 2));

    assert_eq!(note(&mut judge, 32, "xxx"), ["34 down"]);
    assert_eq!(judge.penalty(s(35), &RULES), Some(Penalty { falls: 3, needs: s(20), ends: s(55) }));
    for (falls, seconds) in [(0, 0), (1, 0), (2, 10), (3, 20), (4, 40), (5, 60), (40, 60), (u32::MAX, 60)] {
        assert_eq!(RULES.needs(falls), s(seconds), "{falls}");
    }
}

#[test]
fn being_up_takes_falls_out_of_memory() {
    let mut judge = Judge::resume(&Saved { verdict: Verdict::Up, held: s(500), falls: 3 }, s(0));
    assert_eq!([99, 100, 699, 700, 1300, 9999].map(|at| judge.falls(s(at), &RULES)), [3, 2, 2, 1, 0, 0]);
    assert_eq!(note(&mut judge, 700, "xxx"), ["702 down"]);
    assert_eq!(judge.falls(s(99_999), &RULES), 2, "being down is no merit");
    let never = Rules { forget: Duration::ZERO, ..RULES };
    assert_eq!(
        Judge::resume(&Saved { falls: 3, verdict: Verdict::Up, held: s(0) }, s(0)).falls(s(1), &never),
        0
    );
}

#[test]
fn a_restarted_daemon_goes_on() {
    let mut judge = Judge::new();
    note(&mut judge, 0, "..xxx..xxx");
    let saved = judge.saved(s(30), &RULES);
    let text = serde_json::to_string(&saved).unwrap();
    assert_eq!(text, r#"{"verdict":"down","held":"20s990ms","falls":2}"#);

    let mut judge = Judge::resume(&serde_json::from_str(&text).unwrap(), s(1));
    assert_eq!(
        (judge.verdict(), judge.held(s(3)), judge.is_unsure()),
        (Verdict::Down, Duration::from_millis(22_990), false)
    );
    assert_eq!(judge.penalty(s(3), &RULES), Some(Penalty { falls: 2, needs: s(10), ends: s(13) }));
    assert_eq!(note(&mut judge, 4, "..........."), ["14 up"]);
}

#[test]
fn late_results_of_old_checks_move_no_time_back() {
    let mut judge = Judge::new();
    judge.note(true, s(5), s(6), &RULES);
    judge.note(true, s(2), s(7), &RULES);
    assert_eq!(judge.last_pass_started(), Some(s(5)));
    let streak = judge.streak().unwrap();
    assert_eq!((streak.first_started, streak.last_started, streak.last_ended), (s(2), s(5), s(7)));
}

/// The changes after the first time up of a backend that is well from `k * (up + down) + phase` on for `up`, over five
/// minutes and then some rest of being well, checked every `interval`.
fn moves(rules: &Rules, up: Duration, down: Duration, phase: Duration, interval: Duration) -> usize {
    let mut judge = Judge::new();
    for at in 0..3 {
        judge.note(true, s(at), s(at), rules);
        judge.note(true, s(at), s(at), rules);
    }
    let period = (up + down).as_nanos();
    let (mut now, mut moves) = (s(3), 0);
    while now < s(303) {
        let well = (now + phase).as_nanos() % period < up.as_nanos();
        moves += usize::from(judge.note(well, now, now + ms(1), rules).is_some());
        now += interval;
    }
    moves
}

#[test]
fn who_flaps_every_two_seconds_for_five_minutes_moves_at_most_five_times() {
    let mut most = 0;
    for rise in 1..=4 {
        for fall in 1..=4 {
            let rules = Rules { rise, fall, ..Rules::default() };
            for phase in (0..4000).step_by(50).map(ms) {
                // Well for two seconds and ill for two; and in turns within two seconds.
                most = most.max(moves(&rules, s(2), s(2), phase, ms(500)));
                most = most.max(moves(&rules, s(1), s(1), phase, ms(500)));
            }
        }
    }
    // Down, up, down: and there it stays.
    assert_eq!(most, 3);
}

proptest! {
    /// Whatever is never well for as long as the first hold-down, and never ill for so short that no check sees it.
    #[test]
    fn short_spells_move_at_most_five_times(
        up in 1_u64..9_500, down in 2_000_u64..60_000, phase in 0_u64..70_000, interval in 50_u64..2_000,
        rise in 1_u32..5, fall in 1_u32..5,
    ) {
        let rules = Rules { rise, fall, ..Rules::default() };
        prop_assert!(moves(&rules, ms(up), ms(down), ms(phase), ms(interval)) <= 5);
    }

    /// Whoever knows the rules and does the worst: the n-th fall needs a period of 10 s * 2^(n - 3) before it.
    #[test]
    fn moves_grow_with_the_logarithm_of_time(
        spells in vec((1_u64..40_000, 1_u64..5_000), 1..60), rise in 1_u32..4, fall in 1_u32..4,
    ) {
        let rules = Rules { rise, fall, ..Rules::default() };
        let mut judge = Judge::resume(&Saved { verdict: Verdict::Up, ..Saved::default() }, s(0));
        let (mut now, mut falls) = (Duration::ZERO, 0_u32);
        for (well, length) in spells.iter().flat_map(|&(up, down)| [(true, up), (false, down)]) {
            let end = now + ms(length);
            while now < end && now < s(300) {
                let change = judge.note(well, now, now, &rules);
                falls += u32::from(change.is_some_and(|change| change.after == Verdict::Down));
                now += ms(250);
            }
        }
        // 10 s * (2^0 + … + 2^(n - 3)) < 300 s.
        prop_assert!(falls <= 6, "{} falls", falls);
    }

    #[test]
    fn a_verdict_is_what_the_streak_says(results in vec(any::<bool>(), 0..200), rise in 0_u32..5, fall in 0_u32..5) {
        let rules = Rules { rise, fall, ..Rules::default() };
        let mut judge = Judge::new();
        for (at, &passed) in (0..).zip(&results) {
            let before = judge.clone();
            let change = judge.note(passed, s(at), s(at), &rules);
            prop_assert_eq!(change.is_some(), before.verdict() != judge.verdict());
            if let Some(Change { before: old, after }) = change {
                prop_assert_eq!((old, after), (before.verdict(), judge.verdict()));
                prop_assert_eq!(after, if passed { Verdict::Up } else { Verdict::Down });
                prop_assert_eq!(judge.since(), s(at));
            }
            if judge.failed() >= fall.max(1) {
                prop_assert_eq!(judge.verdict(), Verdict::Down);
            }
            if judge.verdict() == Verdict::Down && judge.passed() >= rise.max(1) {
                let penalty = judge.penalty(s(at), &rules).unwrap();
                prop_assert!(penalty.ends > judge.streak().unwrap().last_started);
            }
            let saved = judge.saved(s(at), &rules);
            prop_assert_eq!(Judge::resume(&saved, s(at)).saved(s(at), &rules), saved);
        }
    }
}
