//! Clients behind links that take less than the backends': the errors of routers there get to the backend they are for.

use std::collections::BTreeSet;

use xtask::lab::{
    CLIENT_PORT, Family, INTERFACE, ROUTER,
    transfer::{Datagrams, download},
};

use crate::{
    fragments::payload,
    harness::{Mode, SOON, Stage, path_mtu, wait_for},
};

const MTU: u64 = 1400;

/// A link of 1,400 bytes, at whose end nobody has told the client: it announces the usual segment size.
fn narrow_the_clients_link(stage: &Stage) {
    for (host, interface) in [("client", INTERFACE), (ROUTER, CLIENT_PORT)] {
        stage.lab.run(host, "ip", &["link", "set", interface, "mtu", "1400"]).unwrap();
    }
    for (version, router, size) in [("-4", "198.51.100.1", "1460"), ("-6", "2001:db8:0:3::1", "1440")] {
        let words = [version, "route", "replace", "default", "via", router, "advmss", size];
        stage.lab.run("client", "ip", &words).unwrap();
    }
}

#[test]
fn backends_hear_what_fits_the_way_to_their_clients() {
    for mode in [Mode::L2, Mode::IpipV4, Mode::IpipV6, Mode::GueV4, Mode::GueV6, Mode::Local] {
        let stage = Stage::new(mode);
        narrow_the_clients_link(&stage);
        for family in Family::ALL {
            let (vip, client) = (stage.vip(family), stage.lab.plan().client.addresses.of(family));
            let told = |host: &str| {
                path_mtu(&stage.lab, host, client, Some(vip)).filter(|mtu| *mtu < 1500) == Some(MTU)
            };
            let mut served = BTreeSet::new();
            for (name, _) in &stage.members {
                assert!(!told(name), "{mode:?} {family:?}: {name} knows already");
            }
            // Until each server has had a client: what one of them hears is of no use to another.
            wait_for("every server is asked", || {
                let by = download(&stage.lab, vip, 3_000_000).unwrap().server;
                assert!(told(&by), "{mode:?} {family:?}: {by} sends full-size packets still");
                served.insert(by);
                served.len() == stage.members.len()
            });
            let errors = stage.detail(family, "icmp_error");
            println!("{mode:?} {family:?}: {errors} errors of the router were steered");
            assert!(errors >= stage.members.len() as u64);
            // The same for UDP. The request is fragmented at once, the first answer is lost.
            for (name, _) in &stage.members {
                let version = if family == Family::V4 { "-4" } else { "-6" };
                stage.lab.run(name, "ip", &[version, "route", "flush", "cache"]).unwrap();
            }
            let sent = Datagrams::open(&stage.lab, vip).unwrap().ask(&payload(1380), SOON).unwrap();
            assert!(sent > 1 && stage.detail(family, "icmp_error") > errors, "{mode:?} {family:?}: {sent}");
            assert_eq!((stage.reason(family, "bad_quote"), stage.reason(family, "icmp")), (0, 0));
        }
        stage.assert_counters_agree();
    }
}
