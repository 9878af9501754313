//! Drains of one and of many, and the wait for their end.

use std::process::{Command, Stdio};

use anycast_ctl::{
    api::types::{BackendState, BackendStatus, HostStatus, PoolStatus},
    model::Site,
};

use crate::{ask, complaint, daemon::Daemon, stdout};

/// Exit code, stdout and stderr.
fn told(daemon: &Daemon, words: &str) -> (Option<i32>, String, String) {
    let output = ask(daemon, words);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn pools_and_hosts_are_drained_and_taken_back() {
    let daemon = Daemon::start();
    for (words, answer) in [
        (
            "host list",
            "\
ADDRESS    POOL  BACKEND  STATE       WEIGHT  SLOTS  PINS  NEXT HOP
10.0.0.11  web   web-1    up               1  65537    12  02:00:00:00:00:11 on eth0
10.0.0.12  web   web-2    unresolved       1      0     0  no answer to ARP from 10.0.0.12 on eth0
",
        ),
        (
            "pool drain web --deadline 1h30m",
            "\
draining pool web: no new flows for its 2 backends, those there are live on for 1h30m at most
`anycast-ctl pool show web` says when it is empty; `pool undrain` takes it back.
Revision 2.
",
        ),
        ("pool undrain web", "pool web gets new flows again: 1 of 2 backends up\nRevision 3.\n"),
        ("pool undrain web", "pool web gets new flows again: 1 of 2 backends up\nRevision 3.\n"),
        (
            "pool drain --all",
            "\
~ pool web: backend web-1 state active → draining
~ pool web: backend web-2 state active → draining
draining every pool: no new flows, those there are live on without a deadline
`anycast-ctl status` says when it is empty; `pool undrain --all` takes it back.
Revision 4.
",
        ),
        (
            "pool undrain --all",
            "\
~ pool web: backend web-1 state draining → active
~ pool web: backend web-2 state draining → active
every pool gets new flows again
Revision 5.
",
        ),
        ("pool undrain --all", "every pool gets new flows already\nRevision 5.\n"),
        (
            "host drain 10.0.0.11 --deadline 10m",
            "\
draining host 10.0.0.11: no new flows for web/web-1, those there are live on for 10m at most
`anycast-ctl host list` says when it is empty; `host undrain` takes it back.
Revision 6.
",
        ),
        ("host undrain 10.0.0.11", "host 10.0.0.11 gets new flows again: web/web-1 up\nRevision 7.\n"),
    ] {
        assert_eq!(stdout(&ask(&daemon, words)), answer, "{words}");
    }
    for (words, text) in [
        ("pool drain wbe", "drain pool wbe: no pool is called `wbe`: did you mean `web`?"),
        ("pool undrain wbe", "undrain pool wbe: no pool is called `wbe`"),
        (
            "host drain 10.0.0.13",
            "drain host 10.0.0.13: no backend has the address 10.0.0.13: did you mean `10.0.0.11`?",
        ),
        (
            "host undrain fe80::1",
            "undrain host fe80::1: no backend has the address fe80::1: there is `10.0.0.11`",
        ),
        ("host drain 10.0.0.11 --revision 1", "made for revision 1, and the newest is revision 7"),
    ] {
        let complaint = complaint(&ask(&daemon, words));
        assert!(complaint.contains(text), "{words}: {complaint}");
    }
    // Of two that drain at once, both for the revision they saw, one is told of the other.
    let (code, _, _) = told(&daemon, "backend drain web web-1 --revision 7");
    assert_eq!(code, Some(0));
    let text = complaint(&ask(&daemon, "host drain 10.0.0.12 --revision 7 --wait"));
    assert!(text.contains("made for revision 7, and the newest is revision 8 of"), "{text}");
    assert!(text.contains("backend drain web web-1"), "{text}");
}

#[test]
fn what_is_left_of_a_drain_is_shown() {
    let daemon = Daemon::start();
    let said = stdout(&ask(&daemon, "backend drain web web-1 --deadline 1h30m --remove"));
    assert_eq!(
        said,
        "draining web-1 of pool web: no new flows, those it has live on for 1h30m at most, and then it is removed\n\
         `anycast-ctl pool show web` says when it is empty; `backend undrain` takes it back.\nRevision 2.\n"
    );
    let line = "  web-1 is draining: 12 flows of it are remembered, 32768 slots wait for others; it is removed then\n";
    for words in ["status", "pool show web", "backend show web web-1", "backend list"] {
        let page = stdout(&ask(&daemon, words));
        assert!(page.contains(line), "{words}: {page}");
    }
    // The other never had a flow.
    stdout(&ask(&daemon, "backend drain web web-2"));
    let page = stdout(&ask(&daemon, "backend show web web-2"));
    assert!(page.contains("  web-2    10.0.0.12  draining, empty  "), "{page}");
    assert!(page.ends_with("  web-2 is draining: no flow of it is left\n"), "{page}");
    stdout(&ask(&daemon, "backend set web web-2 --when-drained remove"));
    let page = stdout(&ask(&daemon, "backend show web web-2"));
    assert!(page.ends_with("no flow of it is left; it is removed soon\n"), "{page}");

    stdout(&ask(&daemon, "backend undrain web web-1"));
    let site: Site = serde_json::from_str(&stdout(&ask(&daemon, "export --json"))).unwrap();
    assert_eq!(site.pools[0].backends[0].when_drained, Default::default());
}

#[test]
fn the_last_backend_is_warned_of() {
    let daemon = Daemon::start();
    stdout(&ask(&daemon, "backend remove web web-2"));
    let (code, out, err) = told(&daemon, "backend drain web web-1 --remove");
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("those it has live on without a deadline\n"), "{out}");
    let warning = "anycast-ctl: warning: web-1 is the last backend of pool web: it is not removed\n";
    assert_eq!(err, warning);
    assert_eq!(told(&daemon, "host drain 10.0.0.11 --remove").2, warning);
    let page = stdout(&ask(&daemon, "pool show web"));
    assert!(page.ends_with("; it stays, as the last backend of its pool\n"), "{page}");
}

#[test]
fn the_end_of_a_drain_is_waited_for() {
    let daemon = Daemon::start();
    // This one's flows never end.
    let (code, out, err) = told(&daemon, "backend drain web web-1 --deadline 1h --wait=1");
    assert_eq!(code, Some(1));
    assert!(out.starts_with("draining web-1 of pool web: ") && out.ends_with("\nRevision 2.\n"), "{out}");
    let lines: Vec<&str> = err.lines().collect();
    let left = "12 remembered flows, 32768 slots wait for others, ";
    assert!(lines[0].starts_with(&format!("draining web-1 of pool web: {left}")), "{err}");
    assert!(
        lines[1].starts_with(&format!("anycast-ctl: web-1 of pool web still has flows after 1 s: {left}"))
            && lines[1]
                .ends_with("; the drain goes on, `anycast-ctl backend undrain web web-1` takes it back"),
        "{err}"
    );
    assert_eq!(lines.len(), 2);
    // Nothing is printed but the last state, and of a failure none.
    let (code, out, _) = told(&daemon, "pool drain web --wait=1 --json");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    // This one has none.
    let (code, out, err) = told(&daemon, "backend drain web web-2 --wait");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.ends_with("\nweb-2 of pool web has no flow left\n"), "{out}");
    let last = stdout(&ask(&daemon, "backend drain web web-2 --wait=5 --json"));
    let last: BackendStatus = serde_json::from_str(&last).unwrap();
    assert!(last.state == BackendState::Draining && last.drain.unwrap().empty, "{last:?}");
    let last: HostStatus =
        serde_json::from_str(&stdout(&ask(&daemon, "host drain 10.0.0.12 --wait --json"))).unwrap();
    assert_eq!((last.backends.len(), last.backends[0].pool.as_str()), (1, "web"));
    // A plan is waited for by nobody.
    let plan = stdout(&ask(&daemon, "pool drain web --deadline 5m --dry-run --wait"));
    assert!(plan.starts_with("`pool drain web until ") && plan.contains("Nothing was changed.\n"), "{plan}");
    let pools: Vec<PoolStatus> = serde_json::from_str(&stdout(&ask(&daemon, "pool list --json"))).unwrap();
    assert_eq!(pools.len(), 1);
}

#[test]
fn somebody_who_looks_on_sees_one_line() {
    let daemon = Daemon::start();
    // script(1) gives it a terminal.
    let line = format!("{} backend drain web web-1 --wait=2", env!("CARGO_BIN_EXE_anycast-ctl"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).stdin(Stdio::null());
    let output = script.env("ANYCAST_SOCKET", daemon.socket()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let left = "draining web-1 of pool web: 12 remembered flows, 32768 slots wait for others, no deadline";
    let shown = format!("\r\x1b[K\x1b[?7l{left}\x1b[?7h");
    assert!(text.matches(&shown).count() >= 3, "{text:?}");
    // The line goes before the complaint comes.
    let (_, last) = text.rsplit_once(&shown).unwrap();
    assert!(
        last.starts_with("\r\x1b[Kanycast-ctl: web-1 of pool web still has flows after 2 s: "),
        "{text:?}"
    );
}
