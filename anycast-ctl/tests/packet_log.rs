//! Builds with the `packet-log` feature tell of every refused packet. Needs root.

use std::{
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Family, Options, OwnedLab, controller};

#[test]
fn refused_packets_are_told_through_tracing_and_others_are_not() {
    let binary = Some(env!("CARGO_BIN_EXE_anycast-ctl").into());
    let mut lab = OwnedLab::start(&Options { binary, ..Options::default() }).unwrap();
    let site = controller::site(lab.plan()).to_toml();
    let site = site.replace("\n[[vip]]\n", "\n[[vip]]\non_unknown_port = \"drop\"\n");
    lab.start_controller_on(&site, &["--log", "info,anycast::log=debug"]).unwrap();
    for family in Family::ALL {
        let vip = lab.plan().vips.of(family);
        let refused = lab.inside("client", || {
            Ok(TcpStream::connect_timeout(&SocketAddr::from((vip, 81)), Duration::from_millis(100)).is_err())
        });
        assert!(refused.unwrap());
    }
    let lines = |vip: u16| {
        // Reason 5 is unknown_port_dropped.
        let line = format!("DEBUG vip {vip}: refused for reason 5");
        lab.controller_log().unwrap().lines().filter(|log| log.ends_with(&line)).count()
    };
    let start = Instant::now();
    while lines(1) != 1 || lines(2) != 1 {
        assert!(start.elapsed() < Duration::from_secs(5), "{}", lab.controller_log().unwrap());
        thread::sleep(Duration::from_millis(20));
    }
    lab.stop_controller().unwrap();
    let log = lab.controller_log().unwrap();
    assert!(log.contains("this build logs refused packets") && log.contains("detached"), "{log}");
}
