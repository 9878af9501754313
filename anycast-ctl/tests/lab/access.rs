//! Who may talk to the daemon.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::{Command, Output},
};

use nix::unistd::Group;

use crate::harness::{BINARY, daemon, ended, idle, site, site_file, wait_for};

/// Any user but root.
const USER: &str = "65534";

/// `anycast-ctl` by that user, in that group besides its own.
fn client(socket: &Path, group: &str, words: &[&str]) -> Output {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--groups", group, BINARY, "--socket"]);
    command.arg(socket).args(words).output().unwrap()
}

#[test]
fn members_of_the_socket_group_may_use_the_socket() {
    let lab = idle(1, 0);
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let socket = directory.path().join("run/anycast.sock");
    let config = site_file(&lab, "site.toml", &site(&lab));
    let arguments = ["--config", &config, "--socket", socket.to_str().unwrap(), "--socket-group"];
    let started = |group| {
        let daemon = daemon(&lab, &[&arguments[..], &[group]].concat());
        wait_for("the socket is given to the group", || {
            fs::metadata(&socket).is_ok_and(|it| it.mode() & 0o777 == 0o660 && it.gid() != 0)
        });
        daemon
    };

    let by_name = Group::from_name("daemon").unwrap().unwrap().gid.as_raw();
    for (group, number) in [("daemon", by_name), ("4711", 4711)] {
        let mut daemon = started(group);
        assert_eq!(fs::metadata(&socket).unwrap().gid(), number);
        wait_for("it answers", || client(&socket, &number.to_string(), &["export"]).status.success());
        let other = client(&socket, "4712", &["down"]);
        assert_eq!(other.status.code(), Some(1));
        let complaint = String::from_utf8_lossy(&other.stderr).into_owned();
        assert!(complaint.contains("use sudo, or join the group that owns it"), "{complaint}");
        assert!(daemon.stop().unwrap().success());
    }

    let (code, complaint) = ended(daemon(&lab, &[&arguments[..], &["no-such-group"]].concat()));
    assert_eq!(code, Some(2));
    assert!(
        complaint.contains("there is no such group: make it with `groupadd no-such-group`"),
        "{complaint}"
    );
}
