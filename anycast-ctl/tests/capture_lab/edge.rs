//! An edge with backends, clients, and captures on it.

use std::{
    io::Read,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::{BackendState, CaptureLine, CaptureStatus, CapturedPacket};
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
    pub fn capture(&self, words: &str) -> Process {
        let before = self.captures().len();
        let process = self.begin(words);
        self.wait_for("the capture is under way", |edge| edge.captures().len() > before);
        process
    }

    /// Starts `anycast-ctl capture`.
    pub fn begin(&self, words: &str) -> Process {
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
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < SOON, "waited in vain for this: {what}\n{}", self.host.log_text());
            thread::sleep(POLL);
        }
    }
}

/// Waits for the end of a command. What it prints is read meanwhile: a pipe that is full would hold it up.
#[track_caller]
pub fn ended(process: &mut Process) -> Ended {
    let (stdout, stderr) = (process.child().stdout.take().unwrap(), process.child().stderr.take().unwrap());
    let read = |mut from: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut text = String::new();
            from.read_to_string(&mut text).unwrap();
            text
        })
    };
    let (out, err) = (read(Box::new(stdout)), read(Box::new(stderr)));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        assert!(start.elapsed() < SOON, "{} does not end", process.name());
        thread::sleep(POLL);
    };
    Ended { code: status.code().unwrap_or(-1), out: out.join().unwrap(), err: err.join().unwrap() }
}

/// Ends a capture as an operator does.
#[track_caller]
pub fn interrupt(process: &mut Process) -> Ended {
    process.signal(nix::sys::signal::Signal::SIGINT).unwrap();
    ended(process)
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
        let packet = |line: &str| match serde_json::from_str(line).unwrap() {
            CaptureLine::Packet(packet) => *packet,
            other => panic!("{other:?}"),
        };
        self.out.lines().map(packet).collect()
    }
}
