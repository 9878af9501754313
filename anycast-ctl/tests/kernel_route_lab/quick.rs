//! How long a withdrawal takes, among a hundred VIPs.

use anycast_ctl::announce::driver::{Level, Wanted};

use crate::{border::one, harness::Stage};

fn hundred() -> Wanted {
    let vip = |i: u32| one(&format!("vip{i}"), &format!("192.0.2.{i}/32"), Level::Announced);
    (1..=100).map(vip).collect()
}

#[test]
fn one_of_a_hundred_is_withdrawn() {
    for (name, stage) in [("BIRD", Stage::with_bird()), ("FRR", Stage::with_frr())] {
        let mut wanted = hundred();
        let mut driver = stage.driver();
        stage.bring(&mut driver, &wanted);
        stage.until_there("192.0.2.100/32");
        let start = std::time::Instant::now();
        assert_eq!(stage.look(&mut driver, &wanted).routes.len(), 100);
        let looked = start.elapsed();
        let (brought, gone) = stage.measure(&mut driver, &mut wanted, "vip50");
        eprintln!(
            "behind {name}: brought in {brought:.1?}, gone at the neighbour in {gone:.1?}; looked in {looked:.1?}"
        );
    }
}
