//! What the kernel holds for the daemon.

use std::fs;

use aya::maps::loaded_maps;
use xtask::lab::OwnedLab;

/// A daemon may grow by as much: what its allocator keeps and its log needs.
const SLACK_BYTES: u64 = 16 << 20;

/// Sizes at one moment.
pub struct Facts {
    /// Lines about transitions and memory of the daemon's own status.
    status: Vec<String>,
    /// Embryonic flows, and room for them.
    embryonic: (u64, u64),
    /// Resident memory of the daemon.
    resident_bytes: u64,
    /// Memory of all maps the daemon has, as the kernel charges it.
    map_bytes: u64,
}

impl Facts {
    /// Asks the daemon and the kernel.
    pub fn read(lab: &OwnedLab) -> Self {
        let status: serde_json::Value =
            serde_json::from_str(&lab.ctl(&["status", "--json"]).unwrap()).unwrap();
        let pid = status["pid"].as_u64().unwrap();
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
        let resident: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
        let mut lines = Vec::new();
        collect("", &status, &mut lines);
        let embryonic = &status["maps"]["embryonic"];
        let embryonic = (embryonic["used"].as_u64().unwrap(), embryonic["capacity"].as_u64().unwrap());
        Self { status: lines, embryonic, resident_bytes: resident * 4096, map_bytes: map_bytes(pid) }
    }

    pub fn print(&self) {
        self.status.iter().for_each(|line| println!("{line}"));
        let (resident, maps) = (self.resident_bytes >> 20, self.map_bytes >> 20);
        println!("the daemon: {resident} MiB resident, {maps} MiB of maps");
    }

    /// Maps have the size they were made with, hold no more than that, and the daemon keeps nothing of a flow.
    pub fn assert_no_growth_since(&self, before: &Self) {
        assert_eq!(self.map_bytes, before.map_bytes);
        assert!(
            self.embryonic.0 <= self.embryonic.1,
            "embryonic flows, and room for them: {:?}",
            self.embryonic
        );
        assert!(
            self.resident_bytes < before.resident_bytes + SLACK_BYTES,
            "the daemon grew from {} to {} bytes",
            before.resident_bytes,
            self.resident_bytes
        );
    }
}

/// Numbers of the status whose names speak of transitions.
fn collect(path: &str, value: &serde_json::Value, lines: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect(&format!("{path}.{name}"), value, lines));
        }
        serde_json::Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                let index = value["name"].as_str().map_or(index.to_string(), str::to_owned);
                collect(&format!("{path}[{index}]"), value, lines);
            }
        }
        serde_json::Value::Number(number) => {
            let has = |words: &[&str]| words.iter().any(|word| path.contains(word));
            if has(&["pin", "embryonic", "transition"]) && !has(&[".backends[", "base_owners"]) {
                lines.push(format!("{} = {number}", path.trim_start_matches('.')));
            }
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => {}
    }
}

/// The maps whose descriptors the process has: `/proc/PID/fdinfo`, field `memlock`.
fn map_bytes(pid: u64) -> u64 {
    assert!(loaded_maps().next().is_some(), "the kernel shows its maps");
    let mut bytes = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap() {
        // A connection of this very moment may be gone.
        let text = fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        if let (Some(_), Some(memory)) = (field("map_type:"), field("memlock:")) {
            bytes += memory;
        }
    }
    bytes
}
