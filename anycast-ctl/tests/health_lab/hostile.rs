//! Servers and programs that misbehave hurt nobody but themselves.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    thread,
    time::Duration,
};

use anycast_ctl::health::verdict::Verdict;
use xtask::lab::{Family, Lab};

use crate::harness::{PORT, backend, health, idle, site, start, wait_for};

/// Has a host answer every connection to its own address in a way of its own, for as long as the test lasts.
fn misbehave(lab: &Lab, host: usize, answer: fn(&mut std::net::TcpStream)) {
    let host = &lab.plan().backends[host];
    let address = SocketAddr::from((host.addresses.v4, PORT));
    let listener = lab.inside(&host.name, || Ok(TcpListener::bind(address)?)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
                answer(&mut stream);
            });
        }
    });
}

#[test]
fn servers_that_misbehave_fail_and_delay_nobody() {
    let mut lab = idle(5);
    // Accepts and hangs.
    misbehave(&lab, 0, |stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        thread::sleep(Duration::from_secs(60));
    });
    // A byte a second.
    misbehave(&lab, 1, |stream| {
        let _ = stream.read(&mut [0; 4_096]);
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_secs(1));
        }
    });
    // Gigabytes.
    misbehave(&lab, 2, |stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    // A redirect to itself.
    misbehave(&lab, 3, |stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
    });
    // Well.
    misbehave(&lab, 4, |stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    });
    let lines = format!(
        r#"panic_threshold = "100%"
check = {{ type = "http", port = {PORT}, interval = "200ms", fast_interval = "100ms", timeout = "500ms", body = "ok", status = "200" }}"#
    );
    let site = site(&lab, &lines);
    start(&mut lab, &site);
    wait_for(&lab, "everybody is judged", |lab| {
        let pool = health(lab).pools.into_iter().find(|pool| pool.name == "web4").unwrap();
        pool.backends.iter().all(|backend| backend.verdict != Verdict::Unknown)
    });
    for (host, reason) in [
        ("backend1", "no answer within 500ms"),
        ("backend2", "answer"),
        ("backend3", "body"),
        ("backend4", "status 302, expected 200"),
    ] {
        let shown = backend(&lab, Family::V4, host);
        assert_eq!(shown.verdict, Verdict::Down, "{shown:?}");
        assert!(shown.reason.as_deref().unwrap_or_default().contains(reason), "{host}: {:?}", shown.reason);
    }
    let well = backend(&lab, Family::V4, "backend5");
    assert_eq!(well.verdict, Verdict::Up, "{well:?}");
    let pid = lab.controller().unwrap().id();
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let descriptors = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let (memory, open) = (resident(), descriptors());
    let checks = |lab: &Lab| backend(lab, Family::V4, "backend5").passed;
    let before = checks(&lab);
    thread::sleep(Duration::from_secs(6));
    assert!(checks(&lab) > before + 10, "the well one is checked as often as ever");
    assert!(health(&lab).checker.late_ms < 1_000);
    assert!(resident() < memory + 8_192, "{memory} kB, then {} kB", resident());
    assert!(descriptors() < open + 16, "{open} descriptors, then {}", descriptors());
}

#[test]
fn programs_are_run_and_ended_with_all_they_started() {
    let mut lab = idle(3);
    let directory = lab.directory().to_owned();
    let (script, pids) = (directory.join("check.sh"), directory.join("left"));
    // By the name of the backend: one passes, one fails with words, one never ends and leaves children behind.
    let text = format!(
        "#!/bin/sh\ncase \"$ANYCAST_BACKEND\" in\nbackend1) echo all is well;;\nbackend2) echo broken; exit 3;;\n\
         *) setsid sh -c 'echo $$ >> {}; exec sleep 600' & trap '' TERM; while :; do sleep 600; done;;\nesac\n",
        pids.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let lines = format!(
        r#"panic_threshold = "100%"
check = {{ type = "exec", command = ["{}"], expect = "well", interval = "500ms", fast_interval = "300ms", timeout = "1s" }}"#,
        script.display()
    );
    let site = site(&lab, &lines);
    start(&mut lab, &site);
    wait_for(&lab, "everybody is judged", |lab| {
        let pool = health(lab).pools.into_iter().find(|pool| pool.name == "web4").unwrap();
        pool.backends.iter().all(|backend| backend.verdict != Verdict::Unknown)
    });
    assert_eq!(backend(&lab, Family::V4, "backend1").verdict, Verdict::Up);
    let failed = backend(&lab, Family::V4, "backend2");
    assert!(failed.reason.as_deref().unwrap_or_default().contains("exit code 3"), "{failed:?}");
    let endless = backend(&lab, Family::V4, "backend3");
    assert_eq!(endless.verdict, Verdict::Down, "{endless:?}");
    lab.stop_controller().unwrap();
    let left = fs::read_to_string(&pids).unwrap();
    assert!(left.lines().count() >= 3, "{left}");
    for pid in left.lines() {
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!command.contains("sleep"), "process {pid} is left: {command}");
    }
}
