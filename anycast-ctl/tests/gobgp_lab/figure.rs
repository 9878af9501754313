//! How long a withdrawal takes to the neighbour, told and not judged.

use std::time::{Duration, Instant};

use anycast_ctl::{
    announce::driver::{Level, Wanted},
    model::Shutdown,
};

use crate::harness::{Lab, wanted};

const VIPS: usize = 100;
const RUNS: usize = 20;

#[test]
fn one_withdrawal_among_a_hundred_is_measured() {
    let lab = Lab::new();
    let mut gobgp = lab.connect(Shutdown::default());
    let all = vips();
    let start = Instant::now();
    gobgp.bring(&all);
    println!("{VIPS} routes announced: bring took {:?}", start.elapsed());
    let start = Instant::now();
    let seen = gobgp.look(&all);
    println!("{VIPS} routes: look took {:?}", start.elapsed());
    assert!(seen.routes.len() == VIPS && seen.routes.values().all(|route| route.trouble.is_none()));
    let (mut brings, mut gone) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let prefix = prefix(run);
        lab.await_route(&prefix, true);
        let mut without = all.clone();
        without.get_mut(&format!("vip{run}")).unwrap().level = Level::Withdrawn;
        let start = Instant::now();
        gobgp.bring(&without);
        brings.push(start.elapsed());
        while lab.router.has(&prefix) {}
        gone.push(start.elapsed());
        gobgp.bring(&all);
    }
    println!("one of {VIPS} withdrawn: bring {}, gone at the neighbour {}", told(brings), told(gone));
}

fn told(mut times: Vec<Duration>) -> String {
    times.sort();
    format!("median {:?}, worst {:?}", times[times.len() / 2], times.last().unwrap())
}

fn prefix(number: usize) -> String {
    format!("198.51.100.{number}/32")
}

fn vips() -> Wanted {
    let named: Vec<_> = (0..VIPS).map(|number| (format!("vip{number}"), prefix(number))).collect();
    let routes: Vec<_> =
        named.iter().map(|(vip, prefix)| (vip.as_str(), prefix.as_str(), Level::Announced)).collect();
    wanted(&routes)
}
