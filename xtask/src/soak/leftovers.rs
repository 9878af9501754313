//! What a run leaves behind: nothing, or it is named.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::usage::Held;
use crate::lab::sites::{SitesLab, TRANSIT};

/// The kernel frees programs and maps when nobody can be in them any more, and namespaces at its leisure.
const GONE_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// What there was while the run lasted.
#[derive(Debug, Default)]
pub struct Parts {
    directory: PathBuf,
    processes: BTreeSet<u32>,
    /// Numbers of network namespaces.
    namespaces: BTreeSet<u64>,
    held: Held,
}

impl Parts {
    /// Notes what there is, with all BPF objects that a daemon ever held.
    pub fn of(sites: &SitesLab, mut held: Held) -> Result<Self> {
        let hosts = sites.plan().edges().map(|edge| edge.name.as_str());
        let hosts = hosts.chain(sites.plan().backends().map(|host| host.name.as_str()));
        let mut namespaces = BTreeSet::new();
        for host in [TRANSIT, "client"].into_iter().chain(hosts) {
            let path = sites.namespace(host)?.path();
            let namespace = fs::metadata(&path).with_context(|| format!("look at {}", path.display()))?;
            namespaces.insert(namespace.ino());
        }
        // Programs of the backends' ends of tunnels are nobody's descriptors.
        for host in sites.plan().backends() {
            let link = sites.run(&host.name, "ip", &["-details", "-json", "link", "show", "dev", "eth0"])?;
            held.programs.extend(program_of(&link));
        }
        Ok(Self { directory: sites.directory().to_owned(), processes: children(), namespaces, held })
    }

    /// How many parts there are of each kind.
    pub fn count(&self) -> String {
        format!(
            "{} processes, {} network namespaces, {} BPF programs, {} maps, {} links, a directory",
            self.processes.len(),
            self.namespaces.len(),
            self.held.programs.len(),
            self.held.maps.len(),
            self.held.links.len()
        )
    }

    /// Waits until all are gone; names those that are not.
    pub fn left(&self) -> Vec<String> {
        let start = Instant::now();
        loop {
            let left = self.left_now();
            if left.is_empty() || start.elapsed() > GONE_WITHIN {
                return left;
            }
            thread::sleep(POLL);
        }
    }

    fn left_now(&self) -> Vec<String> {
        let mut left = Vec::new();
        if self.directory.exists() {
            left.push(format!("directory {}", self.directory.display()));
        }
        left.extend(self.processes.iter().filter(|id| runs(**id)).map(|id| format!("process {id}")));
        let used = namespaces_of(self.processes.iter().copied().chain([std::process::id()]));
        left.extend(self.namespaces.intersection(&used).map(|id| format!("network namespace {id}")));
        let is_there = |(kind, id): &(Kind, u32)| exists(*kind, *id);
        let programs = self.held.programs.iter().map(|id| (Kind::Program, *id));
        let maps = self.held.maps.keys().map(|id| (Kind::Map, *id));
        let links = self.held.links.iter().map(|id| (Kind::Link, *id));
        let bpf = programs.chain(maps).chain(links).filter(is_there);
        left.extend(bpf.map(|(kind, id)| format!("BPF {kind:?} {id}")));
        left
    }
}

/// The number of the program on an interface, of `ip -details -json link`.
fn program_of(link: &str) -> Option<u32> {
    let links: serde_json::Value = serde_json::from_str(link).ok()?;
    let id = links.get(0)?.get("xdp")?.get("prog")?.get("id")?.as_u64()?;
    u32::try_from(id).ok()
}

/// Processes that this one started.
fn children() -> BTreeSet<u32> {
    let own = std::process::id();
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| status(*id, "PPid:").is_some_and(|parent| parent == own.to_string())).collect()
}

fn status(id: u32, key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    Some(text.lines().find_map(|line| line.strip_prefix(key))?.trim().to_owned())
}

/// One that waits to be reaped does not run; a number may be another process' by now.
fn runs(id: u32) -> bool {
    children().contains(&id) && status(id, "State:").is_some_and(|state| !state.starts_with('Z'))
}

/// Network namespaces that these processes are in, or hold open. Others do not count: numbers are given out again.
fn namespaces_of(processes: impl Iterator<Item = u32>) -> BTreeSet<u64> {
    let mut used = BTreeSet::new();
    for process in processes.map(|id| PathBuf::from(format!("/proc/{id}"))) {
        for task in fs::read_dir(process.join("task")).into_iter().flatten().flatten() {
            used.extend(namespace(&task.path().join("ns/net")));
        }
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        used.extend(open.filter_map(|file| namespace(&file.path())));
    }
    used
}

/// The number of a network namespace, of a link to `net:[NUMBER]`.
fn namespace(link: &Path) -> Option<u64> {
    let target = fs::read_link(link).ok()?;
    target.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Program,
    Map,
    Link,
}

/// Whether the kernel has a BPF object of that number. They are not given out again soon.
fn exists(kind: Kind, id: u32) -> bool {
    /// The head of `union bpf_attr` for BPF_*_GET_FD_BY_ID (linux/bpf.h).
    #[repr(C)]
    struct GetById {
        id: u32,
        next: u32,
        flags: u32,
    }
    let command: libc::c_long = match kind {
        Kind::Program => 13,
        Kind::Map => 14,
        Kind::Link => 30,
    };
    let attributes = GetById { id, next: 0, flags: 0 };
    // SAFETY: `attributes` is a live `repr(C)` value without padding that starts as the kernel's union does, and its own size is
    // passed along.
    let descriptor =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw const attributes, size_of_val(&attributes)) };
    if descriptor < 0 {
        return io::Error::last_os_error().raw_os_error() != Some(libc::ENOENT);
    }
    if let Ok(descriptor) = i32::try_from(descriptor) {
        // SAFETY: the kernel just opened this descriptor for this process, and nothing else knows its number.
        unsafe { libc::close(descriptor) };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let parts = Parts { directory: directory.path().to_owned(), ..Parts::default() };
        assert_eq!(parts.left_now().len(), 1);
        let own = fs::metadata("/proc/self/ns/net").unwrap().ino();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let parts = Parts { processes: [child.id()].into(), namespaces: [own].into(), ..Parts::default() };
        let left = parts.left_now();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(left, [format!("process {}", child.id()), format!("network namespace {own}")]);
    }

    #[test]
    fn a_program_is_found_on_its_interface() {
        let link = r#"[{"ifname":"eth0","xdp":{"mode":1,"prog":{"id":42,"tag":"x"},"attached":[]}}]"#;
        assert_eq!(program_of(link), Some(42));
        assert_eq!(program_of(r#"[{"ifname":"eth0"}]"#), None);
    }
}
