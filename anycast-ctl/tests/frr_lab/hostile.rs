//! Ends that are not bgpd, or not for us.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    thread,
};

use anycast_ctl::announce::driver::{DriverError, Level};
use caps::{CapSet, Capability};
use tempfile::TempDir;
use tokio::runtime::Builder;
use xtask::lab::halt;

use crate::{
    border::both,
    harness::{Stage, by},
};

const NO_VTYSH: &str = "/nowhere/vtysh";

/// Somebody who answers everything with the same.
fn listening(answer: &'static [u8], hangs_up: bool) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("bgpd.vty")).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut command = [0; 4096];
        while stream.read(&mut command).is_ok_and(|count| count > 0) {
            if stream.write_all(answer).is_err() || hangs_up {
                return;
            }
        }
    });
    directory
}

fn refused(sockets: &Path) -> DriverError {
    let announce = by(sockets, Path::new(NO_VTYSH));
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let surroundings = anycast_ctl::announce::driver::Surroundings {
        instance: "anycast".to_owned(),
        run_dir: PathBuf::from("/run/anycast").into(),
    };
    runtime.block_on(anycast_ctl::announce::driver::connect(&announce, &surroundings)).err().unwrap()
}

#[test]
fn a_socket_that_is_missing_is_named_with_the_vtysh_that_is() {
    let error = refused(Path::new("/nowhere"));
    let DriverError::Unreachable(text) = error else { panic!("{error:?}") };
    assert!(text.contains("at /nowhere/bgpd.vty: No such file") && text.contains("bgpd=yes"), "{text}");
    assert!(text.contains("nor by vtysh: running /nowhere/vtysh"), "{text}");
}

#[test]
fn garbage_is_told_from_an_answer() {
    for garbage in
        [&b"\0\0\0"[..], b"HTTP/1.1 400\r\n\0no\n\0\0\0\0", b"\xff\xfe\0\0\0\0", b"\0\0\0\0\0\0\0\0"]
    {
        let error = refused(listening(garbage, false).path());
        // Three zero bytes may be half an answer: it waits for the rest.
        let is_right = match error {
            DriverError::Garbled(_) => garbage.len() > 3,
            DriverError::Unreachable(_) => garbage.len() == 3,
            DriverError::Refused(_) => false,
        };
        assert!(is_right, "{garbage:?}");
    }
    let error = refused(listening(b"ok\0\0\0\0", false).path());
    assert!(matches!(&error, DriverError::Garbled(text) if text.contains("is not FRR")), "{error}");
}

#[test]
fn one_that_hangs_or_hangs_up_is_named() {
    let error = refused(listening(b"", false).path()).to_string();
    assert!(error.contains("did not answer within 4 s to `enable`"), "{error}");
    let error = refused(listening(b"half", true).path()).to_string();
    assert!(error.contains("hung up") && error.contains("at `enable`"), "{error}");
}

#[test]
fn one_that_never_ends_is_not_read_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("bgpd.vty")).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    let error = refused(directory.path()).to_string();
    assert!(error.contains("more than this daemon reads"), "{error}");
}

#[test]
fn without_permission_the_group_is_named() {
    let stage = Stage::new();
    let sockets = stage.frr.sockets.clone();
    // The thread's own: root without this is anybody.
    let error = thread::spawn(move || {
        for capability in [Capability::CAP_DAC_OVERRIDE, Capability::CAP_DAC_READ_SEARCH] {
            caps::drop(None, CapSet::Effective, capability).unwrap();
        }
        refused(&sockets)
    });
    let error = error.join().unwrap();
    assert!(matches!(&error, DriverError::Refused(text) if text.contains("group frrvty")), "{error}");
}

#[test]
fn a_bgpd_that_stops_answering_is_named() {
    let stage = Stage::new();
    let mut driver = stage.driver();
    let pid = fs::read_to_string(stage.frr.sockets.join("bgpd.pid")).unwrap();
    let pid = nix::unistd::Pid::from_raw(pid.trim().parse().unwrap());
    halt(pid).unwrap();
    let error = stage.block_on(driver.bring(&both(Level::Announced))).unwrap_err().to_string();
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    assert!(error.contains("did not answer within 4 s to `configure terminal`"), "{error}");
}
