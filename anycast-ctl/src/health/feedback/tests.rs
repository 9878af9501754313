use proptest::{collection::vec, prelude::*};

use super::*;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Reports the same loads once a second from `from` to `until`, and decides when it is time to.
fn report(feedback: &mut Feedback<usize>, loads: &[Option<f64>], from: u64, until: u64) -> usize {
    let (rules, all) = (Rules::default(), (0..loads.len()).collect::<Vec<_>>());
    let mut tables = 0;
    for now in (from..until).map(s) {
        for (key, load) in loads.iter().enumerate() {
            load.iter().for_each(|load| feedback.report(key, *load, now, &rules));
        }
        tables += usize::from(feedback.decide(now, &rules, &all, &all));
    }
    tables
}

fn factors(feedback: &Feedback<usize>) -> Vec<u16> {
    (0..3).map(|key| feedback.factor(&key)).collect()
}

#[test]
fn more_load_is_less_weight() {
    let mut feedback = Feedback::new([]);
    assert_eq!(factors(&feedback), [WHOLE; 3]);
    assert_eq!(report(&mut feedback, &[Some(0.5), Some(0.5), Some(0.5)], 0, 600), 0, "balanced");
    report(&mut feedback, &[Some(0.8), Some(0.4), Some(0.4)], 600, 700);
    let [busy, idle, other] = factors(&feedback)[..] else { panic!() };
    assert!(busy < 900 && idle > 1000 && idle.abs_diff(other) <= 1, "{:?}", factors(&feedback));
}

#[test]
fn factors_end_at_the_range_and_units_do_not_matter() {
    let (mut feedback, mut percent) = (Feedback::new([]), Feedback::new([]));
    let tables = report(&mut feedback, &[Some(0.9), Some(0.0), Some(0.0)], 0, 6000);
    assert_eq!((feedback.factor(&0), feedback.factor(&1) == feedback.factor(&2)), (250, true));
    report(&mut percent, &[Some(90.0), Some(0.0), Some(0.0)], 0, 6000);
    assert_eq!(factors(&percent), factors(&feedback));
    assert!(tables < 60, "{tables}");
}

#[test]
fn who_says_nothing_goes_back_to_the_whole() {
    let mut feedback = Feedback::new([(0, 500), (1, 1500), (2, 1500)]);
    assert_eq!(factors(&feedback), [500, 1500, 1500]);
    report(&mut feedback, &[None; 3], 0, 2000);
    assert!(factors(&feedback).iter().all(|factor| factor.abs_diff(WHOLE) < 20), "{:?}", factors(&feedback));
    // The same when it said something once.
    report(&mut feedback, &[Some(0.9), Some(0.3), Some(0.3)], 2000, 2300);
    assert!(feedback.factor(&0) < 800);
    report(&mut feedback, &[None, Some(0.5), Some(0.5)], 2300, 5000);
    assert!(factors(&feedback).iter().all(|factor| factor.abs_diff(WHOLE) < 40), "{:?}", factors(&feedback));
}

#[test]
fn nothing_is_made_of_idle_pools_lonely_backends_and_nonsense() {
    let nonsense = [f64::NAN, f64::INFINITY, -1.0, -0.1];
    for loads in [[Some(0.04), Some(0.01), Some(0.0)], [Some(0.9), None, None], [Some(0.0); 3]] {
        let mut feedback = Feedback::new([]);
        assert_eq!(report(&mut feedback, &loads, 0, 1000), 0);
    }
    let mut feedback = Feedback::new([]);
    for (now, load) in nonsense.into_iter().enumerate() {
        feedback.report(0, load, s(now as u64), &Rules::default());
    }
    assert_eq!(feedback.loops.len(), 0);
}

#[test]
fn who_is_not_regulated_keeps_its_factor_and_who_left_is_forgotten() {
    let rules = Rules::default();
    let mut feedback = Feedback::new([(0, 500), (1, 800), (2, 1500)]);
    for now in 0..600 {
        (0..3).for_each(|key| feedback.report(key, 0.1 + 0.4 * key as f64, s(now), &rules));
        feedback.decide(s(now), &rules, &[0, 1, 2], &[1, 2]);
    }
    assert_eq!(feedback.factor(&0), 500);
    assert!(feedback.factor(&1) > 1000);
    feedback.decide(s(600), &rules, &[1], &[1]);
    assert_eq!(feedback.factors().map(|(key, _)| key).collect::<Vec<_>>(), [1]);
    assert_eq!(feedback.next(&rules), s(610));
}

proptest! {
    #[test]
    fn whatever_is_reported_factors_stay_in_range(
        reports in vec((0_usize..4, any::<f64>(), 0_u64..30), 0..300), seconds in 0_u64..100, range in 0.0..10.0,
    ) {
        let rules = Rules {
            interval: s(seconds / 10), lag: s(seconds / 7), smoothing: s(seconds / 3), range, ..Rules::default()
        };
        let mut feedback = Feedback::new([]);
        let (mut now, mut before) = (0, Vec::new());
        for (key, load, pause) in reports {
            now += pause;
            feedback.report(key, load, s(now), &rules);
            let changed = feedback.decide(s(now), &rules, &[0, 1, 2, 3], &[0, 1, 2, 3]);
            let after: Vec<_> = feedback.factors().collect();
            let known = |factors: &Vec<(usize, u16)>| {
                factors.iter().copied().filter(|(_, factor)| *factor != WHOLE).collect::<Vec<_>>()
            };
            prop_assert!(changed || known(&after) == known(&before), "a change that nobody is told of");
            let most = (range.max(1.0) * f64::from(WHOLE)) as u16 + 1;
            let least = (f64::from(WHOLE) / range.max(1.0)) as u16;
            prop_assert!(after.iter().all(|(_, factor)| (least..=most).contains(factor)), "{:?}", after);
            before = after;
        }
    }
}
