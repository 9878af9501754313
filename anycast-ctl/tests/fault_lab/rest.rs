//! How all is when nothing fails any more.

use std::{
    collections::BTreeSet,
    fs, thread,
    time::{Duration, Instant},
};

use anycast_ctl::{api::types::Status, model::Site};

use crate::{
    agree::{self, Marked},
    client,
    host::{Host, SOON},
};

const POLL: Duration = Duration::from_millis(50);
const EXPLAIN: &str = "/v1/explain?from=198.51.100.7:40000&to=192.0.2.1:443/tcp&packet=syn";

/// Waits until the dataplane has all that is desired, and answers with that.
pub fn settled(host: &Host) -> Site {
    let begun = Instant::now();
    loop {
        let answer = host.connect().get("/v1/status").unwrap();
        assert_eq!(answer.code, 200, "{answer:?}");
        let status: Status = serde_json::from_str(&answer.body).unwrap();
        if status.desired.has(status.desired.revision) {
            let mut daemon = host.connect();
            let site = daemon.ask("GET", "/v1/site", "accept: application/json\r\n", "").unwrap();
            return serde_json::from_str(&site.body).unwrap();
        }
        assert!(begun.elapsed() < SOON, "not settled: {:?}; {}", status.desired, host.said());
        thread::sleep(POLL);
    }
}

/// Waits until the maps are as the site wants them: checks have to come back first.
pub fn agrees(host: &Host, site: &Site, marked: &Marked) {
    let begun = Instant::now();
    loop {
        let differences = agree::differences(host, site, marked);
        if differences.is_empty() {
            return;
        }
        assert!(begun.elapsed() < SOON, "{differences:#?}: {}", host.said());
        thread::sleep(POLL);
    }
}

/// What a process takes.
#[derive(Debug)]
pub struct Size {
    descriptors: usize,
    maps: BTreeSet<String>,
    resident_kib: usize,
}

impl Size {
    /// Of a daemon that was asked for what it keeps once it was: the programs that explain and that show packets.
    pub fn warm(host: &Host) -> Self {
        let explained = host.connect().get(EXPLAIN).unwrap();
        assert_eq!(explained.code, 200, "{explained:?}");
        assert!(client::capture(host.socket()).unwrap());
        let begun = Instant::now();
        while !host.said().contains("interfaces have the ordinary program again") {
            assert!(begun.elapsed() < SOON, "the capture does not end: {}", host.said());
            thread::sleep(POLL);
        }
        Self::of(host.daemon())
    }

    pub fn of(process: i32) -> Self {
        let numbers = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
        let numbers: Vec<_> = numbers.map(|entry| entry.unwrap().file_name()).collect();
        let info = |number: &std::ffi::OsString| {
            fs::read_to_string(format!("/proc/{process}/fdinfo/{}", number.to_string_lossy()))
                .unwrap_or_default()
        };
        let id = |text: String| text.lines().find_map(|line| line.strip_prefix("map_id:")).map(str::to_owned);
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        Self {
            descriptors: numbers.len(),
            maps: numbers.iter().filter_map(|number| id(info(number))).collect(),
            resident_kib: resident.trim().trim_end_matches(" kB").parse().unwrap(),
        }
    }
}

/// Waits until the daemon has no more descriptors, maps among them, than one that has met nothing.
pub fn at_rest(host: &Host, fresh: &Size) {
    let begun = Instant::now();
    loop {
        let size = Size::of(host.daemon());
        if size.descriptors <= fresh.descriptors && size.maps.len() <= fresh.maps.len() {
            println!(
                "{} descriptors, {} when fresh; {} KiB resident, {} when fresh",
                size.descriptors, fresh.descriptors, size.resident_kib, fresh.resident_kib
            );
            return;
        }
        if begun.elapsed() > SOON {
            let open = host.shell(&format!("ls -l /proc/{}/fd", host.daemon()));
            panic!("{size:?}, and fresh {fresh:?}: {open}");
        }
        thread::sleep(POLL);
    }
}
