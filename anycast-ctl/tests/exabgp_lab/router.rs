//! The neighbour: a BIRD that says what it received.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread::{self, JoinHandle},
    time::Instant,
};

use xtask::lab::{Namespace, Process};

use crate::harness::eventually;

const CONFIG: &str = "
router id 10.9.0.2;
log stderr all;
protocol device { }
protocol bgp edge4 {
  local 10.9.0.2 as 65002; neighbor 10.9.0.1 as 65001; passive yes;
  ipv4 { import all; export none; };
}
protocol bgp edge6 {
  local fd09::2 as 65002; neighbor fd09::1 as 65001; passive yes;
  ipv6 { import all; export none; };
}
";

/// A running BIRD.
pub struct Router {
    socket: PathBuf,
    _process: Process,
}

impl Router {
    pub fn start(namespace: &Namespace, directory: &Path) -> Self {
        let (config, socket) = (directory.join("router.conf"), directory.join("router.ctl"));
        fs::write(&config, CONFIG).unwrap();
        let mut command = Command::new("/usr/sbin/bird");
        command
            .args(["-f", "-c"])
            .arg(&config)
            .arg("-s")
            .arg(&socket)
            .args(["-P"])
            .arg(directory.join("router.pid"));
        command.stderr(fs::File::create(directory.join("router.log")).unwrap());
        let process = Process::spawn(namespace, "router", command).unwrap();
        eventually("the router runs", || socket.exists());
        Self { socket, _process: process }
    }

    /// What `birdc` says.
    pub fn ask(&self, question: &str) -> String {
        let output = Command::new("/usr/sbin/birdc")
            .arg("-s")
            .arg(&self.socket)
            .args(question.split(' '))
            .stderr(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// A route with all its attributes, if it is there.
    pub fn route(&self, prefix: &str) -> Option<String> {
        Some(self.ask(&format!("show route all {prefix}"))).filter(|it| it.contains("BGP.origin"))
    }

    /// One attribute of a route, as `BGP.med` or `BGP.as_path`.
    pub fn attribute(&self, prefix: &str, name: &str) -> Option<String> {
        let route = self.route(prefix)?;
        let line = route.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
        line.map(|it| it.trim().to_owned())
    }

    /// How many updates and withdrawals came over both sessions.
    pub fn moves(&self) -> Vec<String> {
        let shown = self.ask("show protocols all");
        shown.lines().filter(|line| line.contains("Import ")).map(str::to_owned).collect()
    }

    /// Watches from now on for a route to be gone, without a pause between two looks.
    pub fn watch(&self, prefix: &str) -> Watch {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        let question = format!("show route {prefix}\n");
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::spawn(move || {
            answer(&mut stream);
            ready.send(()).unwrap();
            loop {
                stream.write_all(question.as_bytes()).unwrap();
                if answer(&mut stream).contains("8001 ") {
                    return Instant::now();
                }
            }
        });
        is_ready.recv().unwrap();
        Watch(thread)
    }

    /// Waits for both sessions.
    pub fn await_sessions(&self) {
        eventually("both sessions are up", || self.ask("show protocols").matches("Established").count() == 2);
    }
}

/// Somebody who looks.
pub struct Watch(JoinHandle<Instant>);

impl Watch {
    /// When it was gone.
    pub fn gone(self) -> Instant {
        self.0.join().unwrap()
    }
}

/// Reads up to the line whose code has a space behind it.
fn answer(stream: &mut UnixStream) -> String {
    let (mut text, mut chunk) = (String::new(), [0; 4096]);
    let is_last =
        |line: &str| line.len() > 4 && line.as_bytes()[4] == b' ' && line.as_bytes()[0].is_ascii_digit();
    while !(text.ends_with('\n') && text.lines().last().is_some_and(is_last)) {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the router is gone");
        text += std::str::from_utf8(&chunk[..read]).unwrap();
    }
    text
}
