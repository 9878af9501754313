//! A restarted daemon goes on with the verdicts it had.

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::BackendState;
use nix::sys::signal::Signal;

use crate::host::Host;

fn state(host: &Host, name: &str) -> BackendState {
    let pools = host.status("anycast").pools;
    let web4 = pools.into_iter().find(|pool| pool.name == "web4").unwrap();
    web4.backends.into_iter().find(|backend| backend.name == name).unwrap().state
}

fn wait(host: &Host, name: &str, wanted: BackendState) {
    let start = Instant::now();
    while state(host, name) != wanted {
        assert!(start.elapsed() < Duration::from_secs(30), "{name} is never {wanted:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn verdicts_survive_kill_9_and_restart() {
    let mut host = Host::new(3);
    // So many failures take their time: a daemon that forgot would not have it down at once.
    let check = "check = { type = \"http\", port = 80, interval = \"100ms\", fast_interval = \"100ms\", fall = 40, \
                 timeout = \"500ms\" }";
    let site = host.site().replacen("name = \"web4\"\n", &format!("name = \"web4\"\n{check}\n"), 1);
    host.daemon = Some(host.spawn("anycast", &site, &["--xdp-mode", "native"]));
    host.wait_until_ready();
    (1..=3).for_each(|n| wait(&host, &format!("backend{n}"), BackendState::Up));
    let reject = "table inet end { chain in { type filter hook input priority 0; tcp dport 80 reject with tcp reset; }; }";
    host.lab.run("backend2", "nft", &[reject]).unwrap();
    wait(&host, "backend2", BackendState::Down);
    // What is written down follows at once, but is not waited for.
    thread::sleep(Duration::from_millis(500));
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        host.end(signal);
        host.daemon = Some(host.spawn("anycast", &site, &["--xdp-mode", "native"]));
        host.wait_until_ready();
        assert_eq!(state(&host, "backend2"), BackendState::Down, "after {signal}");
        assert_eq!(state(&host, "backend1"), BackendState::Up, "after {signal}");
    }
    host.lab.run("backend2", "nft", &["delete", "table", "inet", "end"]).unwrap();
    wait(&host, "backend2", BackendState::Up);
}
