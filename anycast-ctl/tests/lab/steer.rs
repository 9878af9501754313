//! Connections through the VIP end at the backends, whole, and are counted as they arrive.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use anycast_ctl::api::types::XdpMode;
use xtask::lab::{Family, Lab, OwnedLab};

use crate::{
    harness::{assert_counters_agree, backend, idle, programs, refused, site, status, steering, wait_for},
    http,
};

/// Opens connections to the VIP one after the other; answers which server took how many.
pub fn spread(lab: &Lab, family: Family, connections: u32) -> BTreeMap<String, u32> {
    let mut spread = BTreeMap::new();
    for _ in 0..connections {
        *spread.entry(http::who(lab, lab.plan().vips.of(family)).unwrap()).or_default() += 1;
    }
    spread
}

fn assert_steers(lab: &OwnedLab, connections: u32) {
    for family in Family::ALL {
        let spread = spread(lab, family, connections);
        assert_eq!(spread.len(), lab.plan().backends.len(), "every backend serves: {spread:?}");
        let counted = assert_counters_agree(lab);
        for (name, _, counted) in counted.iter().filter(|(_, counted, _)| *counted == family) {
            assert_eq!(counted.edge.syns, u64::from(spread[name]), "{name}: {counted:?}");
        }
    }
}

#[test]
fn both_families_reach_the_backends_and_both_sides_count_the_same() {
    let lab = steering(3, 0);
    assert_eq!(programs(&lab, "edge"), [("eth0".to_owned(), XdpMode::Native)]);
    assert_steers(&lab, 60);
    let dropped: Vec<_> =
        status(&lab).reasons.into_iter().filter(|it| it.verdict == "drop" && it.packets > 0).collect();
    // From before the next hops were known nothing was sent, so nothing was dropped.
    assert_eq!(dropped, []);
}

#[test]
fn long_transfers_arrive_whole_in_both_directions() {
    let lab = steering(2, 0);
    // No period that a lost or doubled segment could hide behind.
    let mut state = 1_u32;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(10_000_000)
    .collect();
    for family in Family::ALL {
        let vip = lab.plan().vips.of(family);
        let path = format!("/files/{family:?}");
        let stored = http::put(&lab, vip, &path, &content).unwrap();
        assert_eq!(stored.code, 201);
        let file = lab.directory().join(&stored.backend).join(&path[1..]);
        assert!(fs::read(&file).unwrap() == content, "the upload was damaged");
        for host in lab.plan().servers().filter(|host| host.name != stored.backend) {
            let directory = lab.directory().join(&host.name).join("files");
            fs::create_dir_all(&directory).unwrap();
            fs::copy(&file, directory.join(format!("{family:?}"))).unwrap();
        }
        let fetched = http::get(&lab, vip, &path).unwrap();
        assert_eq!(fetched.code, 200);
        assert!(fetched.body == content, "the download was damaged");
        let packets: u64 =
            assert_counters_agree(&lab).iter().filter(|it| it.1 == family).map(|it| it.2.edge.bytes).sum();
        assert!(packets > 10_000_000, "{packets} bytes were counted");
    }
}

#[test]
fn generic_mode_steers_too() {
    let mut lab = idle(2, 0);
    lab.start_controller(&["--xdp-mode", "generic"]).unwrap();
    assert_eq!(programs(&lab, "edge"), [("eth0".to_owned(), XdpMode::Generic)]);
    assert_eq!(status(&lab).interfaces[0].mode, XdpMode::Generic);
    assert!(lab.ctl(&["status"]).unwrap().contains("eth0       generic (slow"));
    assert_steers(&lab, 20);
}

#[test]
fn weights_share_slots_and_connections() {
    let mut lab = idle(2, 0);
    let weighted = site(&lab).replacen("weight = 1", "weight = 3", 1);
    lab.start_controller_on(&weighted, &[]).unwrap();
    wait_for("both backends are up", || lab.status().unwrap().all_up());
    let slots: Vec<u32> = status(&lab).pools[0].backends.iter().map(|backend| backend.slots).collect();
    assert_eq!(slots.iter().sum::<u32>(), 65_537);
    assert!(slots[0].abs_diff(49_153) <= 1, "{slots:?}");
    let spread = spread(&lab, Family::V4, 400);
    // 300 are expected, with a standard deviation of 8.7.
    assert!((250..=350).contains(&spread["backend1"]), "{spread:?}");
    assert_eq!(refused(&lab, "no_backend"), 0);
}

#[test]
fn datagrams_reach_the_backends_and_are_answered_from_the_vip() {
    let mut lab = idle(2, 0);
    let with_dns = site(&lab).replace("services = [", r#"services = ["udp/53", "#);
    assert!(with_dns.contains("udp/53"));
    lab.start_controller_on(&with_dns, &[]).unwrap();
    wait_for("both backends are up", || lab.status().unwrap().all_up());
    for family in Family::ALL {
        let vip = SocketAddr::from((lab.plan().vips.of(family), 53));
        let bind = |namespace: &str, address: SocketAddr| {
            lab.inside(namespace, || {
                let socket = UdpSocket::bind(address)?;
                socket.set_read_timeout(Some(Duration::from_secs(2)))?;
                Ok(socket)
            })
            .unwrap()
        };
        let servers = lab.plan().backends.iter().map(|host| bind(&host.name, vip)).collect::<Vec<_>>();
        let mut answered = BTreeSet::new();
        for _ in 0..20 {
            let any = if family == Family::V4 { "0.0.0.0:0" } else { "[::]:0" };
            let client = bind("client", any.parse().unwrap());
            client.connect(vip).unwrap();
            client.send(b"who?").unwrap();
            // The flow's datagram waits at one of them.
            let mut question = [0; 16];
            let mut from = None;
            wait_for("a backend is asked", || {
                from = servers.iter().enumerate().find_map(|(number, server)| {
                    server.set_nonblocking(true).unwrap();
                    Some((number, server.recv_from(&mut question).ok()?.1))
                });
                from.is_some()
            });
            let (number, client_address) = from.unwrap();
            servers[number].send_to(format!("server {number}").as_bytes(), client_address).unwrap();
            let mut answer = [0; 16];
            let length = client.recv(&mut answer).unwrap();
            assert_eq!(answer[..length], *format!("server {number}").as_bytes());
            answered.insert(number);
        }
        assert_eq!(answered.len(), 2);
    }
    assert_counters_agree(&lab);
}

#[test]
fn a_backend_behind_another_interface_is_reached_by_redirect() {
    for mode in ["native", "generic"] {
        let mut lab = idle(1, 1);
        let peer = lab.namespace("backend2").unwrap().path();
        let words = format!("link add side0 type veth peer name side0 netns {}", peer.display());
        lab.run("edge", "ip", &words.split(' ').collect::<Vec<_>>()).unwrap();
        for (namespace, number) in [("edge", 1), ("backend2", 2)] {
            lab.run(namespace, "ip", &["link", "set", "side0", "up"]).unwrap();
            lab.run(namespace, "ip", &["addr", "add", &format!("10.9.0.{number}/24"), "dev", "side0"])
                .unwrap();
            let v6 = format!("fd00:9::{number}/64");
            lab.run(namespace, "ip", &["addr", "add", &v6, "dev", "side0", "nodad"]).unwrap();
        }
        // A veth takes redirected frames when its peer polls: with GRO on, or with a program of its own.
        lab.run("backend2", "ethtool", &["-K", "side0", "gro", "on"]).unwrap();
        lab.start_controller(&["--xdp-mode", mode]).unwrap();
        lab.ctl(&["backend", "add", "web4", "side", "10.9.0.2"]).unwrap();
        lab.ctl(&["backend", "add", "web6", "side", "fd00:9::2"]).unwrap();
        wait_for("both backends are up", || lab.status().unwrap().all_up());
        for family in Family::ALL {
            let side = backend(&lab, family.pool_name(), "side");
            assert_eq!(side.next_hop.unwrap().interface, "side0");
            let spread = spread(&lab, family, 20);
            assert_eq!(spread.len(), 2, "{mode} {family:?}: {spread:?}");
            let traffic = backend(&lab, family.pool_name(), "side").traffic;
            assert_eq!(traffic.new_flows, u64::from(spread["backend2"]));
        }
        assert_eq!(refused(&lab, "no_device"), 0);
    }
}
