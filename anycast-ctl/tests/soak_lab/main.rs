//! A short soak: the books agree, nothing is left, and sessions that are broken on purpose without a reason are found, and nothing else.

use std::time::Duration;

use xtask::soak::{Options, run};

#[test]
fn a_short_soak_finds_what_was_planted_and_nothing_else() {
    let report = run(&Options {
        binary: env!("CARGO_BIN_EXE_anycast-ctl").into(),
        time: Duration::from_secs(20),
        seed: 11,
        sessions: 60,
        rate: 50,
        plant: true,
        silent: true,
    })
    .unwrap();
    println!("{}", report.markdown());
    let is_planted = |fault: &&String| fault.starts_with("sessions: ") && fault.contains("session of a-web1");
    let (planted, other): (Vec<_>, Vec<_>) = report.faults.iter().partition(is_planted);
    assert!(!planted.is_empty(), "the planted fault was not found");
    assert!(other.is_empty(), "{other:#?}");
    assert!(report.deeds() > 0, "nothing was done");
    assert!(report.plot().contains("</svg>"));
}
