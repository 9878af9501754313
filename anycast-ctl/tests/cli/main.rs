//! The real binary and the real API, with a controller that only remembers.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod announce;
#[path = "../daemon/mod.rs"]
mod daemon;
mod drains;
mod explain;
mod socket;
mod verbs;

use std::{
    ffi::OsStr,
    fs,
    io::Read as _,
    os::unix::net::UnixListener,
    process::{Command, Output, Stdio},
};

use anycast_ctl::api::{
    call::{Call, Terms},
    client::{Client, ClientError},
    types::{
        BackendState, BackendStatus, NewBackend, PlanStatus, PoolStatus, SlotsStatus, Status, VipStatus,
    },
};
use daemon::Daemon;

fn ctl<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anycast-ctl"));
    command.args(arguments).env_remove("ANYCAST_SOCKET").env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    ctl(arguments).output().unwrap()
}

fn ask(daemon: &Daemon, words: &str) -> Output {
    ctl(words.split_whitespace()).env("ANYCAST_SOCKET", daemon.socket()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What was complained about, on one line.
fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn help_is_complete_and_wrong_usage_exits_2() {
    for words in [&["--help"][..], &["-h"], &["run", "--help"], &["backend", "add", "--help"], &["--version"]]
    {
        assert!(!stdout(&run(words)).is_empty(), "{words:?}");
    }
    let help = stdout(&run(["--help"]));
    for command in [
        "run",
        "status",
        "apply",
        "export",
        "vip",
        "pool",
        "backend",
        "receive",
        "validate",
        "schema",
        "completions",
        "man",
        "Examples:",
        "Exit codes:",
    ] {
        assert!(help.contains(command), "{command} is missing in\n{help}");
    }
    for words in [
        &[][..],
        &["frobnicate"],
        &["run", "--temporary", "--replace"],
        &["--instance", "a/b", "status"],
        &["status", "--no-such"],
        &["run", "--config", "x", "--xdp-mode", "fast"],
        &["run", "--config", "x", "--log", "=,="],
        &["backend", "add", "web", "web-9", "not-an-address"],
        &["backend", "add", "web", "web-9", "10.0.0.9", "--weight", "0"],
        &["backend", "add", "web", "web-9", "10.0.0.9", "--delivery", "foo"],
        &["backend", "drain", "web", "web-1", "--deadline", "soon"],
        &["backend", "drain", "web", "web-1", "--deadline", "0s"],
        &["backend", "drain", "web", "web-1", "--wait=0"],
        &["backend", "drain", "web", "web-1", "--wait=soon"],
        &["backend", "set", "web", "web-1", "--when-drained", "vanish"],
        &["pool", "drain"],
        &["pool", "drain", "web", "--all"],
        &["pool", "undrain"],
        &["host", "drain", "web-1"],
        &["host", "drain", "10.0.0.11", "--wait=0"],
        &["host"],
        &["backend", "weight", "web", "web-1", "0"],
        &["backend", "mark", "web", "web-1", "sideways"],
        &["pool", "slots", "web", "--map", "--json"],
        &["pool", "add", "dns"],
        &["pool", "add", "dns", "--backend", "10.0.0.1"],
        &["pool", "set", "web"],
        &["vip", "add", "www", "192.0.2.1", "--pool", "web"],
        &["vip", "add", "www", "192.0.2.1", "--pool", "web", "--service", "http"],
        &["vip", "set", "www"],
        &["backend", "set", "web", "web-1"],
        &["backend", "weight", "web", "web-1", "2", "--wait=0"],
        &["backend", "weight", "web", "web-1", "2", "--revision", "x"],
        &["completions", "ksh93"],
    ] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&run(["completions", shell])).contains("anycast-ctl"), "{shell}");
    }
    let directory = tempfile::tempdir().unwrap();
    stdout(&run([OsStr::new("man"), directory.path().as_os_str()]));
    let page = fs::read_to_string(directory.path().join("anycast-ctl-backend-add.1")).unwrap();
    assert!(page.contains("\\-\\-weight") && page.contains("\\-\\-delivery"), "{page}");
}

#[test]
fn the_schema_is_printed() {
    let schema: serde_json::Value = serde_json::from_str(&stdout(&run(["schema"]))).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$defs"]["Pool"]["properties"]["slots"]["default"], 65_537);
}

#[test]
fn faults_of_a_site_file_are_told_to_programs_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("site.toml");
    let validate =
        |arguments: &[&str]| ctl(["validate", file.to_str().unwrap()]).args(arguments).output().unwrap();
    let json = |output: &Output| serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();

    let missing = validate(&["--json"]);
    assert_eq!((missing.status.code(), json(&missing)["valid"].as_bool()), (Some(1), Some(false)));
    assert!(json(&missing)["faults"][0]["message"].as_str().unwrap().contains("there is no such file"));

    fs::write(&file, "interfaces = [\"eth0\"]\nnod = \"edge\"\n[[pool]]\nname = 1\n").unwrap();
    let broken = validate(&["--json"]);
    assert_eq!(broken.status.code(), Some(1));
    let faults = json(&broken)["faults"].clone();
    let at = |i: usize, key: &str| faults[i][key].clone();
    assert_eq!((at(0, "file"), at(0, "line"), at(0, "column")), (file.to_str().into(), 2.into(), 1.into()));
    assert!(at(0, "message").as_str().unwrap().starts_with("unknown key `nod`: did you mean `node`?"));
    assert_eq!((at(1, "key"), at(1, "line")), ("pool[0].name".into(), 4.into()));
    assert_eq!(at(1, "message"), "is a number: give a string in quotes");
    let text = validate(&[]);
    assert_eq!(text.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&text.stderr).contains("site.toml:4:8: pool[0].name: is a number"));

    fs::write(&file, "interfaces = []\n").unwrap();
    assert_eq!(json(&validate(&["--json"]))["valid"], true);
    assert_eq!(stdout(&validate(&[])).lines().count(), 1);
    assert_eq!(validate(&["--jsn"]).status.code(), Some(2));
}

#[test]
fn without_a_daemon_the_way_to_start_one_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("a.sock");
    for stale in [false, true] {
        if stale {
            drop(UnixListener::bind(&socket).unwrap());
        }
        let output = run([OsStr::new("status"), OsStr::new("--socket"), socket.as_os_str()]);
        assert_eq!(
            complaint(&output),
            format!(
                "anycast-ctl: ask the daemon for its status: no daemon is listening on {}: start it with \
                 `anycast-ctl run --config FILE`, or name another socket with --socket\n",
                socket.display()
            )
        );
    }
}

#[test]
fn a_closed_pipe_is_success() {
    let daemon = Daemon::start();
    for words in ["status", "completions bash", "--help"] {
        let mut command = ctl(words.split_whitespace());
        let mut child = command
            .env("ANYCAST_SOCKET", daemon.socket())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert!(child.wait().unwrap().success(), "{words}: {complaint}");
        assert_eq!(complaint, "", "{words}");
    }
}

#[test]
fn status_says_what_is_wrong_first() {
    let daemon = Daemon::start();
    let expected = "\
anycast-ctl 0.1.0, pid 4242, steering for 3h 12m
ATTENTION: 1 of 2 backends get no new flows:
  web/web-2: no answer to ARP from 10.0.0.12 on eth0

INTERFACE  XDP MODE
eth0       native

POOL web: 1 of 2 backends up, 65537 slots
  BACKEND  ADDRESS    STATE       DELIVERY   MTU  WEIGHT  SLOTS   SHARE  PACKETS    BYTES  NEW FLOWS  NEXT HOP
  web-1    10.0.0.11  up          ipip      1480       1  65537  100.0%    12.3M  9.87 GB       4321  02:00:00:00:00:11 on eth0
  web-2    10.0.0.12  unresolved  l2           -       1      0    0.0%        0      0 B          0  no answer to ARP from 10.0.0.12 on eth0

MEMORY                USED  CAPACITY  SHARE
slots in transition  32.7k     65.5k  50.0%
slots                65.5k     2.09M   3.1%
pins                    12      262k   0.0%
embryonic flows          3     65.5k   0.0%

VIP  ADDRESS    SERVICES        OTHER PORTS  PINGS   POOL  PACKETS    BYTES  NEW FLOWS  ANSWERED  NOT DELIVERED
www  192.0.2.1  tcp/80,tcp/443  pass         answer  web     12.3M  9.87 GB       4321         4             17

NOT DELIVERED BECAUSE  VERDICT  PACKETS
ttl_exceeded           drop          17
echo_answered          answer         4

DETAIL          VIP  PACKETS
fragment_stray  www        5
";
    assert_eq!(stdout(&ask(&daemon, "status")), expected);

    let status: Status = serde_json::from_str(&stdout(&ask(&daemon, "status --json"))).unwrap();
    assert_eq!(status.pools[0].backends[0].traffic.bytes, 9_876_543_210);
    let vips: Vec<VipStatus> = serde_json::from_str(&stdout(&ask(&daemon, "vip list --json"))).unwrap();
    assert_eq!(vips, status.vips);
    assert!(stdout(&ask(&daemon, "vip list")).starts_with("VIP  ADDRESS"));
}

#[test]
fn backends_are_listed_added_and_removed() {
    let daemon = Daemon::start();
    let list = stdout(&ask(&daemon, "backend list --pool web"));
    assert!(list.starts_with("POOL web: 1 of 2 backends up"), "{list}");
    assert!(
        complaint(&ask(&daemon, "backend list --pool wbe"))
            .contains("no pool is called `wbe`: did you mean `web`? there is `web`")
    );

    let added = stdout(&ask(&daemon, "backend add web web-3 10.0.0.13 --weight 2"));
    assert_eq!(
        added,
        "added web-3 (10.0.0.13) to pool web: weight 2, unresolved, no slots yet (waiting for an answer to ARP from \
         10.0.0.13 on eth0)\nRevision 2.\n"
    );
    assert_eq!(
        complaint(&ask(&daemon, "backend add web web-3 10.0.0.13")),
        "anycast-ctl: add backend web-3 to pool web: pool web already has a backend web-3: change it with `backend set`, or \
         take another name\n"
    );
    stdout(&ask(&daemon, "backend add web web-4 10.0.0.14 --delivery gue"));
    let pools: Vec<PoolStatus> = serde_json::from_str(&stdout(&ask(&daemon, "backend list --json"))).unwrap();
    let deliveries: Vec<String> =
        pools[0].backends.iter().map(|backend| backend.delivery.to_string()).collect();
    assert_eq!(deliveries, ["ipip", "l2", "ipip", "gue"]);
    stdout(&ask(&daemon, "backend remove web web-4"));

    let removed: BackendStatus =
        serde_json::from_str(&stdout(&ask(&daemon, "backend remove web web-3 --json"))).unwrap();
    assert_eq!((removed.name.as_str(), removed.state), ("web-3", BackendState::Unresolved));
    let removed = stdout(&ask(&daemon, "backend remove web web-1"));
    assert!(
        removed.starts_with("removed web-1 (10.0.0.11) from pool web: it got 12.3M packets"),
        "{removed}"
    );
    assert!(complaint(&ask(&daemon, "backend remove web web-1")).contains("no backend of pool `web`"));
}

#[test]
fn backends_are_drained_weighed_and_marked() {
    let daemon = Daemon::start();
    assert_eq!(
        stdout(&ask(&daemon, "backend drain web web-1 --deadline 1h30m")),
        "draining web-1 of pool web: no new flows, those it has live on for 1h30m at most\n\
         `anycast-ctl pool show web` says when it is empty; `backend undrain` takes it back.\nRevision 2.\n"
    );
    let status = stdout(&ask(&daemon, "status"));
    assert!(status.contains("web-1    10.0.0.11  draining, 1h "), "{status}");
    assert!(status.contains("ATTENTION: pool web has no backend left for new flows"), "{status}");
    let drained: BackendStatus =
        serde_json::from_str(&stdout(&ask(&daemon, "backend drain web web-1 --json"))).unwrap();
    assert_eq!(drained.state, BackendState::Draining);
    assert_eq!(drained.drain.unwrap().remaining_seconds, None);
    for (words, answer) in [
        (
            "undrain web web-1",
            "web-1 of pool web gets new flows again: up, 65537 slots, 02:00:00:00:00:11 on eth0\nRevision 4.\n",
        ),
        (
            "weight web web-1 7",
            "web-1 of pool web has weight 7: up, 65537 slots, 02:00:00:00:00:11 on eth0\nRevision 5.\n",
        ),
        ("mark web web-1 down", "marked web-1 of pool web down: down, 65537 slots\nRevision 5.\n"),
    ] {
        assert_eq!(stdout(&ask(&daemon, &format!("backend {words}"))), answer);
    }
    assert_eq!(
        complaint(&ask(&daemon, "backend drain web web-9")),
        "anycast-ctl: drain backend web-9 of pool web: no backend of pool `web` is called `web-9`: did you mean `web-1`? there is \
         `web-1`, `web-2`\n"
    );
    assert!(complaint(&ask(&daemon, "backend mark wbe web-1 up")).contains("no pool is called `wbe`"));
}

#[test]
fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let daemon = Daemon::start();
    let before = stdout(&ask(&daemon, "pool list --json"));
    let plan = stdout(&ask(&daemon, "backend drain web web-1 --deadline 10m --dry-run"));
    let until = plan.lines().nth(1).unwrap().rsplit(' ').next().unwrap().to_owned();
    let what = format!("backend drain web web-1 until {until}");
    assert_eq!(
        plan,
        format!("`{what}` would change this. Nothing was changed.
  ~ pool web: backend web-1 state active → draining, drain_until none → {until}

POOL web: 65537 of 65537 slots would move (100.0%)
  BACKEND  SLOTS   SHARE  WOULD BE   SHARE
  web-1    65537  100.0%         0    0.0%
  web-2        0    0.0%     65537  100.0%
Live flows: 12 remembered as those of the backends that would change; those of stable slots are recorded nowhere, so their \
         number is not known.
Sessions that would break, 10m later: the flows of web-1 that live then: 12 remembered ones, and all of 65537 slots \
         (100.0%), whose number is not known.
")
    );
    let text = stdout(&ask(&daemon, "backend add web web-3 10.0.0.13 --dry-run"));
    assert!(text.contains("\nNot at once: web-3 gets its slots when 10.0.0.13 answers.\n"), "{text}");
    assert!(text.contains("\nSessions that would break: none."), "{text}");
    for change in ["remove web web-1", "disable web web-1", "weight web web-1 9", "mark web web-1 down"] {
        let plan = stdout(&ask(&daemon, &format!("backend {change} --dry-run --json")));
        let plan: PlanStatus = serde_json::from_str(&plan).unwrap();
        assert_eq!((plan.pools[0].pool.as_str(), plan.pools[0].slots_moved), ("web", 65_537), "{change}");
        assert_eq!(plan.breaks_sessions(), change.starts_with("remove"));
    }
    assert_eq!(stdout(&ask(&daemon, "pool list --json")), before);
}

#[test]
fn pools_are_listed_shown_and_drawn() {
    let daemon = Daemon::start();
    assert_eq!(
        stdout(&ask(&daemon, "pool list")),
        "\
POOL  UP  BACKENDS  SLOTS  IN TRANSITION  DELIVERY  UDP        ON DOWN  IDLE TIMEOUT
web    1         2  65537          32768  ipip      stateless  reset              5m
"
    );
    assert_eq!(
        stdout(&ask(&daemon, "pool show web")),
        "\
POOL web: 1 of 2 backends up, 65537 slots
delivery ipip, udp stateless, on_down reset, on_empty drop, idle_timeout 5m

BACKEND  STATE       DELIVERY   MTU  WEIGHT  WANTED  ACTUAL  PINS  SHARE OF NEW FLOWS
web-1    up          ipip      1480       1   50.0%  100.0%    12  ############++++++++++++
web-2    unresolved  l2           -       1   50.0%    0.0%     0  ------------
# what it has   - wanted, and missing   + more than wanted

In transition: 32768 slots (50.0%), for 2m 10s; 12 flows are remembered as pins.
  32768 slots wait for flows that web-2 (10.0.0.12) had before
"
    );
    let map = stdout(&ask(&daemon, "pool slots web --map"));
    assert!(map.starts_with("POOL web: 65537 slots, one of every 65 shown\n       0  bbbbbbbb"), "{map}");
    assert!(map.contains("  A  web-1: 32769 slots, 50.0%, base owner of 32768\n"), "{map}");
    assert!(map.lines().all(|line| line.len() <= 80) && !map.contains('\x1b'), "{map}");
    assert_eq!(stdout(&ask(&daemon, "pool slots web")), map);
    let slots: SlotsStatus = serde_json::from_str(&stdout(&ask(&daemon, "pool slots web --json"))).unwrap();
    assert_eq!((slots.runs.len(), slots.runs[0].base), (2, Some(0)));
    assert!(
        complaint(&ask(&daemon, "pool show wbe"))
            .contains("show pool wbe: no pool is called `wbe`: did you mean `web`? there is `web`")
    );
}

#[tokio::test]
async fn refusals_have_their_status_and_are_json() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon.socket());
    let backend = |name: &str, address: &str| NewBackend::new(name, address.parse().unwrap());
    let code = |error| {
        let ClientError::Refused { status, .. } = error else { panic!("{error}") };
        status
    };
    assert_eq!(code(client.backends("no/such pool").await.unwrap_err()), 404);
    let add = async |pool: &str, name: &str, address: &str| {
        let call = Call::add_backend(pool, &backend(name, address));
        code(client.change::<BackendStatus>(&call, &Terms::default()).await.unwrap_err())
    };
    assert_eq!(add("x", "a", "10.0.0.1").await, 404);
    assert_eq!(add("web", "web-1", "10.0.0.1").await, 409);
    assert_eq!(add("web", "a", "224.0.0.1").await, 422);
    let undrain = Call::undrain("web", "x/y");
    let refused = client.change::<BackendStatus>(&undrain, &Terms::default()).await.unwrap_err();
    assert_eq!(code(refused), 404);
    assert_eq!(code(client.pool("wbe").await.unwrap_err()), 404);
    assert_eq!(code(client.slots("wbe").await.unwrap_err()), 404);
    assert_eq!(client.backends("web").await.unwrap().len(), 2);

    for (request, status, text) in [
        ("GET /nowhere", 404, "there is no /nowhere"),
        ("DELETE /v1/status", 405, "/v1/status does not take DELETE"),
        ("POST /v1/pools/web/backends", 400, "read the body of the request"),
        ("PUT /v1/pools/web/backends/web-1/weight", 400, "read the body of the request"),
        ("DELETE /v1/hosts/web-1/drain", 400, "`web-1` is no IP address, as 10.0.0.11 is"),
        ("DELETE /v1/hosts/10.0.0.9/drain", 404, "no backend has the address 10.0.0.9"),
        (
            "DELETE /v1/pools/web/backends/web-1/drain?dry_run=perhaps",
            400,
            "read the query (?dry_run=true, ?wait=10)",
        ),
        (
            "GET /v1/pools/web/backends/web-1/drain",
            405,
            "/v1/pools/web/backends/web-1/drain does not take GET",
        ),
    ] {
        let head = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        let answer = daemon::raw(
            &daemon.socket(),
            &format!("{head}content-type: application/json\r\ncontent-length: 1\r\n\r\n{{"),
        );
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("content-type: application/json"), "{answer}");
        assert!(answer.contains(&format!("{{\"error\":\"{text}")), "{answer}");
    }
    let body = "x".repeat(70_000);
    let head = "POST /v1/pools/web/backends HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let answer =
        daemon::raw(&daemon.socket(), &format!("{head}content-length: {}\r\n\r\n{body}", body.len()));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn run_refuses_before_it_touches_anything() {
    let missing = run(["run", "--config", "/no/such/site.toml"]);
    assert!(complaint(&missing).contains("/no/such/site.toml"));
    let unprivileged = Command::new("setpriv")
        .args(["--reuid=65534", "--clear-groups", env!("CARGO_BIN_EXE_anycast-ctl"), "run", "--config", "x"])
        .output()
        .unwrap();
    // Where the build directory is closed to other users there is nothing to learn.
    if unprivileged.status.code() == Some(1) {
        let text = String::from_utf8(unprivileged.stderr).unwrap();
        assert!(text.contains("needs root or CAP_BPF + CAP_NET_ADMIN"), "{text}");
        assert!(text.contains("run it with sudo"), "{text}");
    }
}
