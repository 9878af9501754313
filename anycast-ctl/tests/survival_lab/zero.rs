//! What is counted begins when maps are made, and everything begins then.

use nix::sys::signal::Signal;
use xtask::lab::Family;

use crate::{
    held::{Held, UNBROKEN},
    host::Host,
};

/// Every number of packets that is shown of VIPs and backends: delivered to VIPs, to backends, refused, and details.
fn counted(host: &Host) -> [u64; 4] {
    let status = host.status("anycast");
    let backends = status.pools.iter().flat_map(|pool| &pool.backends);
    [
        status.vips.iter().map(|vip| vip.traffic.packets).sum(),
        backends.map(|backend| backend.traffic.packets).sum(),
        status.vips.iter().flat_map(|vip| &vip.reasons).map(|reason| reason.packets).sum(),
        // Of all VIPs together: those to other addresses come at any time.
        status
            .reasons
            .iter()
            .filter(|reason| !matches!(reason.reason.as_str(), "not_vip" | "not_ip"))
            .map(|reason| reason.packets)
            .sum(),
    ]
}

/// Sessions, packets to a port that is no service, and a VIP that goes and comes back: its counts are carried.
fn count_something(host: &Host) {
    Held::open(host, 10).finish(UNBROKEN);
    let plan = host.lab.plan();
    let refuse = |vip: std::net::IpAddr| {
        let send = move || {
            let from = if vip.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            std::net::UdpSocket::bind(from)?.send_to(b"?", (vip, 9))?;
            Ok(())
        };
        host.lab.inside("client", send).unwrap();
    };
    Family::ALL.into_iter().for_each(|family| refuse(plan.vips.of(family)));
    let before = counted(host);
    assert!(before.iter().all(|packets| *packets > 0), "{before:?}");
    let vip = plan.vips.v6.to_string();
    for words in [
        &["vip", "remove", "www6"][..],
        &["pool", "remove", "web6"],
        &["pool", "add", "web6", "--backend", &format!("backend1={}", plan.backends[0].addresses.v6)],
        &["vip", "add", "www6", &vip, "--pool", "web6", "--service", "tcp/80"],
    ] {
        let (code, text) = host.run("anycast", &[words, &["--wait"]].concat());
        assert_eq!(code, 0, "{words:?}: {text}");
    }
    let after = counted(host);
    assert_eq!((after[0], after[2], after[3]), (before[0], before[2], before[3]), "carried on");
}

#[test]
fn counters_and_what_was_carried_begin_at_zero_together() {
    let mut host = Host::new(2);
    let site = host.path("site.toml");
    std::fs::write(&site, host.site()).unwrap();
    let restore = |host: &Host| {
        let (code, text) = host.run("anycast", &["apply", "-f", site.to_str().unwrap(), "--wait"]);
        assert_eq!(code, 0, "{text}");
    };
    host.start(&[]);
    count_something(&host);
    let before = counted(&host);
    host.end(Signal::SIGKILL);
    host.start(&[]);
    assert_eq!(counted(&host), before, "a restart is no reason");

    // By the daemon, without one, and by another start.
    for by in ["daemon", "itself", "replace"] {
        if by != "daemon" {
            host.end(Signal::SIGTERM);
        }
        if by != "replace" {
            let (code, text) = host.run("anycast", &["down"]);
            assert_eq!(code, 0, "{text}");
        }
        host.start(if by == "replace" { &["--replace"] } else { &[] });
        assert_eq!(counted(&host), [0; 4], "{by}");
        restore(&host);
        count_something(&host);
    }
}
