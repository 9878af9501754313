//! Each thing that can be broken here is found, and mended by the command that is printed.

use anycast_ctl::{
    finding::{Finding, State},
    interface::Interface,
};

use crate::{
    host::{Edge, command},
    xdp,
};

/// What breaks it; which check finds it, and how bad that is.
const BROKEN: &[(&str, &str, State)] = &[
    ("umount /sys/fs/bpf", "bpffs", State::Fail),
    ("ip link set eth0 down", "interface", State::Fail),
    ("ip link set eth0 mtu 1200", "mtu", State::Fail),
    ("ethtool -L eth0 rx 1", "queues", State::Warn),
    ("ethtool -L eth0 rx 1", "driver", State::Warn),
    ("ip link add br0 type bridge; ip link set eth0 master br0", "membership", State::Warn),
    ("ip addr del 192.0.2.1/32 dev lo", "vip", State::Fail),
    ("ip addr del 192.0.2.1/32 dev lo; ip addr add 192.0.2.1/32 dev eth0", "vip", State::Warn),
    ("ip addr add 198.51.100.1/24 dev eth0", "vip", State::Warn),
    ("sysctl -qw net.ipv4.conf.all.arp_ignore=0", "arp_ignore", State::Warn),
    ("sysctl -qw net.ipv4.conf.eth0.forwarding=1", "forwarding", State::Warn),
    (
        "ip link add eth1 type veth peer name q0; ip addr add 10.1.0.11/24 dev eth1; ip link set q0 up; \
         ip link set eth1 up; ip route replace default via 10.1.0.1; sysctl -qw net.ipv4.conf.all.rp_filter=1",
        "rp_filter",
        State::Fail,
    ),
];

fn found<'a>(complaints: &'a [Finding], check: &str) -> &'a Finding {
    complaints.iter().find(|it| it.check == check).unwrap_or_else(|| panic!("{check}: {complaints:#?}"))
}

#[test]
fn nothing_is_wrong_with_a_good_host() {
    assert_eq!(Edge::new().complaints(), []);
}

#[test]
fn the_printed_command_mends_what_is_broken() {
    for (commands, check, state) in BROKEN {
        let edge = Edge::new();
        edge.sh(commands);
        let complaints = edge.complaints();
        let finding = found(&complaints, check);
        assert_eq!(finding.state, *state, "{commands}: {finding:?}");
        edge.sh(command(finding));
        assert_eq!(edge.complaints(), [], "{commands}, then {}", command(finding));
    }
}

#[test]
fn a_program_of_somebody_else_is_found_and_removed() {
    for (flag, off) in [(xdp::NATIVE, "xdpdrv"), (xdp::GENERIC, "xdpgeneric")] {
        let edge = Edge::new();
        edge.host().enter(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let eth0 = Interface::find("eth0").await.unwrap();
                xdp::attach(eth0.index, flag).await;
            });
        });
        let complaints = edge.complaints();
        let finding = found(&complaints, "other_program");
        assert!(finding.found.contains("`only_pass`"), "{finding:?}");
        assert_eq!(command(finding), format!("ip link set dev eth0 {off} off"));
        edge.sh(command(finding));
        assert_eq!(edge.complaints(), []);
    }
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let edge = Edge::new();
    edge.sh("ip link set eth0 down; ip link set eth0 name eth7");
    let complaints = edge.complaints();
    let finding = found(&complaints, "interface");
    assert!(finding.found.contains("no interface is called `eth0`: did you mean `eth7`?"), "{finding:?}");
    edge.sh("ip link set eth7 name eth0; ip link set eth0 up");
    edge.sh("ip route replace default via 10.0.0.10");
    assert_eq!(edge.complaints(), []);
}
