//! Relays that are not there, or are none.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use anycast_ctl::announce::driver::{DriverError, Level};
use nix::sys::signal::Signal;

use crate::harness::{Lab, Way, both, eventually, socket};

#[test]
fn without_a_relay_it_says_what_to_add_and_lets_one_in_that_comes_late() {
    let mut lab = Lab::with(Way::Relay, str::to_owned);
    let Err(error) = lab.try_connect() else { panic!("there is none") };
    assert!(matches!(error, DriverError::Unreachable(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("process anycast { run") && text.contains("api { processes [ anycast ]; }"),
        "{text}"
    );
    assert!(socket(lab.directory.path()).exists(), "a relay can come meanwhile");
    lab.start();
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
}

#[test]
fn a_socket_that_somebody_removed_is_made_again() {
    let lab = Lab::new(Way::Relay);
    drop(lab.connect());
    std::fs::remove_file(socket(lab.directory.path())).unwrap();
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
}

#[test]
fn a_stale_socket_is_replaced_and_a_file_is_not() {
    let lab = Lab::with(Way::Relay, str::to_owned);
    let path = socket(lab.directory.path());
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let Err(DriverError::Unreachable(text)) = lab.try_connect() else { panic!("there is no relay") };
    assert!(text.contains("no relay"), "{text}");

    let lab = Lab::with(Way::Relay, str::to_owned);
    std::fs::write(socket(lab.directory.path()), "precious").unwrap();
    let Err(DriverError::Refused(text)) = lab.try_connect() else { panic!("there is a file") };
    assert!(text.contains("is no socket"), "{text}");
}

/// What comes of connecting while something connects in the relay's place.
fn error_with(stranger: impl FnOnce(UnixStream) + Send + 'static) -> DriverError {
    let lab = Lab::with(Way::Relay, str::to_owned);
    let path = socket(lab.directory.path());
    let _ = lab.try_connect();
    let thread = thread::spawn(move || stranger(UnixStream::connect(path).unwrap()));
    let Err(error) = lab.try_connect() else { panic!("it was let in") };
    thread.join().unwrap();
    error
}

const HELLO: &[u8] = b"{\"relay\":1,\"routes\":[]}\n";

#[test]
fn strangers_are_told_from_relays() {
    let silent = error_with(|_| thread::sleep(Duration::from_millis(700)));
    assert!(silent.to_string().contains("said nothing"), "{silent}");

    let garbage = error_with(|mut it| it.write_all(b"GET / HTTP/1.1\n").unwrap());
    assert!(matches!(garbage, DriverError::Garbled(_)), "{garbage:?}");

    let other = error_with(|mut it| it.write_all(b"{\"relay\":7,\"routes\":[]}\n").unwrap());
    assert!(other.to_string().contains("of version 7"), "{other}");

    let gone = error_with(|mut it| it.write_all(HELLO).unwrap());
    assert!(gone.to_string().contains("relay"), "{gone}");

    let hanging = error_with(|mut it| {
        it.write_all(HELLO).unwrap();
        // Reads the request until the driver hangs up, and answers nothing.
        let _ = it.read_to_end(&mut Vec::new());
    });
    assert!(hanging.to_string().contains("does not answer"), "{hanging}");
}

#[test]
fn an_exabgp_that_hangs_is_noticed() {
    let lab = Lab::new(Way::Relay);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    lab.signal(Signal::SIGSTOP);
    let error = lab.runtime.block_on(driver.bring(&both(Level::Withdrawn))).unwrap_err();
    lab.signal(Signal::SIGCONT);
    assert!(error.to_string().contains("does not answer"), "{error}");
    drop(driver);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Withdrawn);
}

#[test]
fn an_exabgp_that_dies_between_two_calls_is_noticed() {
    let mut lab = Lab::new(Way::Relay);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    lab.stop();
    let error = lab.runtime.block_on(driver.look(&both(Level::Announced))).unwrap_err();
    assert!(matches!(error, DriverError::Unreachable(_)), "{error:?}");
    eventually("its routes are gone with it", || {
        lab.router.moves().is_empty() || lab.router.route(crate::harness::FOUR).is_none()
    });
}

#[test]
fn the_relay_at_a_terminal_says_whose_it_is() {
    let relay = std::process::Command::new(env!("CARGO_BIN_EXE_anycast-ctl"))
        .args(["announce", "relay"])
        .stdin(std::fs::File::open("/dev/null").unwrap())
        .output()
        .unwrap();
    assert_eq!(relay.status.code(), Some(1));
    let text = String::from_utf8(relay.stderr).unwrap();
    assert!(text.contains("the relay is for ExaBGP to run"), "{text}");
}
