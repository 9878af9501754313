//! The lab without the controller: needs root and the packages of `cargo xtask setup`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    os::unix::fs::MetadataExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Family, Lab, Options, OwnedLab, State, server};

const XTASK: &str = env!("CARGO_BIN_EXE_xtask");

fn start(backends: usize, spares: usize) -> OwnedLab {
    OwnedLab::start(&Options { backends, spares, ..Options::default() }).unwrap()
}

/// The kernel reuses numbers of namespaces: another test's must not look like one that was left behind.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body.trim())
}

#[test]
fn every_server_answers_through_the_router_in_both_families() {
    let _alone = alone();
    let lab = start(2, 1);
    assert_eq!(lab.plan().servers().count(), 3);
    for host in lab.plan().servers() {
        for family in Family::ALL {
            let address = SocketAddr::from((host.addresses.of(family), server::HTTP_PORT));
            let answer = server::get(lab.client().unwrap(), address, "/").unwrap();
            assert_eq!(body(&answer), host.name);
            assert!(answer.contains(&format!("X-Backend: {}\r\n", host.name)), "{answer}");
        }
    }
}

#[test]
fn only_the_edge_gets_packets_to_the_vips() {
    let _alone = alone();
    let lab = start(2, 0);
    for family in Family::ALL {
        let vip = SocketAddr::from((lab.plan().vips.of(family), server::HTTP_PORT));
        // No program steers here, and no backend may claim the address on the segment.
        assert!(server::get(lab.client().unwrap(), vip, "/").is_err());
        for host in lab.plan().servers() {
            let arrived = server::arrived(lab.namespace(&host.name).unwrap(), family).unwrap();
            assert_eq!(arrived, server::Arrived::default(), "{} {family:?}", host.name);
        }
    }
}

#[test]
fn a_backend_serves_the_vips_and_counts_what_arrives() {
    let _alone = alone();
    let lab = start(2, 0);
    let backend = &lab.plan().backends[1];
    let host = lab.namespace("backend2").unwrap();
    let accepted = server::accepted(host).unwrap();
    for family in Family::ALL {
        // In the program's place: the router sends everything to one backend.
        let vip = lab.plan().vips.of(family);
        let via = backend.addresses.of(family).to_string();
        lab.run("router", "ip", &["route", "replace", &vip.to_string(), "via", &via]).unwrap();
        let answer = server::get(lab.client().unwrap(), (vip, server::HTTP_PORT).into(), "/").unwrap();
        assert_eq!(body(&answer), "backend2");
        let arrived = server::arrived(host, family).unwrap();
        assert_eq!(arrived.syns, 1);
        assert!(arrived.packets >= 4, "{arrived:?}");
    }
    // Two from the client and the one that asks.
    assert_eq!(server::accepted(host).unwrap(), accepted + 3);
}

#[test]
fn commands_closures_and_children_run_in_their_namespace() {
    let _alone = alone();
    let lab = start(1, 0);
    assert!(lab.run("edge", "ip", &["-brief", "address"]).unwrap().contains("203.0.113.2/24"));
    let error = lab.run("edge", "ip", &["link", "show", "nowhere"]).unwrap_err().to_string();
    assert!(error.contains("in edge") && error.contains("nowhere"), "{error}");
    let hosts = lab.inside("backend1", || Ok(fs::read_to_string("/proc/thread-self/net/if_inet6")?)).unwrap();
    assert!(
        hosts.contains("20010db8000100000000000000000001")
            || hosts.contains("20010db8000000010000000000000001")
    );
    assert!(lab.namespace("backend9").unwrap_err().to_string().contains("backend1, client, edge, router"));

    // The thread that starts a child may end; the child lives on until it is dropped.
    let mut sleep = Command::new("sleep");
    sleep.arg("60");
    let mut child = thread::scope(|scope| scope.spawn(|| lab.spawn("edge", sleep).unwrap()).join().unwrap());
    thread::sleep(Duration::from_millis(50));
    child.expect_running().unwrap();
    let namespace = fs::metadata(format!("/proc/{}/ns/net", child.id())).unwrap().ino();
    assert_eq!(namespace, inode(lab.edge().unwrap()));
    let path = format!("/proc/{}", child.id());
    drop(child);
    assert!(!fs::exists(path).unwrap());
}

#[test]
fn dropping_a_lab_leaves_nothing() {
    let _alone = alone();
    let lab = start(2, 0);
    let (directory, inodes) = (lab.directory().to_owned(), inodes(&lab));
    assert!(!in_use(&inodes).is_empty());
    drop(lab);
    assert_gone(&inodes);
    assert!(!directory.exists());
}

#[test]
fn a_panic_leaves_nothing() {
    let _alone = alone();
    let mut seen = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let lab = start(1, 0);
        seen = Some((lab.directory().to_owned(), inodes(&lab)));
        panic!("as a failed assertion would");
    }));
    assert!(panicked.is_err());
    let (directory, inodes) = seen.unwrap();
    assert_gone(&inodes);
    assert!(!directory.exists());
}

#[test]
fn labs_do_not_meet() {
    let _alone = alone();
    let (first, second) = (start(1, 0), start(1, 0));
    assert_ne!(first.name(), second.name());
    assert!(inodes(&first).is_disjoint(&inodes(&second)));
}

#[test]
fn a_held_lab_is_used_and_ended_by_other_processes() {
    let _alone = alone();
    let name = format!("test-{}-held", std::process::id());
    let up = xtask(&["lab", "up", "--no-controller", "--backends", "1", "--spares", "0", "--name", &name]);
    assert!(up.status.success(), "{up:?}");
    assert!(!xtask(&["lab", "up", "--no-controller", "--name", &name]).status.success(), "the name is taken");

    let status = xtask(&["lab", "status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains(&format!("lab {name}: alive")));
    let exec = xtask(&["lab", "exec", "--lab", &name, "backend1", "--", "sh", "-c", "ip -br a; exit 7"]);
    assert_eq!(exec.status.code(), Some(7));
    assert!(String::from_utf8_lossy(&exec.stdout).contains("203.0.113.11/24"));

    let inodes = inodes(&Lab::open(&name).unwrap());
    assert!(xtask(&["lab", "down", &name]).status.success());
    assert_gone(&inodes);
    assert!(Lab::open(&name).is_err());
    assert!(!xtask(&["lab", "down", &name]).status.success(), "it is gone already");
}

#[test]
fn a_killed_holder_leaves_nothing() {
    let _alone = alone();
    let name = format!("test-{}-killed", std::process::id());
    assert!(xtask(&["lab", "up", "--no-controller", "--backends", "2", "--name", &name]).status.success());
    let (state, inodes) = (State::read(&name).unwrap(), inodes(&Lab::open(&name).unwrap()));
    assert!(Command::new("kill").args(["-KILL", &state.pid.to_string()]).status().unwrap().success());
    assert_gone(&inodes);
    // The kernel closes a killed process's descriptors one by one, the lock among them.
    wait_until(|| {
        Lab::open(&name).is_err_and(|error| error.to_string().contains("none of that name is running"))
    });
    // Its directory is swept by the next lab.
    drop(start(1, 0));
    assert!(!fs::exists(format!("/run/anycast-lab/{name}")).unwrap());
}

#[test]
fn a_holder_ends_with_the_command_that_started_it_unless_kept() {
    let _alone = alone();
    let name = format!("test-{}-lease", std::process::id());
    let mut holder = Command::new(XTASK)
        .args(["lab", "hold", "--backends", "1", "--spares", "0", "--name", &name])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| State::read(&name).is_ok());
    let inodes = inodes(&Lab::open(&name).unwrap());
    drop(holder.stdin.take());
    assert_eq!(holder.wait().unwrap().code(), Some(143));
    assert_gone(&inodes);
    assert!(!fs::exists(format!("/run/anycast-lab/{name}")).unwrap());
}

fn xtask(arguments: &[&str]) -> Output {
    Command::new(XTASK).args(arguments).output().unwrap()
}

fn inode(namespace: &xtask::lab::Namespace) -> u64 {
    fs::metadata(namespace.path()).unwrap().ino()
}

fn inodes(lab: &Lab) -> BTreeSet<u64> {
    let names = lab.plan().servers().map(|host| host.name.clone());
    names
        .chain(["client", "router", "edge"].map(str::to_owned))
        .map(|name| inode(lab.namespace(&name).unwrap()))
        .collect()
}

/// Those of the namespaces that a process is in, holds open, or has mounted.
fn in_use(namespaces: &BTreeSet<u64>) -> BTreeSet<u64> {
    let mut used = BTreeSet::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let threads = fs::read_dir(process.path().join("task")).into_iter().flatten().flatten();
        used.extend(threads.filter_map(|thread| number(&thread.path().join("ns/net"))));
        let open = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        used.extend(open.filter_map(|file| number(&file.path())));
    }
    for line in fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
        used.extend(line.split_whitespace().filter_map(parse));
    }
    used.intersection(namespaces).copied().collect()
}

fn number(link: &std::path::Path) -> Option<u64> {
    parse(fs::read_link(link).ok()?.to_str()?)
}

fn parse(text: &str) -> Option<u64> {
    text.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

/// The kernel ends killed processes in its own time, so this waits.
fn assert_gone(namespaces: &BTreeSet<u64>) {
    wait_until(|| in_use(namespaces).is_empty());
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited in vain");
        thread::sleep(Duration::from_millis(20));
    }
}
