//! A dataplane that outlasts its daemon is explained by the next one.

use nix::sys::signal::Signal;

use crate::host::Host;

#[test]
fn the_next_daemon_explains_what_the_last_one_left() {
    let mut host = Host::new(2);
    host.start(&["--xdp-mode", "native"]);
    let ask = |host: &Host| {
        let words = ["explain", "--from", "198.51.100.7:40000", "--to", "192.0.2.1:80", "--json"];
        let (code, text) = host.run("anycast", &words);
        assert_eq!(code, 0, "{text}");
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(told["outcome"], "transmit", "{text}");
        told["backend"]["name"].as_str().unwrap().to_owned()
    };
    let pins = |host: &Host| host.shell("find /sys/fs/bpf | sort");
    let (first, before) = (ask(&host), pins(&host));
    assert_eq!(ask(&host), first);
    assert_eq!(pins(&host), before, "asking pins nothing");
    host.end(Signal::SIGKILL);
    host.start(&["--xdp-mode", "native"]);
    assert_eq!(ask(&host), first);
    assert_eq!(pins(&host), before);
}
