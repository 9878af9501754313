//! Entries of the journal: on the wire, and through the real journald.

use std::{
    collections::BTreeMap,
    fs,
    os::{linux::fs::MetadataExt as _, unix::net::UnixDatagram},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::Value;
use xtask::lab::Process;

use crate::edge::Edge;

/// Fields of an entry, <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>.
fn decode(mut entry: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while !entry.is_empty() {
        let end = entry.iter().position(|byte| *byte == b'\n').unwrap();
        let (line, rest) = (&entry[..end], &entry[end + 1..]);
        let (name, value) = match line.iter().position(|byte| *byte == b'=') {
            Some(place) => {
                entry = rest;
                (&line[..place], &line[place + 1..])
            }
            None => {
                let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
                entry = &rest[8 + length + 1..];
                (line, &rest[8..8 + length])
            }
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_'));
        fields.insert(text(name), text(value));
    }
    fields
}

#[test]
fn where_stderr_leads_to_the_journal_entries_have_fields() {
    let mut edge = Edge::start(&[]);
    edge.end_daemon(Signal::SIGTERM);
    let path = edge.host.path("journal");
    let journal = UnixDatagram::bind(&path).unwrap();
    journal.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let stderr = edge.create("stderr");
    let meta = stderr.metadata().unwrap();
    let stream = format!("{}:{}", meta.st_dev(), meta.st_ino());
    let reader = std::thread::spawn(move || {
        let (mut entries, mut buffer) = (Vec::new(), vec![0; 1 << 18]);
        while let Ok(length) = journal.recv(&mut buffer) {
            entries.push(decode(&buffer[..length]));
            if entries.last().unwrap()["MESSAGE"].contains("packets are steered on") {
                break;
            }
        }
        entries
    });
    let arguments = ["--journal-socket", path.to_str().unwrap()];
    edge.run_daemon_with(&arguments, &[("JOURNAL_STREAM", &stream)], Stdio::from(stderr));
    edge.refuse("backend2", true);
    edge.wait_for("it is told", |edge| {
        edge.kept("--backend web4/backend2 --kind backend").iter().any(|told| told.words.contains("is down"))
    });
    edge.end_daemon(Signal::SIGTERM);
    let entries = reader.join().unwrap();
    let down = entries.iter().find(|entry| {
        entry.get("ANYCAST_EVENT").is_some_and(|kind| kind == "backend")
            && entry["MESSAGE"].contains("web4/backend2")
    });
    let down = down.unwrap_or_else(|| panic!("{entries:#?}"));
    for (name, value) in [
        ("PRIORITY", "4"),
        ("ANYCAST_POOL", "web4"),
        ("ANYCAST_BACKEND", "backend2"),
        ("SYSLOG_IDENTIFIER", "anycast-ctl"),
    ] {
        assert_eq!(down[name], value, "{down:?}");
    }
    assert!(
        entries.iter().all(|entry| ["3", "4", "6"].contains(&entry["PRIORITY"].as_str())),
        "{entries:#?}"
    );
    assert_eq!(edge.read("stderr"), "");
}

/// A journald of its own, with this directory as its `/run`.
fn journald(edge: &Edge, run: &Path) -> Process {
    let script = "mount --make-rprivate / && mount --bind \"$0\" /run && mkdir -p /run/systemd/journald.conf.d /run/systemd/journal \
        /run/log/journal && printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=no\\nRateLimitBurst=0\\n' \
        > /run/systemd/journald.conf.d/test.conf && exec /lib/systemd/systemd-journald";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script])
        .arg(run)
        .stdin(Stdio::null())
        .stderr(edge.create("journald"));
    edge.host.lab.spawn("edge", command).unwrap()
}

#[test]
fn the_real_journal_takes_the_entries_and_finds_them_by_field() {
    let mut edge = Edge::start(&[]);
    edge.end_daemon(Signal::SIGTERM);
    let run = edge.host.path("run");
    fs::create_dir(&run).unwrap();
    let journald = journald(&edge, &run);
    let root = run.display();
    let socket = format!("{root}/systemd/journal/socket");
    wait_for_file(&socket);
    edge.run_daemon_with(
        &["--log-format", "journald", "--journal-socket", &socket],
        &[],
        Stdio::from(edge.create("stderr")),
    );
    edge.knock(7);
    edge.wait_for("it is told", |edge| !edge.kept("--kind drops --vip www4").is_empty());
    edge.ctl("backend disable web4 backend1");
    let find = |words: &[&str]| -> Vec<Value> {
        let mut command = xtask::host_tool::command("journalctl");
        command
            .args([
                "--directory",
                &format!("{root}/log/journal"),
                "--output",
                "json",
                "--no-pager",
                "--quiet",
            ])
            .args(words);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    edge.wait_for("the journal has the drops", |_| {
        !find(&["ANYCAST_EVENT=drops", "ANYCAST_VIP=www4"]).is_empty()
    });
    edge.wait_for("the journal has the backend", |_| {
        !find(&["ANYCAST_BACKEND=backend1", "ANYCAST_EVENT=backend"]).is_empty()
    });
    let drops = find(&["ANYCAST_EVENT=drops"]);
    assert!(drops[0]["MESSAGE"].as_str().unwrap().contains("to VIP www4"), "{drops:?}");
    assert_eq!(drops[0]["PRIORITY"], "6", "{drops:?}");
    assert!(find(&["ANYCAST_EVENT=backend", "--priority", "warning"]).is_empty());
    drop(journald);
}

fn wait_for_file(socket: &str) {
    let start = std::time::Instant::now();
    while fs::metadata(socket).is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "journald does not listen on {socket}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
