//! Checks that take the way of clients' packets find what a look at the server's own address does not.

use anycast_ctl::health::verdict::Verdict;
use xtask::lab::{Family, OwnedLab, controller, receiver::Receiver};

use crate::harness::{backend, checked, idle, start, wait_for, wait_for_verdict};

const THROUGH: &str = r#"check = { type = "http", via = "vip", interval = "200ms", fast_interval = "100ms", timeout = "300ms", fall = 2 }"#;

#[test]
fn a_backend_without_the_vip_fails_though_its_own_address_answers() {
    let mut lab = checked(3, THROUGH);
    for family in Family::ALL {
        let shown = backend(&lab, family, "backend2");
        assert!(shown.check.starts_with("http / port 80 via VIP www"), "{}", shown.check);
        assert_eq!(shown.results[0].detail, "status 200");
    }
    let vips = lab.plan().vips;
    let remove =
        |address: String| lab.run("backend2", "ip", &["address", "del", &address, "dev", "lo"]).unwrap();
    remove(format!("{}/32", vips.v4));
    remove(format!("{}/128", vips.v6));
    wait_for_verdict(&lab, "backend2", Verdict::Down);
    let reason = backend(&lab, Family::V4, "backend2").reason.unwrap();
    assert!(reason.contains("no answer"), "{reason}");
    // Asked directly it is well.
    lab.ctl(&["pool", "check", "web4", "via=direct"]).unwrap();
    wait_for(&lab, "it is up when it is asked directly", |lab| {
        backend(lab, Family::V4, "backend2").verdict == Verdict::Up
    });
    assert_eq!(backend(&lab, Family::V6, "backend2").verdict, Verdict::Down);
    assert!(lab.run("edge", "ip", &["rule", "list"]).unwrap().contains("fwmark"));
    lab.stop_controller().unwrap();
    for family in ["-4", "-6"] {
        let rules = lab.run("edge", "ip", &[family, "rule", "list"]).unwrap();
        assert!(!rules.contains("fwmark"), "the daemon leaves no rule behind: {rules}");
    }
}

/// A lab with tunnels to its backends, each of which takes them apart.
fn tunnels(delivery: &str, lines: &str) -> (OwnedLab, Vec<Receiver>) {
    let mut lab = idle(3);
    let receivers =
        lab.plan().backends.iter().map(|host| Receiver::start(&lab, &host.name).unwrap()).collect();
    let mut file = controller::site(lab.plan());
    file.vips.iter_mut().for_each(|vip| vip.delivery = Some(delivery.to_owned()));
    let mut site = file.to_toml();
    for family in Family::ALL {
        let name = format!("name = \"{}\"\n", family.pool_name());
        site = site.replacen(&name, &format!("{name}{lines}\n"), 1);
    }
    // The checksums of what the edge sends itself are for its NIC to fill in, and a veth is none.
    lab.run("edge", "ethtool", &["-K", "eth0", "tx", "off"]).unwrap();
    start(&mut lab, &site);
    wait_for(&lab, "every backend is up", |lab| lab.status().unwrap().all_up());
    (lab, receivers)
}

#[test]
fn a_backend_that_takes_no_tunnel_apart_fails() {
    for delivery in ["ipip", "gue"] {
        let (lab, receivers) = tunnels(delivery, THROUGH);
        receivers[1].run(&lab, "backend2", &["stop", "--interface", "eth0"]).unwrap();
        wait_for_verdict(&lab, "backend2", Verdict::Down);
        assert_eq!(backend(&lab, Family::V4, "backend1").verdict, Verdict::Up);
    }
}

#[test]
fn a_path_that_is_narrower_than_it_says_fails_a_full_sized_check() {
    let full = THROUGH.replace("fall = 2", "fall = 2, full_size = true");
    let (lab, _receivers) = tunnels("ipip", &full);
    // Somebody on the way swallows what is large, and says nothing.
    let rules = "table netdev narrow { chain in { type filter hook ingress device eth0 priority -500; meta length > 1400 drop; }; }";
    lab.run("backend2", "nft", &[rules]).unwrap();
    wait_for_verdict(&lab, "backend2", Verdict::Down);
    lab.ctl(&["pool", "check", "web4", "full_size=false"]).unwrap();
    wait_for(&lab, "small questions get through", |lab| {
        backend(lab, Family::V4, "backend2").verdict == Verdict::Up
    });
}

#[test]
fn the_host_itself_can_be_checked() {
    let mut lab = idle(2);
    lab.serve_on_edge().unwrap();
    let edge = lab.plan().edge.addresses;
    let mut site = controller::site(lab.plan()).to_toml();
    for family in Family::ALL {
        let name = format!("name = \"{}\"\n", family.pool_name());
        let own = format!(
            "{name}{THROUGH}\n[[pool.backend]]\nname = \"self\"\naddress = \"{}\"\ndelivery = \"local\"\n",
            edge.of(family)
        );
        site = site.replacen(&name, &own, 1);
    }
    // Answers of the others come from the VIP, an address of this host: martians, unless it is told otherwise.
    for interface in ["all", "eth0"] {
        lab.run("edge", "sysctl", &["-qw", &format!("net.ipv4.conf.{interface}.accept_local=1")]).unwrap();
    }
    lab.run("edge", "ethtool", &["-K", "eth0", "tx", "off"]).unwrap();
    start(&mut lab, &site);
    wait_for(&lab, "every backend is up", |lab| lab.status().unwrap().all_up());
    assert_eq!(backend(&lab, Family::V6, "self").verdict, Verdict::Up);
    lab.run("edge", "ip", &["address", "del", &format!("{}/128", lab.plan().vips.v6), "dev", "lo"]).unwrap();
    wait_for(&lab, "the host does not hold the VIP any more", |lab| {
        backend(lab, Family::V6, "self").verdict == Verdict::Down
    });
    assert_eq!(backend(&lab, Family::V4, "self").verdict, Verdict::Up);
}
