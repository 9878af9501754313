//! The instance's files and daemon.

use super::{super::Check, Facts, Finding, fail, ok, warn};
use crate::{
    doctor::facts::{Daemon, Instance},
    model::{self, CheckKind},
};

/// Below this a store soon cannot grow.
const LITTLE_SPACE: u64 = 64 << 20;

pub fn judge(facts: &Facts) -> Vec<Finding> {
    let instance = &facts.instance;
    let mut findings = vec![bpffs(instance), state_directory(instance), daemon(instance)];
    findings.push(privileges(facts));
    findings.push(pins(instance));
    findings.extend(site(facts));
    findings
}

fn bpffs(instance: &Instance) -> Finding {
    let directory = instance.bpffs.display();
    if instance.has_bpffs {
        return ok(Check::Bpffs, format!("{directory} is on one"));
    }
    let found = format!("{directory} is on no BPF file system: steering would end with the daemon");
    fail(Check::Bpffs, found, "mount -t bpf bpf /sys/fs/bpf")
}

fn state_directory(instance: &Instance) -> Finding {
    let (directory, root) = (instance.state_directory.display(), instance.state_root.display());
    if !instance.state_writable {
        let found = format!("{root} is not writable by this user");
        return fail(
            Check::StateDirectory,
            found,
            "sudo anycast-ctl doctor, or name another with --state-dir",
        );
    }
    if let Some(free) = instance.state_free.filter(|free| *free < LITTLE_SPACE) {
        let found = format!("{} MiB are left on the file system of {root}", free >> 20);
        return warn(Check::StateDirectory, found, format!("df -h {root}, and make room"));
    }
    let there = if instance.state_directory == instance.state_root { "is" } else { "can be made, and is" };
    ok(Check::StateDirectory, format!("{directory} {there} writable"))
}

fn daemon(instance: &Instance) -> Finding {
    let (socket, own) = (instance.socket.display(), env!("CARGO_PKG_VERSION"));
    match &instance.daemon {
        Daemon::Runs { version, pid, .. } if version == own => {
            ok(Check::Daemon, format!("version {version}, pid {pid}, answers on {socket}"))
        }
        Daemon::Runs { version, pid, .. } => {
            let found = format!("pid {pid} is version {version}, this program {own}");
            warn(Check::Daemon, found, "restart the daemon: the dataplane stays and steers on")
        }
        Daemon::Absent => warn(Check::Daemon, format!("none listens on {socket}"), "anycast-ctl run"),
        Daemon::Silent(why) => fail(Check::Daemon, why.clone(), "sudo anycast-ctl doctor, or see its log"),
    }
}

/// A daemon that lacks what it cannot do without does not start, and says so.
fn privileges(facts: &Facts) -> Finding {
    let Daemon::Runs { rights, .. } = &facts.instance.daemon else {
        return ok(Check::Privileges, "no daemon runs");
    };
    let Some(rights) = rights else {
        return warn(
            Check::Privileges,
            "the daemon does not tell: it is of an older version",
            "restart the daemon",
        );
    };
    let site = facts.site.as_ref().and_then(|site| site.as_ref().ok());
    let pings = |check: &Option<Box<model::Check>>| {
        check.as_ref().is_some_and(|check| check.kind == Some(CheckKind::Icmp))
    };
    let pings = site
        .into_iter()
        .flat_map(|site| &site.pools)
        .any(|pool| pings(&pool.check) || pool.backends.iter().any(|backend| pings(&backend.check)));
    if pings && let Some(missing) = rights.missing.iter().find(|missing| missing.name == "CAP_NET_RAW") {
        let found = format!("{}, lacks {} for {}", rights.line(), missing.name, missing.purpose);
        let advice = format!(
            "AmbientCapabilities=CAP_NET_RAW in its unit, or sysctl -w net.ipv4.ping_group_range=\"{0} {0}\"",
            rights.gid
        );
        return warn(Check::Privileges, found, advice);
    }
    ok(Check::Privileges, format!("the daemon runs as {}", rights.line()))
}

fn pins(instance: &Instance) -> Finding {
    let (name, runs) = (&instance.name, matches!(instance.daemon, Daemon::Runs { .. }));
    let own = anycast_common::LAYOUT_VERSION;
    let others: Vec<String> = instance
        .layouts
        .iter()
        .filter(|layout| **layout != own)
        .map(|layout| format!("maps-{layout}"))
        .collect();
    if !others.is_empty() {
        let found = format!("{} of instance {name}: this program reads maps-{own}", others.join(", "));
        return fail(Check::Pins, found, format!("anycast-ctl --instance {name} down, then start again"));
    }
    match (instance.pinned, runs) {
        (true, true) => ok(Check::Pins, format!("instance {name}, layout {own}")),
        (true, false) => {
            let found = format!("instance {name} steers without a daemon: nothing follows next hops");
            warn(Check::Pins, found, "anycast-ctl run")
        }
        (false, true) => ok(Check::Pins, format!("none of instance {name}: steering ends with the daemon")),
        (false, false) => ok(Check::Pins, format!("none of instance {name}")),
    }
}

fn site(facts: &Facts) -> Option<Finding> {
    Some(match facts.site.as_ref()? {
        Ok(site) => {
            let (vips, pools) = (site.vips.len(), site.pools.len());
            ok(Check::Site, format!("{vips} VIPs, {pools} pools"))
        }
        Err(file) => {
            fail(Check::Site, file.problem.clone(), format!("anycast-ctl validate {}", file.path.display()))
        }
    })
}
