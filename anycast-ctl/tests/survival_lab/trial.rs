//! Starting, ending and taking down, without traffic.

use nix::sys::signal::Signal;

use crate::host::Host;

#[test]
fn what_is_pinned_stays_and_is_taken_over() {
    let mut host = Host::new(2);
    host.start(&["--xdp-mode", "native"]);
    let first = host.program("eth0").unwrap();
    let pins = host.shell("ls /sys/fs/bpf/anycast/edge/anycast /sys/fs/bpf/anycast/edge/anycast/links");
    assert_eq!(
        pins.split_whitespace().collect::<Vec<_>>().join(" "),
        format!(
            "/sys/fs/bpf/anycast/edge/anycast: links maps-{} program /sys/fs/bpf/anycast/edge/anycast/links: eth0",
            anycast_common::LAYOUT_VERSION
        )
    );
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let before = host.program("eth0");
        host.end(signal);
        assert_eq!(host.program("eth0"), before, "{signal}");
        let (code, text) = host.run("anycast", &["status"]);
        assert!(code == 1 && text.contains("no daemon is listening"), "{text}");
        host.start(&[]);
        assert!(host.log_text().contains("took over"), "{}", host.log_text());
        assert_ne!(host.program("eth0"), before, "this build's program took its place");
    }
    assert_ne!(host.program("eth0"), Some(first));

    let (code, text) = host.run("anycast", &["down"]);
    assert!(code == 0 && text.contains("down: nothing is steered"), "{text}{}", host.log_text());
    assert_eq!(host.program("eth0"), None);
    assert_eq!(host.shell("ls /sys/fs/bpf/anycast/edge"), "");
    let (code, text) = host.run("anycast", &["down"]);
    assert!(code == 0 && text.contains("there was nothing to take down"), "{text}");

    host.start(&[]);
    host.end(Signal::SIGKILL);
    let (code, text) = host.run("anycast", &["down"]);
    assert!(code == 0 && text.contains("down: nothing is steered"), "{text}");
    assert_eq!(host.program("eth0"), None);
}

#[test]
fn detached_stays_detached_until_attach() {
    let mut host = Host::new(1);
    host.start(&[]);
    for _ in 0..2 {
        let (code, text) = host.run("anycast", &["detach"]);
        assert!(code == 0 && text.contains("detached"), "{text}");
        assert_eq!(host.program("eth0"), None);
    }
    host.end(Signal::SIGTERM);
    host.start(&[]);
    assert_eq!(host.program("eth0"), None, "{}", host.log_text());
    const WORDS: &str = "ATTENTION: detached: nothing is steered until `anycast-ctl attach`\n";
    let (code, text) = host.run("anycast", &["status"]);
    assert!(code == 0 && text.contains(WORDS) && !text.contains("INTERFACE"), "{text}");
    assert!(host.status("anycast").detached);
    let (code, text) = host.run("anycast", &["attach"]);
    assert!(code == 0, "{text}");
    assert!(host.program("eth0").is_some());
    let (code, text) = host.run("anycast", &["status"]);
    assert!(code == 0 && !text.contains(WORDS) && text.contains("INTERFACE"), "{text}");

    host.end(Signal::SIGKILL);
    let (code, text) = host.run("anycast", &["detach"]);
    assert!(code == 0, "{text}");
    assert_eq!(host.program("eth0"), None);
    let (code, text) = host.run("anycast", &["attach"]);
    assert!(code == 0, "{text}");
    assert!(host.program("eth0").is_some());
    let (code, text) = host.run("anycast", &["attach"]);
    assert!(code == 0 && text.contains("as before"), "{text}");
}

#[test]
fn the_file_is_applied_when_it_changed_and_edits_stay_when_it_did_not() {
    let mut host = Host::new(2);
    host.start(&[]);
    let weight = |host: &Host| host.status("anycast").pools[0].backends[0].weight;
    let name = host.lab.plan().backends[0].name.clone();
    let (code, text) = host.run("anycast", &["backend", "weight", "web4", &name, "7"]);
    assert_eq!(code, 0, "{text}");
    host.end(Signal::SIGKILL);
    host.start(&[]);
    assert_eq!(weight(&host), 7, "the file is as it was");

    let changed = host.site().replacen("weight = 1", "weight = 3", 1);
    std::fs::write(host.path("anycast.toml"), &changed).unwrap();
    host.daemon.as_ref().unwrap().signal(Signal::SIGHUP).unwrap();
    let start = std::time::Instant::now();
    while weight(&host) != 3 {
        assert!(start.elapsed().as_secs() < 10, "{}", host.log_text());
    }

    host.end(Signal::SIGTERM);
    let program = host.program("eth0");
    let slots = changed.replacen("name = \"web4\"\n", "name = \"web4\"\nslots = 101\n", 1);
    let mut daemon = host.spawn("anycast", &slots, &[]);
    while daemon.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(
        host.log_text().contains("pool web4 has 65537 slots: their number cannot change"),
        "{}",
        host.log_text()
    );
    assert_eq!(host.program("eth0"), program);
    host.daemon = Some(host.spawn("anycast", &changed, &[]));
    host.wait_until_ready();
    assert_eq!(weight(&host), 3);
}
