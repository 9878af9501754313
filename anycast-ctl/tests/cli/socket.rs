//! The daemon's socket and its lock.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    path::Path,
};

use anycast_ctl::api::socket::{Socket, SocketError};

use crate::{ask, daemon::Daemon, stdout};

#[tokio::test]
async fn a_socket_has_one_owner() {
    let daemon = Daemon::start();
    let socket = daemon.socket();
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(fs::metadata(socket.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o755);

    let error = Socket::bind(&socket).unwrap_err().to_string();
    let pid = std::process::id();
    assert_eq!(
        error,
        format!(
            "another anycast-ctl (pid {pid}) already listens on {}: stop it first, or give this one its own --socket",
            socket.display()
        )
    );
    stdout(&ask(&daemon, "status"));
    assert!(!daemon.stop().exists());
}

#[tokio::test]
async fn a_stale_socket_is_taken_over_and_anything_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);

    // As kill -9 leaves it: both files, and a process id that may have been given to another process since.
    drop(UnixListener::bind(at("stale")).unwrap());
    fs::write(at("stale.lock"), "1\n").unwrap();
    drop(Socket::bind(&at("stale")).unwrap());
    assert!(!at("stale").exists() && !at("stale.lock").exists());

    let foreign = UnixListener::bind(at("foreign")).unwrap();
    assert!(matches!(Socket::bind(&at("foreign")), Err(SocketError::Foreign(_))));
    drop(foreign);
    fs::write(at("file"), "precious").unwrap();
    assert!(matches!(Socket::bind(&at("file")), Err(SocketError::NotASocket(_))));
    assert_eq!(fs::read_to_string(at("file")).unwrap(), "precious");

    // What replaced our socket is not ours to remove.
    let socket = Socket::bind(&at("mine")).unwrap();
    fs::remove_file(at("mine")).unwrap();
    fs::write(at("mine"), "theirs").unwrap();
    drop(socket);
    assert_eq!(fs::read_to_string(at("mine")).unwrap(), "theirs");

    let long = directory.path().join("x".repeat(120));
    let text = Socket::bind(&long).unwrap_err().to_string();
    assert!(text.contains("a Unix socket allows 107: name a shorter one with --socket"), "{text}");
    assert!(
        Socket::bind(Path::new("/proc/no/a.sock"))
            .unwrap_err()
            .to_string()
            .starts_with("create the directory")
    );
}
