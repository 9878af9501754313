//! Every verb, its words, and its complaints.

use std::io::Write as _;

use anycast_ctl::{
    api::types::{Committed, PlanStatus, VipStatus},
    model::Site,
};

use crate::{ask, complaint, ctl, daemon::Daemon, run, stdout};

#[test]
fn vips_are_added_set_shown_and_removed() {
    let daemon = Daemon::start();
    for (words, answer) in [
        (
            "vip add api 192.0.2.7 --pool web --service tcp/443 --service udp/443",
            "added VIP api (192.0.2.7): tcp/443, udp/443 by pool web\nRevision 2.\n",
        ),
        (
            "vip set api --service tcp/443 --echo false",
            "VIP api (192.0.2.7): tcp/443 by pool web\nRevision 3.\n",
        ),
        // Nothing is changed, and no revision made.
        ("vip set api --echo false", "VIP api (192.0.2.7): tcp/443 by pool web\nRevision 3.\n"),
        (
            "vip show api",
            "\
VIP  ADDRESS    SERVICES  OTHER PORTS  PINGS  POOL  PACKETS  BYTES  NEW FLOWS  ANSWERED  NOT DELIVERED
api  192.0.2.7  tcp/443   pass         pass   web         0    0 B          0         0              0

BACKEND  ADDRESS  PACKETS  BYTES  NEW FLOWS
",
        ),
        ("vip remove api", "removed VIP api\nRevision 4.\n"),
        (
            "vip set www --pool web --on-unknown-port drop --dry-run",
            "\
`vip set www pool web on_unknown_port drop` would change this. Nothing was changed.
  ~ vip www: on_unknown_port pass → drop
No slot would move.
Sessions that would break: none. Flows of moved slots stay where they are until they end.
",
        ),
        ("vip set www --pool web --dry-run", "`vip set www pool web` would change nothing.\n"),
    ] {
        assert_eq!(stdout(&ask(&daemon, words)), answer, "{words}");
    }
    let vip: VipStatus = serde_json::from_str(&stdout(&ask(&daemon, "vip show www --json"))).unwrap();
    assert_eq!(vip.traffic.packets, 12_345_678);
    for (words, text) in [
        ("vip show ww", "show VIP ww: no VIP is called `ww`: did you mean `www`? there is `www`"),
        ("vip remove ww", "remove VIP ww: no VIP is called `ww`: did you mean `www`?"),
        ("vip set www --pool wbe", "set VIP www: no pool is called `wbe`: did you mean `web`?"),
        ("vip add www 192.0.2.8 --pool web --service tcp/80", "add VIP www: there is a VIP www already"),
        ("vip add x 224.0.0.1 --pool web --service tcp/80", "224.0.0.1 cannot be a VIP"),
    ] {
        assert!(complaint(&ask(&daemon, words)).contains(text), "{words}");
    }
}

#[test]
fn pools_are_added_set_and_removed() {
    let daemon = Daemon::start();
    for (words, answer) in [
        (
            "pool add dns --backend ns-1=10.0.1.1 --backend ns-2=10.0.1.2 --slots 1009 --hash source-address",
            "added pool dns: 2 backends, 1009 slots\nRevision 2.\n",
        ),
        (
            "pool set dns --udp pinned --on-empty pass --idle-timeout 90s",
            "pool dns has delivery l2, udp pinned, on_down reset, on_empty pass, idle_timeout 1m30s\nRevision 3.\n",
        ),
        ("pool remove dns", "removed pool dns\nRevision 4.\n"),
    ] {
        assert_eq!(stdout(&ask(&daemon, words)), answer, "{words}");
    }
    for (words, text) in [
        ("pool remove web", "pool web serves VIP `www`: give it another pool with `vip set VIP --pool POOL`"),
        ("pool add web --backend a=10.0.1.1", "there is a pool web already"),
        ("pool add dns --backend a=10.0.1.1 --slots 1000", "1000 is not prime"),
        ("pool set dns --udp quic", "no pool is called `dns`"),
    ] {
        assert!(complaint(&ask(&daemon, words)).contains(text), "{words}");
    }
}

#[test]
fn backends_are_set_disabled_enabled_and_shown() {
    let daemon = Daemon::start();
    for (words, answer) in [
        (
            "disable web web-1",
            "disabled web-1 of pool web: no flows; `backend enable` takes it back\nRevision 2.\n",
        ),
        (
            "enable web web-1",
            "web-1 of pool web gets flows again: up, 65537 slots, 02:00:00:00:00:11 on eth0\nRevision 3.\n",
        ),
        (
            "set web web-2 --delivery pool --weight 4",
            "web-2 of pool web has address 10.0.0.12, weight 4, delivery ipip: unresolved, no slots yet (no answer to ARP \
             from 10.0.0.12 on eth0)\nRevision 4.\n",
        ),
    ] {
        assert_eq!(stdout(&ask(&daemon, &format!("backend {words}"))), answer, "{words}");
    }
    let page = stdout(&ask(&daemon, "backend show web web-2"));
    assert!(page.contains("web-2") && !page.contains("web-1"), "{page}");
    let text = complaint(&ask(&daemon, "backend show web web-3"));
    assert!(text.contains("no backend of pool `web` is called `web-3`: did you mean"), "{text}");
    stdout(&ask(&daemon, "backend disable web web-1"));
    let text = complaint(&ask(&daemon, "backend drain web web-1"));
    assert!(text.contains("web-1 is disabled, so it has no flows to wait for: take it back with"), "{text}");
}

#[test]
fn a_change_that_the_dataplane_does_not_get_is_told_of() {
    let daemon = Daemon::start();
    let output = ask(&daemon, "pool add stuck --backend a=10.0.1.1 --wait=1");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "added pool stuck: 1 backends, 65537 slots\nRevision 2.\n"
    );
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "anycast-ctl: revision 2 is stored and desired, but the dataplane does not have all of it after 1 s: \
         `anycast-ctl status` says why\n"
    );
    let text = complaint(&ask(&daemon, "backend weight web web-1 2 --revision 1"));
    assert!(text.contains("made for revision 1, and the newest is revision 2 of"), "{text}");
}

#[test]
fn the_site_is_exported_compared_and_applied() {
    let daemon = Daemon::start();
    let exported = stdout(&ask(&daemon, "export"));
    assert!(exported.contains("name = \"web-1\"\n"), "{exported}");
    let site: Site = serde_json::from_str(&stdout(&ask(&daemon, "export --json"))).unwrap();
    assert_eq!(site.pools[0].backends.len(), 2);

    let apply = |text: &str, words: &str| {
        let mut command = ctl(format!("apply -f - {words}").split_whitespace());
        command.env("ANYCAST_SOCKET", daemon.socket()).stdin(std::process::Stdio::piped());
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(apply(&exported, "--diff"), (0, String::new(), String::new()));
    let other = exported.replace("\"tcp/80\"", "\"tcp/8080\"");
    let line = "~ vip www: services tcp/80 tcp/443 → tcp/8080 tcp/443\n";
    assert_eq!(apply(&other, "--diff"), (2, line.to_owned(), String::new()));
    let (code, plan, _) = apply(&other, "--dry-run --json");
    let plan: PlanStatus = serde_json::from_str(&plan).unwrap();
    assert_eq!((code, plan.what.as_str()), (2, "apply -"));
    assert_eq!(apply(&other, ""), (0, format!("{line}applied - as revision 2\n"), String::new()));
    assert_eq!(
        apply(&other, ""),
        (0, "nothing to change: revision 2 is as - says\n".to_owned(), String::new())
    );
    let (code, committed, _) = apply(&serde_json::to_string(&site).unwrap(), "--json");
    let committed: Committed = serde_json::from_str(&committed).unwrap();
    assert_eq!((code, committed.revision, committed.changed), (0, 3, true));

    let (code, out, err) = apply("interfaces = [\"eth0\"]\nvlp = 1\n", "--dry-run");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("-:2:1: unknown key `vlp`"), "{err}");
    // Wrong usage of this one command is not 2, which has another meaning there.
    for words in [
        &["apply"][..],
        &["apply", "-f", "x", "--diff", "--dry-run"],
        &["apply", "--socket", "x", "--no-such"],
    ] {
        assert_eq!(run(words).status.code(), Some(1), "{words:?}");
    }
    assert_eq!(run(["apply", "--help"]).status.code(), Some(0));
}

#[test]
fn names_are_completed() {
    let daemon = Daemon::start();
    let complete = |socket: &std::path::Path, words: &[&str]| {
        let mut command = ctl(["--", "anycast-ctl"].iter().chain(words));
        let output = command.env("COMPLETE", "fish").env("ANYCAST_SOCKET", socket).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let names: Vec<String> = text
            .lines()
            .map(|line| line.split('\t').next().unwrap().to_owned())
            .filter(|name| !name.starts_with('-'))
            .collect();
        names
    };
    let socket = daemon.socket();
    assert_eq!(complete(&socket, &["vip", "remove", ""]), ["www"]);
    assert_eq!(complete(&socket, &["pool", "show", "w"]), ["web"]);
    assert_eq!(complete(&socket, &["backend", "drain", "web", ""]), ["web-1", "web-2"]);
    assert_eq!(complete(&socket, &["backend", "weight", "web", "web-2"]), ["web-2"]);
    assert_eq!(complete(&socket, &["host", "drain", ""]), ["10.0.0.11", "10.0.0.12"]);
    assert_eq!(complete(&socket, &["pool", "undrain", ""]), ["web"]);
    assert!(complete(&socket, &["back"]).contains(&"backend".to_owned()));
    // Nobody is there to ask: nothing, and no complaint.
    let none: [&str; 0] = [];
    assert_eq!(complete(std::path::Path::new("/no/such.sock"), &["backend", "drain", "web", ""]), none);
    // Somebody who never answers holds up nobody for long.
    let directory = tempfile::tempdir().unwrap();
    let silent = directory.path().join("silent");
    let _listener = std::os::unix::net::UnixListener::bind(&silent).unwrap();
    let begun = std::time::Instant::now();
    assert_eq!(complete(&silent, &["vip", "show", ""]), none);
    assert!(begun.elapsed() < std::time::Duration::from_secs(2));
}
