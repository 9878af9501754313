//! A backend's unit, as docs/backends.md has it, hardened as the page says; here on the edge's interface.

use std::fs;

use xtask::lab::INTERFACE;

use crate::machine::Machine;

const UNIT: &str = "anycast-receive";

/// Starts, reloads and stops it; `program` tells what is on the interface.
pub fn starts_at_boot(machine: &Machine, program: impl Fn() -> Option<u64>) {
    let page = include_str!("../../../docs/backends.md");
    let (_, unit) = page.split_once("```ini\n[Unit]\n").unwrap();
    // No udev is in a container, which would tell systemd of the device that the unit waits for.
    let (_, service) = unit.split_once("```").unwrap().0.split_once("[Service]\n").unwrap();
    let hardened = "[Service]\nPrivateMounts=yes\nProtectSystem=strict\nReadWritePaths=/sys/fs/bpf\n";
    let service = hardened.to_owned() + &service.replace("eth0", INTERFACE);
    fs::write(machine.path("/etc/systemd/system/anycast-receive.service"), service).unwrap();
    machine.does(&["systemctl", "daemon-reload"]);

    machine.does(&["systemctl", "start", UNIT]);
    let first = program();
    assert!(first.is_some());
    machine.does(&["systemctl", "reload", UNIT]);
    assert_eq!(program(), first);
    machine.does(&["systemctl", "stop", UNIT]);
    assert_eq!(program(), None);
}
