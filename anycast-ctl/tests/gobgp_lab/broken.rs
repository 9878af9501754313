//! gobgpd that is not there, not ready, or no more.

use std::{fs, os::unix::fs::PermissionsExt as _};

use anycast_ctl::{
    announce::driver::{DriverError, Level},
    model::Shutdown,
};
use nix::sys::signal::Signal;

use crate::harness::{Client, Lab, V4, V6, both};

#[test]
fn one_without_bgp_is_refused_with_what_to_give_it() {
    let mut lab = Lab::configured("");
    lab.start();
    let result = Client::new(&lab.endpoint(), Shutdown::default()).map(|_| ());
    let Err(DriverError::Refused(text)) = result else { panic!("{result:?}") };
    assert!(text.contains("runs without BGP") && text.contains("[global.config]"), "{text}");
    lab.gobgp("global as 65001 router-id 10.9.0.1");
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    // As one that is stopped, without ending, is.
    lab.gobgp("global del all");
    for error in
        [gobgp.try_bring(&both(Level::Announced)).err(), gobgp.try_look(&both(Level::Announced)).err()]
    {
        let Some(DriverError::Refused(text)) = error else { panic!("{error:?}") };
        assert!(text.contains("runs without BGP"), "{text}");
    }
}

#[test]
fn one_that_dies_between_two_calls_is_unreachable_and_the_next_one_is_brought_up_again() {
    let mut lab = Lab::new();
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    lab.await_route(V4.1, true);
    lab.stop();
    lab.start();
    // Even though there is another one, which has none of the routes.
    let error = gobgp.try_bring(&both(Level::Announced)).unwrap_err();
    assert!(matches!(&error, DriverError::Unreachable(text) if text.contains("hung up")), "{error:?}");
    lab.connect(Shutdown::default()).bring(&both(Level::Announced));
    lab.await_sessions(2);
    lab.await_route(V4.1, true);
    lab.await_route(V6.1, true);
}

#[test]
fn one_that_hangs_is_named_with_what_it_did_not_answer() {
    let lab = Lab::new();
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    lab.gobgpd().signal(Signal::SIGSTOP).unwrap();
    let error = gobgp.try_bring(&both(Level::Withdrawn)).unwrap_err();
    lab.gobgpd().signal(Signal::SIGCONT).unwrap();
    assert!(
        matches!(&error, DriverError::Unreachable(text) if text.contains("did not answer DeletePath")),
        "{error:?}"
    );
}

#[test]
fn a_socket_that_this_daemon_may_not_write_to_is_told() {
    let lab = Lab::new();
    fs::set_permissions(lab.socket(), fs::Permissions::from_mode(0o000)).unwrap();
    // root may write to it all the same.
    let endpoint = lab.endpoint();
    let connect = move || {
        nobody();
        Client::new(&endpoint, Shutdown::default()).map(|_| ())
    };
    let result = std::thread::spawn(connect).join().unwrap();
    let Err(DriverError::Refused(text)) = result else { panic!("{result:?}") };
    assert!(text.contains("Permission denied") && text.contains("user write to the socket"), "{text}");
}

/// Gives the rights of root up, for this thread only.
fn nobody() {
    caps::clear(None, caps::CapSet::Effective).unwrap();
    // SAFETY: the system call concerns the calling thread alone, and takes a plain number.
    let result = unsafe { libc::syscall(libc::SYS_setfsuid, 65534) };
    assert!(result >= 0);
}
