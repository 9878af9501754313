//! Settings of the kernel, and what its CPU suffers from.

use std::fs;

use crate::{doctor::facts::Kernel, host::value};

const VULNERABILITIES: &str = "/sys/devices/system/cpu/vulnerabilities";

pub fn gather() -> Kernel {
    let entries = fs::read_dir(VULNERABILITIES).into_iter().flatten().flatten();
    let mut vulnerabilities: Vec<(String, String)> = entries
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.path()).ok()?;
            Some((entry.file_name().into_string().ok()?, text.trim().to_owned()))
        })
        .collect();
    vulnerabilities.sort();
    Kernel {
        jit: value("net/core/bpf_jit_enable"),
        jit_harden: value("net/core/bpf_jit_harden"),
        mitigations: vulnerabilities
            .into_iter()
            .filter(|(_, state)| state.starts_with("Mitigation"))
            .collect(),
        clock_synchronised: clock_synchronised(),
    }
}

/// adjtimex(2): the kernel takes the clock for unsynchronised until something like NTP says otherwise.
fn clock_synchronised() -> Option<bool> {
    // SAFETY: all bytes zero are a valid `timex`, and ask for nothing to be changed.
    let mut time: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `time` is valid for writes for as long as the call takes.
    let state = unsafe { libc::adjtimex(&raw mut time) };
    (state >= 0).then_some(time.status & libc::STA_UNSYNC == 0)
}
