//! How long a route takes to be gone at the router. Printed, not judged: `--nocapture` shows it.

use std::time::Instant;

use anycast_ctl::announce::driver::{Failures, Level};

use crate::harness::{Lab, Way, wanted};

const RUNS: usize = 20;

#[test]
fn one_of_a_hundred_is_withdrawn() {
    for (name, way) in [("relay", Way::Relay), ("pipes", Way::Pipes)] {
        let lab = Lab::new(way);
        let mut driver = lab.connect();
        let prefixes: Vec<_> = (1..=100).map(|it| format!("198.51.100.{it}/32")).collect();
        let mut routes: Vec<_> =
            prefixes.iter().map(|it| (it.as_str(), it.as_str(), Level::Announced)).collect();
        assert_eq!(lab.bring(&mut driver, &wanted(&routes)), Failures::new());
        let mut gone = Vec::new();
        let mut answered = Vec::new();
        for run in 0..RUNS {
            routes[run].2 = Level::Withdrawn;
            let wanted = wanted(&routes);
            crate::harness::eventually("it is there", || lab.router.route(&prefixes[run]).is_some());
            let watch = lab.router.watch(&prefixes[run]);
            let start = Instant::now();
            assert_eq!(lab.bring(&mut driver, &wanted), Failures::new());
            answered.push(start.elapsed());
            gone.push(watch.gone().duration_since(start));
        }
        gone.sort();
        answered.sort();
        println!(
            "{name}: gone at the router after {:?} (median of {RUNS}; worst {:?}), answered after {:?}",
            gone[RUNS / 2],
            gone[RUNS - 1],
            answered[RUNS / 2]
        );
    }
}
