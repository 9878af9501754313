//! Who may read, and who may change.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::Value;

use crate::stage::{ALL, OPERATORS, SERVICE, STRANGER, Stage, wait_for};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn revision(stage: &Stage) -> u64 {
    stage.status().desired.revision
}

/// What a request gets on that socket.
fn ask(socket: &Path, request: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let text = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

fn readers(stage: &Stage) -> PathBuf {
    anycast_ctl::api::doors::readers_path(&stage.socket())
}

const CHANGES: [&[&str]; 6] = [
    &["backend", "drain", "web4", "backend1"],
    &["backend", "add", "web4", "other", "203.0.113.99"],
    &["vip", "remove", "www4"],
    &["announce", "withdraw", "www4"],
    &["detach"],
    &["down"],
];

#[test]
fn anybody_reads_what_is_public_and_changes_nothing() {
    let mut stage = Stage::new(1);
    let site = stage.site("", "");
    stage.start(&site, &["--socket-group", OPERATORS]);
    let before = revision(&stage);
    for words in [
        &["status"][..],
        &["vip", "show", "www4"],
        &["pool", "show", "web4"],
        &["health"],
        &["announce", "list"],
        &["explain", "--from", "198.51.100.7:40000", "--to", "192.0.2.1:80"],
    ] {
        let output = stage.client(STRANGER, STRANGER, words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
    }
    let change = |user, group, words: &[&str]| stage.client(user, group, words);
    for words in CHANGES {
        let output = change(STRANGER, STRANGER, words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        let told = said(&output);
        assert!(told.contains("use sudo, or join the group that owns it"), "{words:?}: {told}");
    }
    for words in [&["export"][..], &["history"], &["flows", "list"], &["capture", "--count", "1"]] {
        let output = change(STRANGER, STRANGER, words);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {told}");
        assert!(told.contains("use sudo, or join the group"), "{words:?}: {told}");
    }
    assert_eq!(revision(&stage), before);

    // The same user in the group of the socket.
    let output = change(STRANGER, OPERATORS, &["backend", "drain", "web4", "backend1"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(revision(&stage), before + 1);
    let credentials = format!("uid {STRANGER}, gid {OPERATORS})");
    wait_for("the log says who it was", || {
        stage
            .log()
            .lines()
            .any(|line| line.contains("backends/backend1/drain: done") && line.contains(&credentials))
    });
    let history: Value = serde_json::from_str(&stage.ctl(&["history", "--json"])).unwrap();
    let author = &history[0]["author"];
    assert_eq!((author["uid"].to_string(), author["gid"].to_string()), (STRANGER.into(), OPERATORS.into()));
}

/// Not the routes that somebody thought of: all that the API has, and each method.
#[test]
fn the_socket_for_readers_takes_no_order_whatever_it_is() {
    let mut stage = Stage::new(1);
    let site = stage.site("", "");
    stage.start(&site, &[]);
    let socket = readers(&stage);
    let document: Value =
        serde_json::from_str(&anycast_ctl::api::router::document().to_json().unwrap()).unwrap();
    let mut asked = 0;
    for (path, _) in document["paths"].as_object().unwrap() {
        let filled = [("{pool}", "web4"), ("{backend}", "backend1"), ("{vip}", "www4"), ("{revision}", "1")];
        let path = filled.iter().fold(path.clone(), |path, (from, to)| path.replace(from, to));
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let (code, answer) = ask(&socket, &format!("{method} {path}"));
            assert_eq!(code, 403, "{method} {path}: {answer}");
            asked += 1;
        }
    }
    assert!(asked > 200, "{asked}");
    for path in ["/v1/site", "/v1/revisions", "/v1/revisions/1", "/v1/flows", "/v1/captures", "/v1/log"] {
        let (code, answer) = ask(&socket, &format!("GET {path}"));
        assert_eq!(code, 403, "{path}");
        assert!(!answer.contains("0123456789abcdef"), "{path} tells the seed");
    }
    let status = stage.status();
    assert_eq!((status.desired.revision, status.interfaces.len()), (1, 1));
    assert!(stage.answers());
}

#[test]
fn a_program_of_the_daemons_own_user_only_reads() {
    let mut stage = Stage::new(1);
    let site = stage.site("", "");
    stage.start(&site, &[]);
    // It may open the socket, which is its user's, and is told no more than a stranger.
    for words in CHANGES {
        let output = stage.client(SERVICE, SERVICE, words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", said(&output));
        assert!(said(&output).contains("no permission for"), "{words:?}: {}", said(&output));
    }
    wait_for("the log says who tried", || {
        let tried = format!("uid {SERVICE}, gid {SERVICE}) asked for POST /v1/down: refused (403)");
        stage.log().contains(&tried)
    });
    assert!(said(&stage.client(SERVICE, SERVICE, &["export"])).contains("no permission for GET /v1/site"));
    assert!(stage.client(SERVICE, SERVICE, &["status"]).status.success());
    assert_eq!(revision(&stage), 1);
    assert!(stage.answers());
}

#[test]
fn reading_can_be_for_a_group_or_for_nobody() {
    let mut stage = Stage::new(1);
    let site = stage.site("", "");
    stage.start(&site, &["--readers", "none", "--no-http"]);
    assert!(!readers(&stage).exists());
    let denied = |stage: &Stage, group| {
        let output = stage.client(STRANGER, group, &["status"]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("no permission to connect"), "{}", said(&output));
    };
    denied(&stage, STRANGER);
    assert!(stage.daemon.take().unwrap().stop().unwrap().success());
    let mut foreign = stage.spawn(&site, &ALL, &["--socket-group", STRANGER]);
    assert_eq!(foreign.wait().unwrap().code(), Some(1));
    assert!(
        stage.log().contains("a group that the daemon is not in: name it in SupplementaryGroups="),
        "{}",
        stage.log()
    );
    stage.start(&site, &["--readers", OPERATORS]);
    denied(&stage, STRANGER);
    let output = stage.client(STRANGER, OPERATORS, &["status"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(stage.client(STRANGER, OPERATORS, &["down"]).status.code(), Some(1));
    assert!(stage.daemon.take().unwrap().stop().unwrap().success());
    assert!(!readers(&stage).exists() && !stage.socket().exists(), "both sockets go");
}
