//! Routes of a daemon that is dead, withdrawn with the right that the watchdog's unit has.

use nix::sys::signal::Signal;

use crate::{
    service::ROUTES,
    stage::{Stage, wait_for},
};

#[test]
fn one_right_is_enough_to_withdraw_and_is_named_where_it_lacks() {
    let mut stage = Stage::new(1);
    let site = stage.site("", "") + ROUTES;
    stage.start(&site, &[]);
    let routes =
        |stage: &Stage| stage.shell("ip route show proto 77; ip -6 route show proto 77").lines().count();
    wait_for("both VIPs are announced", || routes(&stage) == 2);
    let mut daemon = stage.daemon.take().unwrap();
    daemon.signal(Signal::SIGKILL).unwrap();
    daemon.wait().unwrap();
    let release = |capabilities: &[&str]| stage.service(capabilities, &["announce", "release", "--force"]);

    let refused = release(&[]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("give the daemon CAP_NET_ADMIN: AmbientCapabilities=CAP_NET_ADMIN in its unit"),
        "{said}"
    );
    assert_eq!(routes(&stage), 2);

    let done = release(&["net_admin"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(routes(&stage), 0);
}
