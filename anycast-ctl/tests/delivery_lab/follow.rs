//! The way to the backends becomes narrower while a client sends.

use xtask::lab::{
    Family, INTERFACE,
    transfer::{Datagrams, Upload},
};

use crate::{
    fragments,
    harness::{Mode, SOON, Stage, path_mtu, wait_for},
};

const MTU: u16 = 1380;

#[test]
fn a_route_with_a_smaller_mtu_is_followed() {
    for mode in [Mode::L2, Mode::IpipV4, Mode::GueV6] {
        let stage = Stage::new(mode);
        for family in Family::ALL {
            let hosts = stage.lab.plan().backends.clone();
            narrows(&stage, mode, family, INTERFACE, || {
                for host in &hosts {
                    let outer = mode.outer(family);
                    let prefix = format!(
                        "{}/{}",
                        host.addresses.of(outer),
                        if outer == Family::V4 { 32 } else { 128 }
                    );
                    let words = ["route", "replace", &prefix, "dev", INTERFACE, "mtu", &MTU.to_string()];
                    stage.lab.run("edge", "ip", &words).unwrap();
                }
            });
            // As it was, for the other family.
            for host in &hosts {
                let address = host.addresses.of(mode.outer(family)).to_string();
                stage.lab.run("edge", "ip", &["route", "del", &address, "dev", INTERFACE]).unwrap();
            }
            wait_for("the way is as wide as before", || {
                stage.backend(family, "backend1").mtu == Some(1500 - mode.overhead())
            });
        }
        stage.assert_counters_agree();
    }
}

/// An upload survives that the way to the backends takes [`MTU`] bytes from its middle on.
pub fn narrows(stage: &Stage, mode: Mode, family: Family, interface: &str, narrow: impl FnOnce()) {
    let (vip, fits) = (stage.vip(family), MTU - mode.overhead());
    let mut upload = Upload::start(&stage.lab, vip, 6_000_000).unwrap();
    upload.send(3_000_000).unwrap();
    let before = stage.reason(family, "too_big_answered");
    narrow();
    for (name, _) in &stage.members {
        wait_for("the edge knows", || stage.backend(family, name).mtu == Some(fits));
    }
    upload.finish().unwrap();
    let told = stage.reason(family, "too_big_answered") - before;
    println!("{mode:?} {family:?} by {interface}: {told} answers \"too big\" after the way became narrower");
    assert!(told > 0);
    assert_eq!(path_mtu(&stage.lab, "client", vip, None), Some(u64::from(fits)));
    // Datagrams heed it, too.
    Datagrams::open(&stage.lab, vip).unwrap().ask(&fragments::payload(8192), SOON).unwrap();
}
