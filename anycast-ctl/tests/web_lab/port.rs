//! Where it listens, and what happens when it cannot.

use std::{
    fs,
    net::TcpListener,
    process::{Command, Stdio},
};

use crate::harness::{ADDRESS, BINARY, ask, connect_from, exchange, idle, status, steering, wait_for};

#[test]
fn a_port_that_is_taken_is_waited_for_while_packets_are_steered() {
    let mut lab = idle();
    let taken = lab.inside("edge", || Ok(TcpListener::bind(ADDRESS)?)).unwrap();
    lab.start_controller(&["--xdp-mode", "native"]).unwrap();
    wait_for("the daemon says that it cannot listen", || {
        status(&lab).web.is_some_and(|web| !web.listening && web.error.is_some())
    });
    let page = lab.ctl(&["status"]).unwrap();
    assert!(page.contains("ATTENTION: no metrics at 127.0.0.1:9750"), "{page}");
    let log = fs::read_to_string(lab.directory().join("controller.log")).unwrap();
    assert_eq!(log.matches("cannot be served by http").count(), 1, "{log}");
    let vip = (lab.plan().vips.v4, xtask::lab::server::HTTP_PORT).into();
    assert!(xtask::lab::server::get(lab.client().unwrap(), vip, "/").unwrap().contains("X-Backend"));

    drop(taken);
    wait_for("it listens as soon as it can", || status(&lab).web.is_some_and(|web| web.listening));
    assert_eq!(ask(&lab, "GET /v1/status").code, 200);
}

#[test]
fn it_is_served_where_it_was_asked_for_and_nowhere_else() {
    for arguments in [&["--no-http"][..], &["--instance", "second"]] {
        let mut lab = idle();
        lab.start_controller(&[&["--xdp-mode", "native"], arguments].concat()).unwrap();
        assert_eq!(status(&lab).web, None, "{arguments:?}");
        let listening = lab.run("edge", "ss", &["-Hltn"]).unwrap();
        assert!(!listening.contains(":9750"), "{arguments:?}: {listening}");
    }
}

#[test]
fn others_reach_it_only_when_that_is_meant() {
    let mut lab = idle();
    let address = format!("{}:9800", lab.plan().edge.addresses.v4);
    let refused =
        Command::new(BINARY).args(["run", "--http", &address]).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("--http-remote"), "{said}");

    lab.start_controller(&["--xdp-mode", "native", "--http", &address, "--http-remote"]).unwrap();
    wait_for("the port listens", || status(&lab).web.is_some_and(|web| web.listening));
    let log = fs::read_to_string(lab.directory().join("controller.log")).unwrap();
    assert!(log.contains("can be read by every host that reaches this address"), "{log}");
    let request = format!("GET /v1/status HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    assert_eq!(exchange(connect_from(&lab, "client", &address), &request).code, 200);
}

#[test]
fn a_daemon_that_ends_lets_the_port_go() {
    let lab = steering(&[]);
    let open = crate::harness::connect(&lab);
    let listening = || lab.run("edge", "ss", &["-Hltn", "sport = :9750"]).unwrap();
    assert!(listening().contains(":9750"));
    let _ = lab.ctl(&["down"]).unwrap();
    wait_for("nobody listens", || listening().is_empty());
    drop(open);
}
