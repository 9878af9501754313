//! Traffic goes where transit's routes lead, and they lead where edges announce.

use std::net::SocketAddr;

use xtask::lab::{
    Family, controller,
    receiver::Receiver,
    server::{self, HTTP_PORT},
    sites::edges,
};

use crate::harness::{A, B, By, CHECK, SOON, announce, idle, reached, served, sites_of, steering};

#[test]
fn every_backend_is_reached_at_its_own_address_and_nobody_at_the_vip() {
    let sites = idle();
    let client = sites.namespace("client").unwrap();
    for family in Family::ALL {
        for host in sites.plan().backends() {
            let address = SocketAddr::from((host.addresses.of(family), HTTP_PORT));
            let answer = server::get(client, address, "/").unwrap();
            assert!(answer.contains(&format!("X-Backend: {}\r\n", host.name)), "{answer}");
        }
        let vip = SocketAddr::from((sites.plan().vips.of(family), HTTP_PORT));
        assert!(server::get(client, vip, "/").is_err());
        assert!(sites.routes(vip.ip()).unwrap().is_empty());
    }
}

#[test]
fn both_edges_of_the_preferred_site_share_the_traffic_and_all_its_backends_serve() {
    let sites = steering();
    let before = sites.sent().unwrap();
    let served = served(&sites, 60);
    assert_eq!(served.keys().collect::<Vec<_>>(), ["a-web1", "a-web2", "a-web3"]);
    assert_eq!(reached(&sites, &before), edges(&A));
    // What transit sent is what the programs delivered.
    let sent = sites.sent().unwrap();
    for edge in A {
        let status = sites.edge(edge).unwrap().status().unwrap();
        let vips = status.vips.iter().flat_map(|vip| &vip.backends);
        assert_eq!(vips.map(|backend| backend.traffic.new_flows).sum::<u64>(), sent[edge].syns, "{edge}");
    }
}

#[test]
fn the_other_site_takes_over_when_a_site_withdraws_and_gives_back() {
    let sites = steering();
    assert_eq!(sites_of(&served(&sites, 20)), ["a"]);
    announce(&sites, &A[..1], By::Nothing);
    sites.wait_for_routes(&edges(&["a2"]), SOON).unwrap();
    assert_eq!(sites_of(&served(&sites, 20)), ["a"]);
    announce(&sites, &A[1..], By::Nothing);
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
    let before = sites.sent().unwrap();
    assert_eq!(sites_of(&served(&sites, 40)), ["b"]);
    assert_eq!(reached(&sites, &before), edges(&B));
    announce(&sites, &A, By::Route);
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    assert_eq!(sites_of(&served(&sites, 20)), ["a"]);
}

#[test]
fn transit_leaves_a_site_that_is_about_to_go_without_a_gap() {
    let sites = steering();
    let start = std::time::Instant::now();
    announce(&sites, &A, By::ShuttingDown);
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
    assert_eq!(sites_of(&served(&sites, 20)), ["b"]);
    // Nobody else is there: a route that is about to go is better than none.
    announce(&sites, &B, By::Nothing);
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    assert_eq!(sites_of(&served(&sites, 20)), ["a"]);
    announce(&sites, &A, By::Route);
    announce(&sites, &B, By::Route);
    sites.wait_for_sessions(SOON).unwrap();
    let changes = sites.watch().changes();
    let gaps = changes.iter().filter(|change| change.at > start && change.edges.is_empty());
    assert_eq!(gaps.count(), 0, "{changes:#?}");
}

#[test]
fn an_edge_delivers_to_the_other_sites_backends_through_tunnels() {
    for delivery in ["ipip", "gue"] {
        let mut sites = idle();
        let backends = sites.plan().sites[1].backends.clone();
        let receivers: Vec<Receiver> =
            backends.iter().map(|host| sites.receive(&host.name).unwrap()).collect();
        let mut site = controller::site(sites.edge("a1").unwrap().plan());
        for vip in &mut site.vips {
            let family = Family::of(vip.address);
            vip.delivery = Some(delivery.to_owned());
            for (backend, host) in vip.backends.iter_mut().zip(&backends) {
                backend.name = host.name.clone();
                backend.address = host.addresses.of(family);
            }
        }
        sites.start_daemon("a1", Some(&site.to_toml()), &["--xdp-mode", "native"]).unwrap();
        announce(&sites, &["a1"], By::Route);
        sites.wait_for_routes(&edges(&["a1"]), SOON).unwrap();
        let served = served(&sites, 30);
        assert_eq!(served.keys().collect::<Vec<_>>(), ["b-web1", "b-web2", "b-web3"], "{delivery}");
        drop(receivers);
    }
}

#[test]
fn a_daemon_that_was_killed_leaves_its_edge_steering_and_the_next_takes_over() {
    let mut sites = steering();
    for edge in A {
        sites.kill_daemon(edge).unwrap();
        assert!(sites.ctl(edge, &["status"]).is_err());
    }
    assert_eq!(sites_of(&served(&sites, 20)), ["a"]);
    sites.start_daemon("a1", None, &[]).unwrap();
    sites.stop_daemon("a1").unwrap();
    let site = sites.site("a1", CHECK).unwrap();
    sites.start_daemon("a1", Some(&site), &[]).unwrap();
    assert!(sites.log("a1").unwrap().contains("ready"));
    assert_eq!(sites_of(&served(&sites, 20)), ["a"]);
}
