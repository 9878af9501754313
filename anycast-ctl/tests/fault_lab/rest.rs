//! How all is when nothing fails any more.

use std::{
    collections::BTreeSet,
    fs, thread,
    time::{Duration, Instant},
};

use anycast_ctl::{api::types::Status, model::Site};

use crate::{
    agree::{self, Marked},
    host::{Host, SOON},
};

const POLL: Duration = Duration::from_millis(50);

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

/// Waits until the daemon has no more descriptors, maps among them, than one that has met nothing; its memory is bounded, too.
pub fn at_rest(host: &Host, fresh: &Size) {
    let begun = Instant::now();
    loop {
        let size = Size::of(host.daemon());
        if size.descriptors <= fresh.descriptors && size.maps == fresh.maps {
            println!("at rest {size:?}, fresh {fresh:?}");
            // Pages of the store, what is kept of events, and what the allocator keeps: 12 MiB were seen.
            let more = size.resident_kib.saturating_sub(fresh.resident_kib);
            assert!(more < 64 << 10, "{more} KiB more than fresh");
            return;
        }
        if begun.elapsed() > SOON {
            let open = host.shell(&format!("ls -l /proc/{}/fd", host.daemon()));
            panic!("{size:?}, and fresh {fresh:?}: {open}");
        }
        thread::sleep(POLL);
    }
}
