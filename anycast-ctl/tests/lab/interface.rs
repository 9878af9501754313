//! Interfaces that go, come back, change their names, or lose the program; and notifications that are lost.

use std::{fmt::Write as _, thread, time::Duration};

use anycast_ctl::api::types::{BackendState, InterfaceStatus, XdpMode};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use xtask::lab::{Family, Lab, OwnedLab, halt};

use crate::{
    harness::{assert_counters_agree, backend, idle, programs, site, status, steering, wait_for},
    steer::spread,
};

fn interface(lab: &Lab) -> InterfaceStatus {
    let mut interfaces = status(lab).interfaces;
    assert_eq!(interfaces.len(), 1, "{interfaces:?}");
    interfaces.remove(0)
}

/// Attached to `eth0` natively, all backends up, and packets reach them.
fn assert_steers(lab: &Lab) {
    wait_for("the program is on the interface", || {
        interface(lab).detail.is_none() && programs(lab, "edge") == [("eth0".to_owned(), XdpMode::Native)]
    });
    wait_for("all backends are up", || lab.status().unwrap().all_up());
    for family in Family::ALL {
        assert_eq!(spread(lab, family, 20).len(), 2);
    }
}

fn index(lab: &Lab, interface: &str) -> u32 {
    let links = lab.run("edge", "ip", &["-json", "link", "show", "dev", interface]).unwrap();
    let links: serde_json::Value = serde_json::from_str(&links).unwrap();
    u32::try_from(links[0]["ifindex"].as_u64().unwrap()).unwrap()
}

fn ip(lab: &Lab, namespace: &str, words: &str) {
    lab.run(namespace, "ip", &words.split(' ').collect::<Vec<_>>()).unwrap();
}

#[test]
fn an_interface_that_goes_and_comes_back_is_attached_again() {
    let mut lab = steering(2, 0);
    assert_steers(&lab);
    let before = index(&lab, "eth0");
    lab.pull_edge_cable().unwrap();
    wait_for("it is noticed", || interface(&lab).detail.is_some());
    assert!(!interface(&lab).present);
    let page = lab.ctl(&["status"]).unwrap();
    assert!(page.contains("ATTENTION: interface eth0: it is gone; the program is attached again"), "{page}");
    wait_for("the backends have no next hop", || {
        backend(&lab, "web4", "backend1").state == BackendState::Unresolved
    });

    lab.lay_edge_cable().unwrap();
    assert_steers(&lab);
    let after = interface(&lab);
    assert!(after.present && after.index != before && after.index == index(&lab, "eth0"), "{after:?}");
    let log = lab.controller_log().unwrap();
    assert!(log.contains("it is gone; the program is attached again when it comes back"), "{log}");
}

/// Faster than anybody looks.
#[test]
fn an_interface_that_is_replaced_at_once_is_attached_again() {
    let mut lab = steering(2, 0);
    let pid = pid(&mut lab);
    halt(pid).unwrap();
    lab.pull_edge_cable().unwrap();
    lab.lay_edge_cable().unwrap();
    kill(pid, Signal::SIGCONT).unwrap();
    assert_steers(&lab);
}

#[test]
fn an_interface_that_was_elsewhere_keeps_its_program() {
    let lab = steering(2, 0);
    let there = lab.namespace("client").unwrap().path();
    ip(&lab, "edge", &format!("link set eth0 netns {} name away", there.display()));
    wait_for("it is noticed", || !interface(&lab).present);
    let back = lab.namespace("edge").unwrap().path();
    ip(&lab, "client", &format!("link set away netns {} name eth0", back.display()));
    let plan = lab.plan();
    ip(&lab, "edge", "link set eth0 up");
    ip(&lab, "edge", &format!("addr add {}/24 dev eth0", plan.edge.addresses.v4));
    ip(&lab, "edge", &format!("addr add {}/64 dev eth0 nodad", plan.edge.addresses.v6));
    assert_steers(&lab);
}

#[test]
fn a_renamed_interface_is_steered_on_and_said_to_be_renamed() {
    let lab = steering(2, 0);
    ip(&lab, "edge", "link set eth0 down");
    ip(&lab, "edge", "link set eth0 name wan0");
    ip(&lab, "edge", "link set wan0 up");
    // Its IPv6 address and routes went while it was down.
    ip(&lab, "edge", &format!("addr add {}/64 dev wan0 nodad", lab.plan().edge.addresses.v6));
    wait_for("it is noticed", || {
        let detail = interface(&lab).detail;
        detail.is_some_and(|detail| detail.starts_with("it is called wan0 by now, and still steered"))
    });
    assert_eq!(programs(&lab, "edge"), [("wan0".to_owned(), XdpMode::Native)]);
    wait_for("all backends are up", || lab.status().unwrap().all_up());
    assert_eq!(spread(&lab, Family::V4, 20).len(), 2);

    // Another one takes the name: that is the one the site means.
    ip(&lab, "edge", "link add eth0 type veth peer name other");
    wait_for("the other one is attached to", || {
        programs(&lab, "edge").iter().map(|(name, _)| name.as_str()).eq(["eth0"])
    });
}

#[test]
fn a_program_that_somebody_detached_is_attached_again() {
    let lab = steering(2, 0);
    let on_edge = lab.run("edge", "ip", &["-json", "link", "show", "dev", "eth0"]).unwrap();
    let on_edge: serde_json::Value = serde_json::from_str(&on_edge).unwrap();
    let links = lab.run("edge", "bpftool", &["-j", "link", "show"]).unwrap();
    let links: serde_json::Value = serde_json::from_str(&links).unwrap();
    let ours =
        links.as_array().unwrap().iter().find(|link| link["prog_id"] == on_edge[0]["xdp"]["prog"]["id"]);
    let id = ours.unwrap_or_else(|| panic!("{links}"))["id"].to_string();
    lab.run("edge", "bpftool", &["link", "detach", "id", &id]).unwrap();
    assert_steers(&lab);
    assert_counters_agree(&lab);
}

fn pid(lab: &mut OwnedLab) -> Pid {
    Pid::from_raw(i32::try_from(lab.controller().unwrap().child().id()).unwrap())
}

/// The kernel has room for a few notifications only, and nobody reads them: what was lost is looked up afterwards.
#[test]
fn lost_notifications_of_every_kind_are_made_up_for() {
    let mut lab = idle(2, 0);
    let site = site(&lab);
    lab.start_controller_on(&site, &["--xdp-mode", "native", "--netlink-buffer", "2048"]).unwrap();
    assert_steers(&lab);
    // A backend behind a gateway, and one on the link.
    lab.ctl(&["backend", "add", "web4", "far", "10.99.0.1"]).unwrap();
    let plan = lab.plan();
    let [first, second] = [0, 1].map(|n| plan.backends[n].addresses.v4);
    ip(&lab, "edge", &format!("route add 10.99.0.0/24 via {first}"));
    let hop = |lab: &Lab, name: &str| backend(lab, "web4", name).next_hop.map(|hop| hop.mac);
    let mac = hop(&lab, "backend1");
    wait_for("it is reached by its gateway", || hop(&lab, "far") == mac);

    let pid = pid(&mut lab);
    halt(pid).unwrap();
    let mut burst = String::new();
    for n in 0..3_000 {
        writeln!(burst, "route add 100.64.{}.{}/32 dev lo", n / 250, n % 250).unwrap();
    }
    batch(&lab, &burst);
    // A gateway, a neighbour, an address and a link, in the midst of it.
    ip(&lab, "edge", &format!("route replace 10.99.0.0/24 via {second}"));
    ip(&lab, "edge", &format!("neigh replace {first} lladdr 02:00:00:00:00:99 nud permanent dev eth0"));
    ip(&lab, "edge", "link set eth0 mtu 1400");
    batch(&lab, &burst.replace("add", "del"));
    thread::sleep(Duration::from_millis(100));
    kill(pid, Signal::SIGCONT).unwrap();

    wait_for("the neighbour's new address is known", || {
        hop(&lab, "backend1").as_deref() == Some("02:00:00:00:00:99")
    });
    wait_for("the new gateway is known", || hop(&lab, "far") == hop(&lab, "backend2"));
    wait_for("the new MTU is known", || backend(&lab, "web4", "backend2").mtu == Some(1400));
    let log = lab.controller_log().unwrap();
    assert!(log.contains("dropped route and neighbour notifications: looking everything up again"), "{log}");
}

fn batch(lab: &Lab, lines: &str) {
    let path = lab.directory().join("batch");
    std::fs::write(&path, lines).unwrap();
    lab.run("edge", "ip", &["-batch", path.to_str().unwrap()]).unwrap();
}

#[test]
fn a_gateway_that_changes_or_falls_silent_is_followed() {
    let lab = steering(2, 0);
    lab.ctl(&["backend", "add", "web4", "far", "10.99.0.1"]).unwrap();
    let far = || backend(&lab, "web4", "far");
    let plan = lab.plan();
    // The default route leads to the router.
    wait_for("it is reached by the router", || far().state == BackendState::Up);
    let router = far().next_hop.unwrap().mac;
    ip(&lab, "edge", &format!("route add 10.99.0.0/24 via {}", plan.backends[0].addresses.v4));
    let first = backend(&lab, "web4", "backend1").next_hop.unwrap().mac;
    wait_for("it is reached by the new gateway", || far().next_hop.is_some_and(|hop| hop.mac == first));
    assert_ne!(router, first);

    for (words, back, why) in [
        (
            "route replace unreachable 10.99.0.0/24",
            "route del unreachable 10.99.0.0/24",
            "is of type unreachable",
        ),
        (
            "route replace 10.99.0.0/24 via 203.0.113.99",
            "route del 10.99.0.0/24",
            "no answer to ARP from 203.0.113.99 on eth0",
        ),
    ] {
        ip(&lab, "edge", "route del 10.99.0.0/24");
        ip(&lab, "edge", words);
        wait_for(why, || {
            let far = far();
            far.state == BackendState::Unresolved && far.slots == 0 && far.detail.unwrap().contains(why)
        });
        ip(&lab, "edge", back);
        ip(&lab, "edge", &format!("route add 10.99.0.0/24 via {}", plan.backends[0].addresses.v4));
        wait_for("it is back", || far().state == BackendState::Up && far().slots > 0);
    }
}
