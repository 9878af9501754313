//! All of its work: steering, checks of each kind of right, drains, routes, captures, restarts.

use std::thread;

use anycast_ctl::api::types::BackendState;
use nix::sys::signal::Signal;

use crate::stage::{SERVICE, Stage, rights, wait_for};

/// CAP_NET_ADMIN, CAP_NET_RAW, CAP_PERFMON, CAP_BPF: bits 12, 13, 38, 39.
const FOUR: &str = "000000c000003000";
const NONE: &str = "0000000000000000";

const QUICK: &str = r#"interval = "200ms", timeout = "2s", fall = 5"#;

/// Says what rights it has, and passes if it has none; `printf` is of the shell's own process.
fn exec_check() -> String {
    let script = "read -r g < /proc/self/stat; set -- $g; test $5 = $$; tr '\\\\n' ' ' < /proc/self/status | tr -d '\\\\t'";
    let expect =
        format!("CapInh:{NONE} CapPrm:{NONE} CapEff:{NONE} CapBnd:{FOUR} CapAmb:{NONE} NoNewPrivs:1");
    format!(
        r#"check = {{ type = "exec", command = ["/bin/sh", "-c", "{script}"], expect = "{expect}", {QUICK} }}"#
    )
}

pub const ROUTES: &str = r#"
[announce]
asn = 65001
hold_up = "0s"
[announce.kernel]
mode = "route"
interface = "lo"
table = 254
protocol = 77
metric = 100
"#;

#[test]
fn a_user_of_its_own_does_all_of_the_work() {
    let mut stage = Stage::new(2);
    let through = format!(r#"check = {{ type = "http", via = "vip", {QUICK} }}"#);
    let pinged = format!(r#"check = {{ type = "icmp", {QUICK} }}"#);
    let site = stage.site(&through, &pinged) + ROUTES;
    stage.start(&site, &[]);
    assert!(stage.answers());

    let told = stage.status().rights.unwrap();
    assert_eq!((told.uid.to_string(), told.missing.len(), told.no_new_privs), (SERVICE.to_owned(), 0, true));
    let names: Vec<&str> = told.held.iter().map(|held| held.name.as_str()).collect();
    assert_eq!(names, ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON", "CAP_NET_RAW"]);
    let line = format!("runs as uid {SERVICE}, with CAP_BPF");
    assert!(stage.log().contains(&line) && stage.ctl(&["status"]).contains(&line), "{}", stage.log());
    let uid = [SERVICE; 4].join(" ");
    let expected = format!(
        "Uid: {uid}\nCapInh: {NONE}\nCapPrm: {FOUR}\nCapEff: {FOUR}\nCapBnd: {FOUR}\nCapAmb: {NONE}\nNoNewPrivs: 1\n"
    );
    let threads = rights(stage.status().pid);
    assert!(threads.len() > 3 && threads.iter().all(|thread| *thread == expected), "{threads:#?}");

    let routes = || stage.shell("ip route show proto 77; ip -6 route show proto 77");
    wait_for("both VIPs are announced", || routes().lines().count() == 2);
    stage.ctl(&["announce", "withdraw", "www4"]);
    wait_for("one is withdrawn", || routes().lines().count() == 1);
    stage.ctl(&["announce", "auto", "www4"]);

    stage.ctl(&["backend", "drain", "web4", "backend1"]);
    let state = |name: &str| {
        let pool = stage.status().pools.into_iter().find(|pool| pool.name == "web4").unwrap();
        pool.backends.into_iter().find(|backend| backend.name == name).unwrap().state
    };
    assert_eq!(state("backend1"), BackendState::Draining);
    stage.ctl(&["backend", "undrain", "web4", "backend1"]);

    let explained = stage.ctl(&["explain", "--from", "198.51.100.7:40000", "--to", "192.0.2.1:80"]);
    assert!(explained.contains("In one sentence:") && explained.contains("backend"), "{explained}");
    thread::scope(|scope| {
        let captured = scope.spawn(|| stage.ctl(&["capture", "--vip", "www4", "--count", "4"]));
        wait_for("packets are shown", || stage.answers() && captured.is_finished());
        let captured = captured.join().unwrap();
        assert!(captured.contains("192.0.2.1"), "{captured}");
    });
    stage.ctl(&["detach"]);
    stage.ctl(&["attach"]);
    assert!(stage.ctl(&["reconcile"]).contains("hold what they should"));
    assert!(stage.answers());
}

#[test]
fn it_takes_over_what_it_pinned_and_what_root_has() {
    let mut stage = Stage::bare(2);
    let site = stage.site("", "");
    // As before there was a user for it.
    stage.daemon = Some(stage.spawn_by(&[], &site, &[]));
    stage.wait_until_up();
    assert_eq!(stage.status().rights.unwrap().uid, 0);
    for by_root in [true, false] {
        stage.daemon.take().unwrap().signal(Signal::SIGKILL).unwrap();
        assert!(stage.answers(), "packets are steered on");
        if by_root {
            let state = stage.path("state");
            stage.shell("chmod o+x /sys/fs/bpf; chown -R 64711:64711 /sys/fs/bpf/anycast/edge");
            stage.shell(&format!("chown -R {SERVICE}:{SERVICE} {}", state.display()));
            stage.shell(&format!("chown {SERVICE} {}/*", stage.path("run").display()));
        }
        stage.start(&site, &[]);
        assert!(stage.log().contains("took over the maps that are pinned"), "{}", stage.log());
        assert_eq!(stage.status().rights.unwrap().uid.to_string(), SERVICE);
        assert!(stage.answers());
    }
    let owners = stage.shell("find /sys/fs/bpf/anycast/edge -printf '%U %m %y\\n' | sort -u");
    assert!(owners.lines().all(|owner| owner.starts_with(SERVICE)), "{owners}");
    stage.ctl(&["down"]);
    assert!(!stage.answers());
    assert_eq!(stage.shell("ls /sys/fs/bpf/anycast/edge"), "");
}

#[test]
fn a_program_that_checks_has_no_right_at_all() {
    let mut stage = Stage::new(1);
    let check = exec_check();
    let site = stage.site(&check, &check);
    stage.start(&site, &[]);
    // Up is who passed the check, and the check passes with those lines alone.
    let health = stage.ctl(&["health", "--json"]);
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    assert_eq!(health["pools"][0]["backends"][0]["results"][0]["detail"], "exit code 0", "{health:#}");
    assert!(stage.answers());
}
