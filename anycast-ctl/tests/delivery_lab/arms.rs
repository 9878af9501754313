//! An edge that takes packets in by one interface and sends them to the backends by another.

use std::net::SocketAddr;

use xtask::lab::{
    Family, INTERFACE, SECOND_ARM,
    server::{self, HTTP_PORT},
    transfer::{Datagrams, Upload, download},
};

use crate::{
    follow, fragments,
    harness::{Mode, SOON, Stage, status, wait_for},
    ping,
};

#[test]
fn packets_leave_by_the_interface_that_leads_to_the_backend() {
    for mode in [Mode::L2, Mode::IpipV4, Mode::GueV6] {
        let stage = Stage::with(mode, true, |_| {});
        let attached: Vec<String> = status(&stage.lab).interfaces.into_iter().map(|it| it.name).collect();
        assert_eq!(attached, [INTERFACE]);
        for family in Family::ALL {
            let vip = stage.vip(family);
            let by = stage.backend(family, "backend1").next_hop.unwrap().interface;
            assert_eq!(by, SECOND_ARM);
            for _ in 0..20 {
                server::get(stage.lab.client().unwrap(), SocketAddr::from((vip, HTTP_PORT)), "/").unwrap();
            }
            let socket = Datagrams::open(&stage.lab, vip).unwrap();
            for length in [1200, 1350, 8192] {
                socket.ask(&fragments::payload(length), SOON).unwrap();
            }
            fragments::in_any_order_after_the_first(&stage, family);
            Upload::start(&stage.lab, vip, 10_000_000).unwrap().finish().unwrap();
            download(&stage.lab, vip, 10_000_000).unwrap();
            ping::is_answered_by_the_edge(&stage, family);
        }
        for family in Family::ALL {
            let set_mtu = |mtu| {
                stage.lab.run("edge", "ip", &["link", "set", SECOND_ARM, "mtu", mtu]).unwrap();
            };
            follow::narrows(&stage, mode, family, SECOND_ARM, || {
                // What is redirected to a link before the daemon knows that it became too narrow is counted, and lost.
                stage.wait_for_rest(family);
                set_mtu("1380");
            });
            set_mtu("1500");
            wait_for("the way is as wide as before", || {
                stage.backend(Family::V6, "backend1").mtu == Some(1500 - mode.overhead())
            });
        }
        stage.assert_counters_agree();
        for family in Family::ALL {
            assert_eq!(stage.reason(family, "no_device"), 0);
        }
    }
}
