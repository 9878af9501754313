//! Two instances steer at once, and one does not notice what becomes of the other.

use std::{thread, time::Duration};

use nix::sys::signal::Signal;
use xtask::lab::{Family, Process};

use crate::{
    held::{Held, UNBROKEN},
    host::Host,
};

/// A second cable from the client to the edge, on which the client sends what is for the IPv6 VIP.
fn lay_cable(host: &Host) {
    let run = |namespace: &str, program: &str, words: &str| {
        host.lab.run(namespace, program, &words.split(' ').collect::<Vec<_>>()).unwrap()
    };
    let client = host.lab.namespace("client").unwrap().path();
    let mac = "02:00:00:00:55:00";
    run("edge", "ip", &format!("link add more0 address {mac} type veth peer name more1"));
    run("edge", "ip", &format!("link set more1 netns {}", client.display()));
    run("edge", "ip", "link set more0 up");
    run("client", "ip", "link set more1 up");
    // A steered packet keeps the checksum it came with.
    run("client", "ethtool", "-K more1 tx off tso off gso off");
    let (vip, source) = (host.lab.plan().vips.v6, host.lab.plan().client.addresses.v6);
    run("client", "ip", &format!("-6 neigh add {vip} lladdr {mac} dev more1 nud permanent"));
    run("client", "ip", &format!("-6 route add {vip}/128 dev more1 src {source}"));
}

/// Starts the second instance on the second cable, and waits until it steers.
fn start_second(host: &mut Host) -> Process {
    let site = host.site().replace(r#"["eth0"]"#, r#"["more0"]"#);
    let second = host.spawn("second", &site, &["--xdp-mode", "native"]);
    host.wait_until_ready();
    second
}

fn kill(mut daemon: Process) {
    daemon.signal(Signal::SIGKILL).unwrap();
    daemon.wait().unwrap();
}

/// Packets that an instance delivered, by family.
fn delivered(host: &Host, instance: &str) -> [u64; 2] {
    let status = host.status(instance);
    Family::ALL.map(|family| {
        let vips = status.vips.iter().filter(|vip| Family::of(vip.address) == family);
        vips.map(|vip| vip.traffic.packets).sum()
    })
}

#[test]
fn two_instances_steer_on_whatever_becomes_of_the_other() {
    let mut host = Host::new(2);
    lay_cable(&host);
    host.start(&["--xdp-mode", "native"]);
    let second = start_second(&mut host);
    let held = Held::open(&host, 20);

    kill(second);
    thread::sleep(Duration::from_millis(300));
    let second = start_second(&mut host);
    host.end(Signal::SIGKILL);
    thread::sleep(Duration::from_millis(300));
    host.start(&[]);
    host.end(Signal::SIGTERM);
    host.start(&["--replace"]);
    held.assert_open();
    held.finish(UNBROKEN);
    // The first began to count when it was replaced.
    let (ours, theirs) = (delivered(&host, "anycast"), delivered(&host, "second"));
    assert!(ours[0] > 0 && ours[1] == 0, "{ours:?}");
    assert!(theirs[0] == 0 && theirs[1] > 100, "{theirs:?}");

    let held = Held::open(&host, 20);
    let first = host.program("eth0");
    drop(second);
    let (code, text) = host.run("second", &["down"]);
    assert!(code == 0 && text.contains("nothing is steered"), "{text}");
    assert_eq!((host.program("more0"), host.program("eth0")), (None, first));
    thread::sleep(Duration::from_secs(1));
    let before = delivered(&host, "anycast");
    thread::sleep(Duration::from_millis(500));
    assert!(delivered(&host, "anycast")[0] > before[0], "the first steers on");
    let second = start_second(&mut host);
    held.assert_open();
    // Whose instance was down had to wait, and went on: tables are the same.
    thread::sleep(Duration::from_secs(3));
    held.finish([UNBROKEN[0], (Family::V6, Duration::from_secs(8))]);
    let theirs = delivered(&host, "second");
    assert!(theirs[0] == 0 && theirs[1] > 0, "{theirs:?}");
    kill(second);
}
