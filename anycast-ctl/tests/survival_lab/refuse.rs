//! What must not be taken over, and neighbours that must be left alone.

use nix::sys::signal::Signal;
use xtask::lab::controller;

use crate::host::Host;

/// What a daemon says that ends with an error.
fn refusal(host: &mut Host, instance: &str, arguments: &[&str]) -> String {
    let site = host.site();
    let mut daemon = host.spawn(instance, &site, arguments);
    let start = std::time::Instant::now();
    while daemon.try_wait().unwrap().is_none() {
        assert!(start.elapsed().as_secs() < 20, "it goes on: {}", host.log_text());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(daemon.try_wait().unwrap().unwrap().code(), Some(1));
    host.log_text()
}

#[test]
fn a_second_daemon_is_refused() {
    let mut host = Host::new(1);
    host.start(&[]);
    let program = host.program("eth0");
    let text = refusal(&mut host, "anycast", &[]);
    assert!(text.contains("another anycast-ctl (pid"), "{text}");
    let other = host.path("other.sock").to_str().unwrap().to_owned();
    let text = refusal(&mut host, "anycast", &["--socket", &other]);
    assert!(text.contains("instance `anycast` is in use by another process"), "{text}");
    assert_eq!(host.program("eth0"), program);
}

#[test]
fn other_layouts_identities_and_seeds_are_refused_and_replaced() {
    let mut host = Host::new(1);
    host.start(&[]);
    host.end(Signal::SIGKILL);
    let program = host.program("eth0");
    let edge = "/sys/fs/bpf/anycast/edge/anycast";
    let version = anycast_common::LAYOUT_VERSION;

    host.shell(&format!("mv {edge}/maps-{version} {edge}/maps-1"));
    let text = refusal(&mut host, "anycast", &[]);
    assert!(text.contains("maps-1 was pinned by a version with another map layout"), "{text}");
    assert!(text.contains("run --replace` loads anew") && text.contains("down` removes it"), "{text}");
    assert_eq!(host.program("eth0"), program);
    host.shell(&format!("mv {edge}/maps-1 {edge}/maps-{version}"));

    // A state directory that knows nothing of these maps.
    let state = host.state("anycast");
    let aside = host.path("aside");
    std::fs::rename(&state, &aside).unwrap();
    let text = refusal(&mut host, "anycast", &[]);
    assert!(text.contains("does not belong to this state directory"), "{text}");
    assert_eq!(host.program("eth0"), program);
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::rename(&aside, &state).unwrap();

    // Another seed.
    let mut site = controller::site(host.lab.plan());
    site.seed = Some(7);
    let other = site.to_toml();
    let mut daemon = host.spawn("anycast", &other, &[]);
    while daemon.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let text = host.log_text();
    assert!(text.contains("runs with another seed than the configuration has"), "{text}");
    assert_eq!(host.program("eth0"), program);

    host.daemon = Some(host.spawn("anycast", &other, &["--replace"]));
    host.wait_until_ready();
    assert!(host.log_text().contains("loading anew beside what is pinned"), "{}", host.log_text());
    assert!(host.program("eth0").is_some_and(|is| Some(is) != program));
    let left = host.shell(&format!("ls {edge}"));
    assert_eq!(left, format!("links\nmaps-{version}\nprogram\n"));
    host.end(Signal::SIGKILL);
    host.daemon = Some(host.spawn("anycast", &other, &[]));
    host.wait_until_ready();
}

#[test]
fn two_instances_do_not_touch_each_other() {
    let mut host = Host::new(1);
    for words in ["link add veth0 type veth peer name veth1", "link set veth0 up", "link set veth1 up"] {
        host.lab.run("edge", "ip", &words.split(' ').collect::<Vec<_>>()).unwrap();
    }
    host.start(&[]);
    let site = host.site();
    let other = site.replace(r#"["eth0"]"#, r#"["veth0"]"#).replace("198.51.100.", "198.51.101.");
    let mut second = host.spawn("second", &other, &[]);
    host.wait_until_ready();
    let (first, other) = (host.program("eth0").unwrap(), host.program("veth0").unwrap());
    assert_ne!(first, other);
    let maps = "ls /sys/fs/bpf/anycast/edge/anycast/*";
    let pins = host.shell(maps);

    second.signal(Signal::SIGKILL).unwrap();
    second.stop().unwrap();
    assert_eq!((host.program("eth0"), host.program("veth0")), (Some(first), Some(other)));
    let (code, text) = host.run("second", &["down"]);
    assert!(code == 0 && text.contains("nothing is steered"), "{text}");
    assert_eq!((host.program("eth0"), host.program("veth0")), (Some(first), None));
    assert_eq!(host.shell(maps), pins);
    assert!(host.status("anycast").pid > 0);
}
