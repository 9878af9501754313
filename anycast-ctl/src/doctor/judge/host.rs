//! Kernel, rights, and what can run out.

use anycast_common::limits::{
    DEFAULT_ARENA_LINES, DEFAULT_EMBRYONIC, DEFAULT_PINS, DEFAULT_TRAFFIC_COUNTERS, SLOTS_PER_LINE,
};

use super::{super::Check, Facts, Finding, fail, ok, warn};
use crate::{
    doctor::facts::{Daemon, Kernel, Limits},
    model::Site,
    preflight::{KernelRelease, MIN_KERNEL, MULTI_BUFFER_KERNEL, Surroundings},
};

/// The first kernel that does not charge the memory of maps to `RLIMIT_MEMLOCK`.
const NO_MEMLOCK_KERNEL: KernelRelease = KernelRelease { major: 5, minor: 11 };

/// Files for maps, program and sockets, and a thousand clients at a time.
const FILES: u64 = 2_048;

/// Neighbours other than backends: gateways, routers, other edge hosts.
const OTHER_NEIGHBOURS: u64 = 128;

const MIB: u64 = 1 << 20;

pub fn judge(facts: &Facts) -> Vec<Finding> {
    let Facts { surroundings, kernel, limits, .. } = facts;
    let site = facts.site.as_ref().and_then(|site| site.as_ref().ok());
    let mut findings = vec![release(surroundings), rights(surroundings), btf(surroundings)];
    findings.extend([jit(kernel), jit_harden(kernel), mitigations(kernel)]);
    findings.push(memory(limits, site, &facts.instance.daemon));
    findings.extend([memlock(limits, surroundings), files(limits, &facts.instance.daemon), clock(kernel)]);
    findings.push(neighbours(limits, site));
    findings
}

fn release(surroundings: &Surroundings) -> Finding {
    let text = &surroundings.release;
    match surroundings.release() {
        Ok(release) if release < MIN_KERNEL => {
            let found = format!("Linux {text}: the XDP program needs {MIN_KERNEL} or later");
            fail(Check::Kernel, found, "boot a newer kernel")
        }
        Ok(release) if release < MULTI_BUFFER_KERNEL => {
            let found = format!("Linux {text}: jumbo frames are not taken, {MULTI_BUFFER_KERNEL} does");
            warn(Check::Kernel, found, "boot a newer kernel if there are any")
        }
        Ok(_) => ok(Check::Kernel, format!("Linux {text}")),
        Err(_) => {
            let found =
                format!("Linux calls itself `{text}`: cannot tell whether it is {MIN_KERNEL} or later");
            warn(Check::Kernel, found, "compare with docs/kernels.md")
        }
    }
}

fn rights(surroundings: &Surroundings) -> Finding {
    match surroundings.check_capabilities() {
        Ok(()) => ok(Check::Rights, "programs may be loaded and attached"),
        Err(error) => fail(Check::Rights, error.to_string(), "sudo anycast-ctl doctor"),
    }
}

fn btf(surroundings: &Surroundings) -> Finding {
    if surroundings.btf {
        return ok(Check::Btf, "the kernel describes its types");
    }
    let found = "no /sys/kernel/btf/vmlinux: the program loads without, bpftool shows less";
    warn(Check::Btf, found, "boot a kernel with CONFIG_DEBUG_INFO_BTF")
}

fn jit(kernel: &Kernel) -> Finding {
    match kernel.jit {
        Some(0) => {
            let found = "off: the program is interpreted, several times slower";
            fail(Check::Jit, found, "sysctl -w net.core.bpf_jit_enable=1")
        }
        Some(2) => {
            let found = "on, and writes every program to the kernel's log";
            warn(Check::Jit, found, "sysctl -w net.core.bpf_jit_enable=1")
        }
        Some(_) => ok(Check::Jit, "on"),
        // Only the initial network namespace shows it.
        None => ok(Check::Jit, "not shown in this network namespace"),
    }
}

fn jit_harden(kernel: &Kernel) -> Finding {
    match kernel.jit_harden {
        Some(2) => {
            let found = "2: constants are blinded for root's programs too, which costs time for each packet";
            warn(Check::JitHarden, found, "sysctl -w net.core.bpf_jit_harden=1")
        }
        Some(1) => ok(Check::JitHarden, "for users without rights"),
        Some(_) => ok(Check::JitHarden, "off"),
        None => ok(Check::JitHarden, "not shown in this network namespace"),
    }
}

fn mitigations(kernel: &Kernel) -> Finding {
    let costly = |state: &str| state.contains("Retpoline") || state.contains("IBRS") || state.contains("PTI");
    let names: Vec<String> = kernel
        .mitigations
        .iter()
        .filter(|(_, state)| costly(state))
        .map(|(name, state)| format!("{name} ({})", state.trim_start_matches("Mitigation: ")))
        .collect();
    match names.as_slice() {
        [] => ok(Check::Mitigations, "none that costs time for each packet"),
        names => ok(Check::Mitigations, format!("for information: {}", names.join(", "))),
    }
}

/// What the maps take, docs/maps.md: by entry, and all that is of one size.
fn map_bytes(site: Option<&Site>, cpus: u32) -> u64 {
    let maps = site.map(|site| site.maps).unwrap_or_default();
    let slots = site.map_or(DEFAULT_ARENA_LINES * SLOTS_PER_LINE as u32, Site::arena_slots);
    let flows = maps.pins.unwrap_or(DEFAULT_PINS) + maps.embryonic.unwrap_or(DEFAULT_EMBRYONIC);
    let counters = site.map_or(DEFAULT_TRAFFIC_COUNTERS, Site::traffic_counters);
    let [slots, flows, counters, cpus] = [slots, flows, counters, cpus].map(u64::from);
    8 * MIB + 8 * slots + 112 * flows + (8 + 24 * cpus) * counters
}

fn memory(limits: &Limits, site: Option<&Site>, daemon: &Daemon) -> Finding {
    let left = limits.memory.into_iter().chain(limits.cgroup).min();
    let Some(left) = left else { return ok(Check::Memory, "not known: /proc/meminfo is not readable") };
    if let Daemon::Runs { .. } = daemon {
        return ok(Check::Memory, format!("the maps have theirs; {} MiB are left", left / MIB));
    }
    let needed = map_bytes(site, limits.cpus);
    let found = format!("the maps take {} MiB, and {} MiB are left", needed.div_ceil(MIB), left / MIB);
    if needed <= left {
        return ok(Check::Memory, found);
    }
    let advice = if limits.cgroup.is_some_and(|cgroup| cgroup < needed) {
        "raise MemoryMax of the service, or give less under [maps] in the site file"
    } else {
        "give less under [maps] in the site file"
    };
    fail(Check::Memory, found, advice)
}

fn memlock(limits: &Limits, surroundings: &Surroundings) -> Finding {
    let charged = surroundings.release().is_ok_and(|release| release < NO_MEMLOCK_KERNEL);
    match limits.memlock {
        Some(bytes) if charged => {
            let found =
                format!("this kernel charges maps to the memory a process may lock, {} MiB", bytes / MIB);
            fail(Check::Memlock, found, "ulimit -l unlimited, or LimitMEMLOCK=infinity in the service")
        }
        _ => ok(Check::Memlock, "maps are not limited by the memory a process may lock"),
    }
}

fn files(limits: &Limits, daemon: &Daemon) -> Finding {
    match limits.files {
        Some(files) if files < FILES => {
            let found = format!("{files} files may be open: the daemon wants {FILES} for a thousand clients");
            let advice = match daemon {
                Daemon::Runs { pid, .. } => format!("prlimit --pid {pid} --nofile={FILES}"),
                Daemon::Absent | Daemon::Silent(_) => {
                    format!("ulimit -n {FILES}, or LimitNOFILE={FILES} in the service")
                }
            };
            warn(Check::Files, found, advice)
        }
        Some(files) => ok(Check::Files, format!("{files} may be open")),
        None => ok(Check::Files, "as many as there may be"),
    }
}

fn clock(kernel: &Kernel) -> Finding {
    match kernel.clock_synchronised {
        Some(true) => ok(Check::Clock, "synchronised"),
        Some(false) => {
            let found = "not synchronised: times in the history and drain deadlines may be off";
            warn(Check::Clock, found, "timedatectl set-ntp true")
        }
        None => ok(Check::Clock, "the kernel does not say whether it is synchronised"),
    }
}

/// A table that is full refuses entries: next hops stay unresolved.
fn neighbours(limits: &Limits, site: Option<&Site>) -> Finding {
    let addresses = |v6: bool| {
        let backends = site.into_iter().flat_map(|site| &site.pools).flat_map(|pool| &pool.backends);
        backends.filter(|backend| backend.address.is_ipv6() == v6).count() as u64
    };
    for (family, most, v6) in [("ipv4", limits.neighbours[0], false), ("ipv6", limits.neighbours[1], true)] {
        let needed = addresses(v6) + OTHER_NEIGHBOURS;
        if let Some(most) = most.filter(|most| addresses(v6) > 0 && *most < needed) {
            let found = format!("the {family} table takes {most}, and there are {} backends", addresses(v6));
            let room = (4 * needed).next_power_of_two();
            return fail(
                Check::Neighbours,
                found,
                format!("sysctl -w net.{family}.neigh.default.gc_thresh3={room}"),
            );
        }
    }
    match limits.neighbours {
        [Some(v4), Some(v6)] => ok(Check::Neighbours, format!("room for {v4} of IPv4, {v6} of IPv6")),
        _ => ok(Check::Neighbours, "not shown in this network namespace"),
    }
}
