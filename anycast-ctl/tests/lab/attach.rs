//! How the program is attached where the driver has no native XDP.

use anycast_ctl::api::types::XdpMode;
use xtask::lab::{Family, Lab};

use crate::{
    harness::{idle, mac, programs, refusal, site, site_file, status, wait_for},
    steer::spread,
};

/// Puts the edge's interface below a bridge, which takes its addresses over. A bridge has no native XDP.
fn bridge(lab: &Lab) {
    let address = mac(lab, "edge", "eth0");
    let plan = lab.plan();
    let (v4, v6) = (plan.edge.addresses.v4.to_string(), plan.edge.addresses.v6.to_string());
    for words in [
        format!("link add br0 address {address} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"),
        "addr flush dev eth0".to_owned(),
        "link set eth0 master br0".to_owned(),
        "link set br0 up".to_owned(),
        format!("addr add {v4}/24 dev br0"),
        format!("addr add {v6}/64 dev br0 nodad"),
    ] {
        lab.run("edge", "ip", &words.split(' ').collect::<Vec<_>>()).unwrap();
    }
}

#[test]
fn without_native_xdp_generic_mode_takes_over_with_a_warning() {
    let mut lab = idle(2, 0);
    bridge(&lab);
    let site = site(&lab).replace("eth0", "br0");
    lab.start_controller_on(&site, &[]).unwrap();
    let log = lab.controller_log().unwrap();
    let warning =
        log.lines().find(|line| line.contains("WARN")).unwrap_or_else(|| panic!("no warning in {log}"));
    assert!(warning.contains("generic mode") && warning.contains("br0"), "{warning}");
    assert!(warning.contains("br0 does not take a native XDP program"), "{warning}");
    assert_eq!(programs(&lab, "edge"), [("br0".to_owned(), XdpMode::Generic)]);
    assert_eq!(status(&lab).interfaces[0].mode, XdpMode::Generic);
    wait_for("both backends are up", || lab.status().unwrap().all_up());
    for family in Family::ALL {
        assert_eq!(spread(&lab, family, 20).len(), 2);
    }
}

#[test]
fn native_mode_is_refused_where_the_driver_has_none() {
    let lab = idle(1, 0);
    bridge(&lab);
    let config = site_file(&lab, "br0.toml", &site(&lab).replace("eth0", "br0"));
    let socket = lab.socket().to_str().unwrap();
    let text = refusal(&lab, &["--config", &config, "--socket", socket, "--xdp-mode", "native"]);
    assert!(text.contains("br0 does not take a native XDP program"), "{text}");
    assert!(text.contains("--xdp-mode generic"), "{text}");
    assert!(!lab.socket().exists());
}

#[test]
fn too_few_receive_queues_are_told_apart() {
    let mut lab = idle(1, 0);
    let words =
        "link add veth0 numrxqueues 1 numtxqueues 1 type veth peer name veth1 numrxqueues 2 numtxqueues 2";
    lab.run("edge", "ip", &words.split(' ').collect::<Vec<_>>()).unwrap();
    let both = site(&lab).replace(r#"["eth0"]"#, r#"["eth0", "veth0"]"#);
    let config = site_file(&lab, "both.toml", &both);
    let socket = lab.socket().to_str().unwrap();
    let text = refusal(&lab, &["--config", &config, "--socket", socket, "--xdp-mode", "native"]);
    assert!(text.contains("veth0 does not take a native XDP program"), "{text}");
    assert!(text.contains("fewer receive queues") && text.contains("ethtool -l"), "{text}");
    // Each interface is attached as well as it can be.
    lab.start_controller_on(&both, &[]).unwrap();
    let modes = [("veth0".to_owned(), XdpMode::Generic), ("eth0".to_owned(), XdpMode::Native)];
    let mut attached = programs(&lab, "edge");
    attached.sort_by_key(|(name, _)| std::cmp::Reverse(name.clone()));
    assert_eq!(attached, modes);
}

#[test]
fn one_bad_interface_of_two_leaves_nothing_attached() {
    let lab = idle(1, 0);
    lab.run("edge", "ip", &["link", "add", "br0", "type", "bridge"]).unwrap();
    let socket = lab.socket().to_str().unwrap();
    for (interfaces, words) in [
        // Found out before anything is loaded, and found out by the kernel when eth0 was attached already.
        (r#"["eth0", "eth1"]"#, "no interface is called `eth1`"),
        (r#"["eth0", "lo"]"#, "`lo` is not Ethernet"),
        (r#"["eth0", "br0"]"#, "br0 does not take a native XDP program"),
    ] {
        let config = site_file(&lab, "two.toml", &site(&lab).replace(r#"["eth0"]"#, interfaces));
        let text = refusal(&lab, &["--config", &config, "--socket", socket, "--xdp-mode", "native"]);
        assert!(text.contains(words), "{text}");
        assert_eq!(programs(&lab, "edge"), []);
        assert!(!lab.socket().exists());
    }
}
