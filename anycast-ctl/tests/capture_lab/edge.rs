//! An edge with backends, clients, and captures on it.

use std::{
    fs,
    io::Read,
    process::Stdio,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anycast_ctl::api::types::{BackendState, CaptureLine, CaptureStatus, CapturedPacket};
use nix::sys::signal::Signal;
use serde::Deserialize;
use xtask::lab::{
    Family, Process,
    server::{HTTP_PORT, get},
};

use crate::host::Host;

const SOON: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

pub struct Edge {
    pub host: Host,
}

/// What a capture says at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Counts {
    pub matched: u64,
    pub unsampled: u64,
    pub limited: u64,
    pub lost: u64,
    pub overrun: u64,
    pub written: u64,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Edge {
    /// One with so many backends, every one of them up.
    pub fn start(backends: usize) -> Self {
        let mut host = Host::new(backends);
        host.start(&["--xdp-mode", "native"]);
        let edge = Self { host };
        edge.wait_for("every backend is up", |edge| {
            let status = edge.host.status("anycast");
            status.pools.iter().flat_map(|pool| &pool.backends).all(|it| it.state == BackendState::Up)
        });
        edge
    }

    /// Kernel id of the program on the interface.
    pub fn program(&self) -> u64 {
        self.host.program("eth0").expect("no program is on the interface")
    }

    /// Starts a capture, and waits until packets are shown.
    pub fn capture(&self, words: &str) -> Running {
        let before = self.captures().len();
        let running = self.begin(words);
        self.wait_for("the capture is under way", |edge| edge.captures().len() > before);
        running
    }

    /// Starts `anycast-ctl capture`.
    pub fn begin(&self, words: &str) -> Running {
        Running::new(self.begin_unread(words))
    }

    /// The same, for somebody else to read.
    pub fn begin_unread(&self, words: &str) -> Process {
        let words: Vec<&str> = ["capture"].into_iter().chain(words.split_whitespace()).collect();
        let mut command = self.host.command("anycast", &words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.host.lab.spawn("edge", command).unwrap()
    }

    /// Captures under way.
    pub fn captures(&self) -> Vec<CaptureStatus> {
        let (code, text) = self.host.run("anycast", &["capture", "--list", "--json"]);
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Fetches a page from each VIP, so many times.
    pub fn fetch(&self, times: usize) {
        for family in Family::ALL {
            for _ in 0..times {
                let vip = (self.host.lab.plan().vips.of(family), HTTP_PORT).into();
                let answer = get(self.host.lab.client().unwrap(), vip, "/").unwrap();
                assert!(answer.contains("X-Backend: "), "{answer}");
            }
        }
    }

    /// Packets delivered so far to a VIP, as the daemon counts them.
    pub fn delivered(&self, vip: &str) -> u64 {
        let status = self.host.status("anycast");
        let vip = status.vips.into_iter().find(|it| it.name == vip).unwrap();
        vip.backends.iter().map(|backend| backend.traffic.packets).sum()
    }

    #[track_caller]
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        self.host.wait_until(what, || holds(self));
    }
}

/// A command under way. What it prints is read meanwhile: a pipe that is full would hold it up.
pub struct Running {
    process: Process,
    out: JoinHandle<String>,
    err: JoinHandle<String>,
}

impl Running {
    /// Reads what it prints.
    pub fn new(mut process: Process) -> Self {
        let read = |mut from: Box<dyn Read + Send>| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                from.read_to_end(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let child = process.child();
        let out = read(
            child.stdout.take().map_or_else(|| Box::new(std::io::empty()) as _, |out| Box::new(out) as _),
        );
        let err = read(Box::new(child.stderr.take().unwrap()));
        Self { process, out, err }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal).unwrap();
    }

    /// Whether it handles SIGINT by now (proc_pid_status(5)).
    pub fn is_careful(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << (Signal::SIGINT as u64 - 1) != 0
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < SOON, "{} does not end", self.process.name());
            thread::sleep(POLL);
        };
        Ended {
            code: status.code().unwrap_or(-1),
            out: self.out.join().unwrap(),
            err: self.err.join().unwrap(),
        }
    }

    /// Ends it as an operator does.
    #[track_caller]
    pub fn interrupt(self) -> Ended {
        self.signal(Signal::SIGINT);
        self.ended()
    }
}

impl Ended {
    /// The counts of one with `--json`.
    #[track_caller]
    pub fn counts(&self) -> Counts {
        assert_eq!(self.code, 0, "{self:?}");
        let last = self.err.lines().last().unwrap_or_else(|| panic!("no counts: {self:?}"));
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"))
    }

    /// The packets of one with `--json`.
    #[track_caller]
    pub fn packets(&self) -> Vec<CapturedPacket> {
        let packet = |line: &str| {
            let read = serde_json::from_str(line).unwrap();
            let CaptureLine::Packet(packet) = read else { panic!("{read:?}") };
            *packet
        };
        self.out.lines().map(packet).collect()
    }
}
