//! The pipes: missing, read by nobody, full, and with answers to others in them.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
};

use anycast_ctl::announce::driver::{DriverError, Failures, Level};
use nix::sys::signal::Signal;

use crate::harness::{Lab, Way, both};

fn refused(lab: &Lab) -> DriverError {
    lab.try_connect().err().expect("it cannot be reached")
}

#[test]
fn pipes_that_are_missing_or_read_by_nobody_are_named() {
    let lab = Lab::with(Way::Pipes, str::to_owned);
    let text = refused(&lab).to_string();
    assert!(text.contains("there is no pipe") && text.contains("exabgp.api.cli=true"), "{text}");

    lab.make_pipes();
    let text = refused(&lab).to_string();
    assert!(text.contains("nobody reads the pipe"), "{text}");

    let input = lab.path("run/exabgp.in");
    fs::remove_file(&input).unwrap();
    fs::write(&input, "").unwrap();
    let text = refused(&lab).to_string();
    assert!(text.contains("is no pipe"), "{text}");
}

#[test]
fn a_pipe_that_is_open_and_not_read_does_not_hang() {
    let lab = Lab::with(Way::Pipes, str::to_owned);
    lab.make_pipes();
    let mut input = OpenOptions::new().read(true).write(true).open(lab.path("run/exabgp.in")).unwrap();
    let text = refused(&lab).to_string();
    assert!(text.contains("does not answer"), "{text}");
    // Full to the brim.
    let flags = nix::fcntl::OFlag::O_NONBLOCK;
    nix::fcntl::fcntl(&input, nix::fcntl::FcntlArg::F_SETFL(flags)).unwrap();
    while input.write(&[b'\n'; 512]).is_ok() {}
    let text = refused(&lab).to_string();
    assert!(text.contains("does not answer"), "{text}");
}

#[test]
fn a_daemon_that_comes_back_moves_nothing() {
    let lab = Lab::new(Way::Pipes);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    let before = lab.router.moves();
    drop(driver);
    // Somebody asked and did not wait for the answers.
    let mut input = OpenOptions::new().write(true).open(lab.path("run/exabgp.in")).unwrap();
    input.write_all(b"show neighbor none summary\nshow neighbor summary\nversion\nnonsense\n").unwrap();
    let mut driver = lab.connect();
    assert_eq!(lab.bring(&mut driver, &both(Level::Announced)), Failures::new());
    assert_eq!(lab.look(&mut driver, &both(Level::Announced)).routes.len(), 2);
    assert_eq!(lab.router.moves(), before);
    lab.bring_both(&mut driver, Level::Withdrawn);
}

#[test]
fn an_exabgp_that_hangs_or_dies_is_noticed() {
    let mut lab = Lab::new(Way::Pipes);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    lab.signal(Signal::SIGSTOP);
    let error = lab.runtime.block_on(driver.bring(&both(Level::Withdrawn))).unwrap_err();
    assert!(error.to_string().contains("does not answer"), "{error}");
    lab.signal(Signal::SIGCONT);
    drop(driver);

    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Withdrawn);
    lab.stop();
    let error = lab.runtime.block_on(driver.look(&both(Level::Withdrawn))).unwrap_err();
    assert!(matches!(error, DriverError::Unreachable(_)), "{error:?}");
    assert!(matches!(refused(&lab), DriverError::Unreachable(_)));
}
