//! How the daemon starts, ends, dies, and meets another one.

use std::{fs, process::Command};

use anycast_ctl::api::types::XdpMode;
use nix::sys::signal::Signal;
use xtask::lab::Family;

use crate::{
    harness::{
        BINARY, daemon, ended, idle, programs, refusal, site, site_file, spawn, status, steering, wait_for,
    },
    http,
    steer::spread,
};

#[test]
fn sigterm_and_sigint_detach_and_leave_nothing() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut lab = steering(1, 0);
        assert_eq!(programs(&lab, "edge").len(), 1);
        let socket = lab.socket().to_owned();
        let controller = lab.controller().unwrap();
        controller.signal(signal).unwrap();
        let mut code = None;
        wait_for("the daemon ends", || {
            code = controller.try_wait().unwrap();
            code.is_some()
        });
        assert_eq!(code.unwrap().code(), Some(0), "{signal}");
        assert_eq!(programs(&lab, "edge"), []);
        assert!(!socket.exists());
        assert!(!fs::exists(socket.with_extension("sock.lock")).unwrap());
        let log = lab.controller_log().unwrap();
        assert!(log.contains("detached") && !log.contains("WARN") && !log.contains("ERROR"), "{log}");
    }
}

#[test]
fn after_kill_9_nothing_is_attached_and_another_daemon_starts() {
    let mut lab = steering(2, 0);
    let controller = lab.controller().unwrap();
    controller.signal(Signal::SIGKILL).unwrap();
    controller.wait().unwrap();
    // The link ends with its last descriptor.
    wait_for("the kernel detaches", || programs(&lab, "edge").is_empty());
    assert!(lab.socket().exists(), "nobody could remove it");
    let text = lab.ctl(&["status"]).unwrap_err().to_string();
    assert!(text.contains("no daemon is listening on"), "{text}");
    lab.start_controller(&[]).unwrap();
    for family in Family::ALL {
        assert_eq!(spread(&lab, family, 20).len(), 2);
    }
}

#[test]
fn a_second_daemon_is_refused_and_the_first_goes_on() {
    let mut lab = steering(1, 0);
    let vip = lab.plan().vips.of(Family::V4);
    let pid = lab.controller().unwrap().id();
    let config = site_file(&lab, "second.toml", &site(&lab));
    let socket = lab.socket().to_str().unwrap().to_owned();

    let text = refusal(&lab, &["--config", &config, "--socket", &socket]);
    assert!(text.contains(&format!("another anycast-ctl (pid {pid}) already listens on {socket}")), "{text}");
    assert_eq!(http::who(&lab, vip).unwrap(), "backend1");

    let other = lab.directory().join("other.sock");
    for mode in [&[][..], &["--xdp-mode", "generic"]] {
        let arguments = [&["--config", &config, "--socket", other.to_str().unwrap()][..], mode].concat();
        let text = refusal(&lab, &arguments);
        assert!(text.contains("interface `eth0` already has an XDP program (id "), "{text}");
        assert!(!other.exists());
        assert_eq!(http::who(&lab, vip).unwrap(), "backend1");
    }
    assert_eq!(status(&lab).pid, pid);
}

#[test]
fn without_bpffs_it_works_and_pins_nothing() {
    let lab = idle(1, 0);
    let config = site_file(&lab, "site.toml", &site(&lab));
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "sh",
        "-c",
        "umount -a -t bpf; exec \"$@\"",
        "sh",
        BINARY,
        "run",
        "--temporary",
        "--config",
        &config,
    ]);
    command.arg("--socket").arg(lab.socket());
    let mut daemon = spawn(&lab, command);
    wait_for("it steers", || lab.status().is_ok_and(|status| status.all_up()));
    let mounts = fs::read_to_string(format!("/proc/{}/mounts", daemon.id())).unwrap();
    assert!(mounts.lines().all(|line| line.split(' ').nth(2) != Some("bpf")), "{mounts}");
    assert_eq!(http::who(&lab, lab.plan().vips.of(Family::V6)).unwrap(), "backend1");
    assert!(daemon.stop().unwrap().success());
    let (_, log) = ended(daemon);
    assert!(!log.contains("bpffs") && !log.contains("WARN"), "{log}");
}

#[test]
fn an_interface_that_goes_away_takes_nothing_else_along() {
    let lab = idle(1, 0);
    for words in ["link add veth0 type veth peer name veth1", "link set veth0 up", "link set veth1 up"] {
        lab.run("edge", "ip", &words.split(' ').collect::<Vec<_>>()).unwrap();
    }
    let both = site(&lab).replace(r#"["eth0"]"#, r#"["eth0", "veth0"]"#);
    let config = site_file(&lab, "both.toml", &both);
    let mut daemon = daemon(&lab, &["--config", &config, "--socket", lab.socket().to_str().unwrap()]);
    wait_for("it steers", || lab.status().is_ok_and(|status| status.all_up()));
    assert_eq!(programs(&lab, "edge").len(), 2);
    lab.run("edge", "ip", &["link", "del", "veth0"]).unwrap();
    assert_eq!(programs(&lab, "edge"), [("eth0".to_owned(), XdpMode::Native)]);
    let gone = "ATTENTION: interface veth0: it is gone";
    wait_for("it is noticed", || lab.ctl(&["status"]).unwrap().contains(gone));
    let present: Vec<bool> = status(&lab).interfaces.iter().map(|interface| interface.present).collect();
    assert_eq!(present, [true, false]);
    assert_eq!(http::who(&lab, lab.plan().vips.of(Family::V4)).unwrap(), "backend1");
    lab.run("edge", "ip", &["link", "add", "veth0", "type", "veth", "peer", "name", "veth1"]).unwrap();
    wait_for("the other of that name is attached to", || programs(&lab, "edge").len() == 2);
    assert!(daemon.stop().unwrap().success(), "it still ends cleanly");
    assert_eq!(programs(&lab, "edge"), []);
    let (_, log) = ended(daemon);
    assert_eq!(log.matches("it is gone").count(), 1, "{log}");
}
