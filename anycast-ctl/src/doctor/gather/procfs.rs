//! Limits, out of /proc and the control groups' file system.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use crate::{doctor::facts::Limits, host::value};

const CGROUPS: &str = "/sys/fs/cgroup";

/// Those of a process: of the daemon, or of this one.
pub fn limits(pid: Option<u32>) -> Limits {
    let process = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let limits = read(&format!("/proc/{process}/limits"));
    Limits {
        cpus: thread::available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX)),
        memory: available(&read("/proc/meminfo")),
        cgroup: left(&read(&format!("/proc/{process}/cgroup")), Path::new(CGROUPS)),
        memlock: limit(&limits, "Max locked memory"),
        files: limit(&limits, "Max open files"),
        neighbours: ["ipv4", "ipv6"].map(|family| value(&format!("net/{family}/neigh/default/gc_thresh3"))),
    }
}

/// `MemAvailable` of /proc/meminfo, in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// The soft limit of that name in /proc/PID/limits; `None` for `unlimited`.
fn limit(limits: &str, name: &str) -> Option<u64> {
    limits.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// What the memory control groups of /proc/PID/cgroup leave, the tightest of them; `None`: no limit.
fn left(cgroup: &str, root: &Path) -> Option<u64> {
    let groups = cgroup.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let path = path.trim_start_matches('/');
        if controllers.is_empty() {
            let names = ("memory.max", "memory.current");
            // Beside version 1, version 2 is mounted below it.
            let root = if root.join("unified").exists() { root.join("unified") } else { root.to_owned() };
            Some((root, path, names))
        } else if controllers.split(',').any(|controller| controller == "memory") {
            Some((root.join("memory"), path, ("memory.limit_in_bytes", "memory.usage_in_bytes")))
        } else {
            None
        }
    });
    let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    groups
        .flat_map(|(root, path, (most, used))| {
            let group = root.join(path);
            let above: Vec<PathBuf> =
                group.ancestors().take_while(|it| it.starts_with(&root)).map(Path::to_owned).collect();
            above.into_iter().filter_map(move |group| {
                // Version 1 writes "no limit" as a number beyond all memory.
                let most = number(group.join(most)).filter(|most| *most < 1 << 60)?;
                Some(most.saturating_sub(number(group.join(used)).unwrap_or_default()))
            })
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max open files            20000                30000                files     
Max locked memory         8388608              unlimited            bytes     
Max address space         unlimited            unlimited            bytes     
";

    #[test]
    fn limits_are_read() {
        assert_eq!(limit(LIMITS, "Max open files"), Some(20_000));
        assert_eq!(limit(LIMITS, "Max locked memory"), Some(8 << 20));
        assert_eq!(limit(LIMITS, "Max address space"), None);
        assert_eq!(limit("", "Max open files"), None);
    }

    #[test]
    fn memory_is_read() {
        let meminfo = "MemTotal:       24660960 kB\nMemFree:         2097152 kB\nMemAvailable:   1024 kB\n";
        assert_eq!(available(meminfo), Some(1 << 20));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn the_tightest_control_group_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("system.slice/anycast.service/memory.max", "max\n");
        write("system.slice/anycast.service/memory.current", "1000\n");
        assert_eq!(left("0::/system.slice/anycast.service\n", root.path()), None);
        write("system.slice/memory.max", "5000\n");
        write("system.slice/memory.current", "2000\n");
        assert_eq!(left("0::/system.slice/anycast.service\n", root.path()), Some(3000));
        write("system.slice/anycast.service/memory.max", "900\n");
        assert_eq!(left("0::/system.slice/anycast.service\n", root.path()), Some(0));
        assert_eq!(left("", root.path()), None);
    }

    #[test]
    fn control_groups_of_the_first_version_are_read() {
        let root = tempfile::tempdir().unwrap();
        let memory = root.path().join("memory/box");
        fs::create_dir_all(&memory).unwrap();
        fs::create_dir_all(root.path().join("unified")).unwrap();
        let text = "4:cpu,cpuacct:/\n3:memory:/box\n0::/\n";
        fs::write(memory.join("memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        assert_eq!(left(text, root.path()), None);
        fs::write(memory.join("memory.limit_in_bytes"), "4096\n").unwrap();
        fs::write(memory.join("memory.usage_in_bytes"), "96\n").unwrap();
        assert_eq!(left(text, root.path()), Some(4000));
    }
}
