//! BIRD, and a client of its control socket.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Namespace, Process};

use super::daemon;

/// Takes everything, and tells nothing.
pub const NEIGHBOUR: &str = "
router id 10.9.0.2;
protocol device { }
template bgp edge {
    connect delay time 1;
    error wait time 1, 1;
    ipv4 { import all; export none; };
    ipv6 { import all; export none; };
}
protocol bgp p4 from edge { local 10.9.0.2 as 65002; neighbor 10.9.0.1 as 65001; }
protocol bgp p6 from edge { local fd09::2 as 65002; neighbor fd09::1 as 65001; }
";

pub struct Bird {
    _process: Process,
    stream: Mutex<BufReader<UnixStream>>,
    pub socket: PathBuf,
}

/// What came with a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub path: String,
    pub med: Option<u32>,
    pub communities: String,
}

impl Bird {
    pub fn start(namespace: &Namespace, directory: &Path, name: &str, config: &str) -> Self {
        let path = |end: &str| directory.join(format!("{name}.{end}"));
        let (config_path, socket) = (path("conf"), path("ctl"));
        fs::write(&config_path, config).unwrap();
        let shown = |path: &Path| path.display().to_string();
        let words = [
            "/usr/sbin/bird".to_owned(),
            "-f".to_owned(),
            "-c".to_owned(),
            shown(&config_path),
            "-s".to_owned(),
            shown(&socket),
        ];
        let mut process = daemon(namespace, &words.each_ref().map(String::as_str));
        let start = Instant::now();
        let stream = loop {
            process.expect_running().unwrap();
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(error) => assert!(start.elapsed() < Duration::from_secs(10), "{error}"),
            }
            thread::sleep(Duration::from_millis(20));
        };
        let bird = Self { _process: process, stream: Mutex::new(BufReader::new(stream)), socket };
        bird.answer();
        bird
    }

    /// One command; replies end with a line whose number is followed by a space.
    pub fn ask(&self, command: &str) -> String {
        self.stream.lock().unwrap().get_mut().write_all(format!("{command}\n").as_bytes()).unwrap();
        self.answer()
    }

    fn answer(&self) -> String {
        let mut stream = self.stream.lock().unwrap();
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            assert!(stream.read_line(&mut line).unwrap() > 0, "bird hung up");
            let is_last = line.as_bytes().get(4) == Some(&b' ') && line.as_bytes()[0].is_ascii_digit();
            answer.push_str(&line);
            if is_last {
                return answer;
            }
        }
    }

    /// A route from the other end of the cable.
    pub fn received(&self, prefix: &str) -> Option<Received> {
        let answer = self.ask(&format!("show route {prefix} all"));
        let field = |name: &str| {
            let line = answer.lines().find_map(|line| line.split_once(&format!("{name}: ")));
            line.map(|(_, value)| value.trim().to_owned())
        };
        Some(Received {
            path: field("BGP.as_path")?,
            med: field("BGP.med").and_then(|it| it.parse().ok()),
            communities: field("BGP.community").unwrap_or_default(),
        })
    }

    /// How many withdrawals it was sent in all.
    pub fn withdrawals(&self) -> u64 {
        let count = |protocol: &str| {
            let answer = self.ask(&format!("show protocols all {protocol}"));
            let lines = answer.lines().filter_map(|line| line.split_once("Import withdraws:"));
            lines
                .map(|(_, counts)| counts.split_whitespace().next().unwrap().parse::<u64>().unwrap())
                .sum::<u64>()
        };
        count("p4") + count("p6")
    }
}
