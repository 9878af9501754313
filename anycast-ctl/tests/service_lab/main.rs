//! What a service manager hears of the real daemon, on a real socket: that it is ready, reloads, lives, and ends. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

use std::{
    cell::RefCell,
    fs,
    io::ErrorKind,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::{signal::Signal, stat::Mode},
    unistd::mkfifo,
};
use xtask::lab::{INTERFACE, Options, OwnedLab, Process, controller};

const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");

/// Longer than anything takes on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// What the service manager wants a sign of life within.
const WATCHDOG: Duration = Duration::from_secs(2);

/// A service manager's end of the socket.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    /// All it heard.
    heard: RefCell<Vec<String>>,
}

impl Manager {
    fn new(directory: &Path) -> Self {
        let path = directory.join("notify");
        Self { socket: UnixDatagram::bind(&path).unwrap(), path, heard: RefCell::default() }
    }

    fn environment(&self, command: &mut Command) {
        command.env("NOTIFY_SOCKET", &self.path);
        command.env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string()).env_remove("WATCHDOG_PID");
    }

    /// The next datagram, or none within that time.
    fn hear(&self, within: Duration) -> Option<String> {
        let mut buffer = [0; 4096];
        self.socket.set_read_timeout(Some(within)).unwrap();
        match self.socket.recv(&mut buffer) {
            Ok(length) => {
                let datagram = String::from_utf8(buffer[..length].to_vec()).unwrap();
                self.heard.borrow_mut().push(datagram.clone());
                Some(datagram)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads on until that line comes; answers the datagram that it is in.
    fn wait_for(&self, line: &str) -> String {
        let start = Instant::now();
        while start.elapsed() < SOON {
            let Some(datagram) = self.hear(SOON) else { break };
            if datagram.lines().any(|it| it == line) {
                return datagram;
            }
        }
        panic!("no {line} came, but {:?}", self.heard.borrow());
    }

    /// The same where it may have come before.
    fn hears(&self, line: &str) {
        if !self.heard.borrow().iter().any(|datagram| datagram.lines().any(|it| it == line)) {
            self.wait_for(line);
        }
    }
}

#[test]
fn the_daemon_tells_when_it_steers_reloads_lives_and_ends() {
    let options = Options { backends: 2, binary: Some(BINARY.into()), ..Options::default() };
    let lab = OwnedLab::start(&options).unwrap();
    let manager = Manager::new(lab.directory());
    let (site, file) = (controller::site(lab.plan()).to_toml(), lab.directory().join("site.toml"));
    fs::write(&file, &site).unwrap();
    let mut daemon = start(&lab, &manager, &file);

    // Ready means that packets are steered.
    manager.wait_for("READY=1");
    let link = lab.run("edge", "ip", &["-json", "link", "show", "dev", INTERFACE]).unwrap();
    assert!(link.contains("\"prog\":"), "{link}");
    assert!(lab.status().is_ok());
    manager.hears("STATUS=steering: 4 of 4 backends up");
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1");
    }

    daemon.signal(Signal::SIGHUP).unwrap();
    let reloading = manager.wait_for("RELOADING=1");
    let since = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    assert!(since.parse::<u64>().unwrap() > 0);
    manager.wait_for("READY=1");

    // A file that cannot be used is no end of service: it is said, and the reload is over.
    fs::write(&file, "interfaces = 7\n").unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    manager.wait_for("RELOADING=1");
    let status = manager.hear(SOON).unwrap();
    assert!(status.starts_with("STATUS=the site file was not applied again: "), "{status}");
    manager.wait_for("READY=1");

    // A controller that waits for a file which nobody writes is stuck, and does not pretend otherwise.
    fs::remove_file(&file).unwrap();
    mkfifo(&file, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    manager.wait_for("RELOADING=1");
    assert_eq!(manager.hear(2 * WATCHDOG), None, "a sign of life of a controller that is stuck");
    fs::write(&file, &site).unwrap();
    manager.wait_for("READY=1");
    manager.wait_for("WATCHDOG=1");

    daemon.signal(Signal::SIGTERM).unwrap();
    manager.wait_for("STOPPING=1");
    let start = Instant::now();
    while daemon.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < SOON, "the daemon does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn start(lab: &OwnedLab, manager: &Manager, file: &Path) -> Process {
    let mut command = Command::new(BINARY);
    command.args(["run", "--temporary", "--no-http", "--config"]).arg(file);
    command.arg("--socket").arg(lab.socket()).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(fs::File::create(lab.directory().join("daemon.log")).unwrap());
    manager.environment(&mut command);
    lab.spawn("edge", command).unwrap()
}

#[test]
fn the_watchdog_of_announcements_tells_that_it_watches() {
    let directory = tempfile::tempdir().unwrap();
    let manager = Manager::new(directory.path());
    let mut command = Command::new(BINARY);
    command.args(["announce", "watchdog", "--socket"]).arg(directory.path().join("anycast.sock"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    manager.environment(&mut command);
    let mut watchdog = command.spawn().unwrap();
    manager.wait_for("READY=1");
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1");
    }
    watchdog.kill().unwrap();
    watchdog.wait().unwrap();
}
