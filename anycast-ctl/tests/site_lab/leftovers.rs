//! A lab of two sites leaves nothing, however it ends.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::MetadataExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use xtask::lab::sites::SitesLab;

use crate::harness::{CHECK, SOON, idle, steering};

/// What a lab is made of, outside this process.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts {
    directory: String,
    /// Numbers of its network namespaces, and of the mount namespaces that its processes are in.
    namespaces: BTreeSet<u64>,
    processes: BTreeSet<u32>,
}

impl Parts {
    fn of(sites: &SitesLab) -> Self {
        let edges = sites.plan().edges().map(|edge| edge.name.as_str());
        let servers = sites.plan().backends().map(|host| host.name.as_str());
        let hosts = ["client", "transit"].into_iter().chain(edges).chain(servers);
        let path = |host| sites.namespace(host).unwrap().path();
        let mut namespaces: BTreeSet<u64> =
            hosts.map(|host| fs::metadata(path(host)).unwrap().ino()).collect();
        let processes: BTreeSet<u32> = children(std::process::id()).collect();
        let own = namespace(Path::new("/proc/self/ns/mnt"));
        let mounts = processes.iter().filter_map(|id| namespace(Path::new(&format!("/proc/{id}/ns/mnt"))));
        namespaces.extend(mounts.filter(|mounts| Some(*mounts) != own));
        Self { directory: sites.directory().to_str().unwrap().to_owned(), namespaces, processes }
    }

    /// On one line.
    fn told(&self) -> String {
        let words = |numbers: Vec<String>| numbers.join(",");
        let namespaces = words(self.namespaces.iter().map(u64::to_string).collect());
        let processes = words(self.processes.iter().map(u32::to_string).collect());
        format!("lab {} {namespaces} {processes}", self.directory)
    }

    fn heard(line: &str) -> Option<Self> {
        let mut words = line.split_once("lab /")?.1.split(' ');
        let directory = format!("/{}", words.next()?);
        let namespaces = words.next()?.split(',').map(|number| number.parse().unwrap()).collect();
        let processes = words.next()?.split(',').map(|number| number.parse().unwrap()).collect();
        Some(Self { directory, namespaces, processes })
    }

    #[track_caller]
    fn assert_gone(&self) {
        let start = Instant::now();
        loop {
            let processes: Vec<&u32> = self.processes.iter().filter(|id| runs(**id)).collect();
            let namespaces: Vec<u64> = in_use().intersection(&self.namespaces).copied().collect();
            if processes.is_empty() && namespaces.is_empty() {
                return;
            }
            assert!(start.elapsed() < SOON, "processes {processes:?}, namespaces {namespaces:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn children(parent: u32) -> impl Iterator<Item = u32> {
    let ids =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(move |id: &u32| status(*id, "PPid:").is_some_and(|found| found == parent.to_string()))
}

fn status(id: u32, key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    Some(text.lines().find_map(|line| line.strip_prefix(key))?.trim().to_owned())
}

/// One that waits to be reaped does not run.
fn runs(id: u32) -> bool {
    status(id, "State:").is_some_and(|state| !state.starts_with('Z'))
}

/// The namespaces that some process is in, or holds open.
fn in_use() -> BTreeSet<u64> {
    let mut used = BTreeSet::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        for task in fs::read_dir(process.path().join("task")).into_iter().flatten().flatten() {
            used.extend(["ns/net", "ns/mnt"].iter().filter_map(|kind| namespace(&task.path().join(kind))));
        }
        let open = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        used.extend(open.filter_map(|file| namespace(&file.path())));
    }
    used
}

/// The number of a namespace, of a link to `net:[NUMBER]` or `mnt:[NUMBER]`.
fn namespace(link: &Path) -> Option<u64> {
    let target = fs::read_link(link).ok()?;
    let (kind, number) = target.to_str()?.split_once(":[")?;
    ["net", "mnt"].contains(&kind).then(|| number.strip_suffix(']')?.parse().ok())?
}

#[test]
fn a_panic_leaves_nothing() {
    let mut seen = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut sites = idle();
        let site = sites.site("b2", CHECK).unwrap();
        sites.start_daemon("b2", Some(&site), &[]).unwrap();
        seen = Some(Parts::of(&sites));
        panic!("as a failed assertion would");
    }));
    assert!(panicked.is_err());
    let parts = seen.unwrap();
    // BIRD in transit and on four edges, six web servers, the daemon, the watch of routes.
    assert!(parts.processes.len() == 13 && parts.namespaces.len() == 13, "{parts:?}");
    parts.assert_gone();
    assert!(!fs::exists(&parts.directory).unwrap());
}

/// Set for the process that [`a_kill_leaves_nothing`] kills.
const VICTIM: &str = "ANYCAST_SITE_LAB_VICTIM";

/// Not a test of its own: it holds a lab until it is killed.
#[test]
fn hold_a_lab_until_killed() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let sites = steering();
    println!("\n{}", Parts::of(&sites).told());
    thread::sleep(Duration::from_secs(600));
    drop(sites);
}

#[test]
fn a_kill_leaves_nothing() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leftovers::hold_a_lab_until_killed", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let parts = lines.map_while(Result::ok).find_map(|line| Parts::heard(&line));
    victim.kill().unwrap();
    victim.wait().unwrap();
    let parts = parts.expect("the victim has a lab");
    assert!(parts.processes.len() == 16 && !parts.namespaces.is_empty(), "{parts:?}");
    parts.assert_gone();
    // Its directory is swept by the next lab.
    drop(idle());
    assert!(!fs::exists(&parts.directory).unwrap());
}
