//! Starts that cannot work: exit code 1, a message that says what to do, and nothing left behind.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use aya::{
    Ebpf,
    programs::{Xdp, XdpMode as Flag},
};
use nix::net::if_::if_nametoindex;

#[path = "../namespace/xdp.rs"]
mod xdp;

use crate::harness::{BINARY, ended, idle, programs, refusal, site, site_file, spawn};

#[test]
fn an_interface_that_does_not_exist_is_answered_with_those_that_do() {
    let lab = idle(1, 0);
    let config = site_file(&lab, "site.toml", &site(&lab).replace("eth0", "etho0"));
    let text = refusal(&lab, &["--config", &config, "--socket", lab.socket().to_str().unwrap()]);
    assert!(
        text.contains("no interface is called `etho0`: did you mean `eth0`? there is `lo`, `eth0`"),
        "{text}"
    );
    assert!(!lab.socket().exists());
}

#[test]
fn a_foreign_program_is_told_and_left_alone() {
    let lab = idle(1, 0);
    let config = site_file(&lab, "site.toml", &site(&lab));
    let socket = lab.socket().to_str().unwrap();
    for (mode, off) in [(xdp::NATIVE, "xdpdrv"), (xdp::GENERIC, "xdpgeneric")] {
        lab.inside("edge", || {
            let index = if_nametoindex("eth0")?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(xdp::attach(index, mode));
            Ok(())
        })
        .unwrap();
        let attached = programs(&lab, "edge");
        assert_eq!(attached.len(), 1);
        for mode in [&[][..], &["--xdp-mode", "native"], &["--xdp-mode", "generic"]] {
            let text = refusal(&lab, &[&["--config", &config, "--socket", socket][..], mode].concat());
            // Its name takes CAP_SYS_ADMIN, which the daemon has given up by then.
            assert!(text.contains("interface `eth0` already has an XDP program (id "), "{text}");
            assert!(text.contains(&format!("ip link set dev eth0 {off} off")), "{text}");
        }
        // The command it names works.
        lab.run("edge", "ip", &["link", "set", "dev", "eth0", off, "off"]).unwrap();
        assert_eq!(programs(&lab, "edge"), []);
    }
}

#[test]
fn a_program_held_by_a_link_is_told_too() {
    let lab = idle(1, 0);
    let mut object = Ebpf::load_file(concat!(env!("OUT_DIR"), "/lab")).unwrap();
    let pass: &mut Xdp = object.program_mut("pass").unwrap().try_into().unwrap();
    pass.load().unwrap();
    lab.inside("edge", || Ok(pass.attach("eth0", Flag::Driver).map(drop)?)).unwrap();
    let config = site_file(&lab, "site.toml", &site(&lab));
    let text = refusal(&lab, &["--config", &config, "--socket", lab.socket().to_str().unwrap()]);
    assert!(text.contains("interface `eth0` already has an XDP program (id "), "{text}");
    assert!(text.contains("held by a link"), "{text}");
}

#[test]
fn files_that_are_no_site_are_refused_with_the_place() {
    let lab = idle(1, 0);
    let good = site(&lab);
    let socket = lab.socket().to_str().unwrap();
    for (text, complaint) in [
        (good.replace("[[pool]]", "[[pool"), "bad.toml:4:"),
        (good.replace("weight = 1", "wieght = 1"), "did you mean `weight`?"),
        (good.replace("address = \"192.0.2.1\"", "address = \"192.0.2.256\""), "192.0.2.256"),
        (good.replace("2001:db8:0:2::11", "203.0.113.99"), "IPv4"),
        (good.replace("[[vip]]\nname = \"www6\"", "[[vip]]\nname = \"www4\""), "www4"),
        (good.replace("[[pool]]\n", "[[pool]]\nslots = 65536\n"), "prime"),
        (String::new(), "interfaces"),
    ] {
        assert_ne!(text, good);
        let config = site_file(&lab, "bad.toml", &text);
        let message = refusal(&lab, &["--config", &config, "--socket", socket]);
        assert!(message.contains("bad.toml:"), "{message}");
        assert!(message.contains(complaint), "{complaint}: {message}");
        assert!(!lab.socket().exists());
    }
    let missing = lab.directory().join("missing.toml");
    let message = refusal(&lab, &["--config", missing.to_str().unwrap(), "--socket", socket]);
    assert!(message.contains("there is no such file; create it, or name another with --config"), "{message}");
    let message = refusal(&lab, &["--config", lab.directory().to_str().unwrap(), "--socket", socket]);
    assert!(message.contains("is a directory"), "{message}");
}

#[test]
fn without_rights_it_says_which() {
    let lab = idle(1, 0);
    let config = site_file(&lab, "site.toml", &site(&lab));
    // The build directory may be closed to other users.
    let binary = lab.directory().join("anycast-ctl");
    fs::copy(BINARY, &binary).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    for (drop, missing) in [
        (
            &["--reuid=65534", "--regid=65534", "--clear-groups"][..],
            "(CAP_BPF and CAP_NET_ADMIN and CAP_PERFMON missing)",
        ),
        (&["--bounding-set=-bpf,-sys_admin", "--inh-caps=-bpf,-sys_admin"], "(CAP_BPF missing)"),
        (&["--bounding-set=-net_admin", "--inh-caps=-net_admin"], "(CAP_NET_ADMIN missing)"),
    ] {
        let mut command = Command::new("setpriv");
        command
            .args(drop)
            .arg(&binary)
            .args(["run", "--temporary", "--config", &config])
            .arg("--socket")
            .arg(lab.socket());
        let (code, text) = ended(spawn(&lab, command));
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(missing) && text.contains("run it with sudo"), "{text}");
        assert!(!lab.socket().exists());
    }
}

#[test]
fn a_socket_that_cannot_be_made_stops_it_before_anything_is_attached() {
    let lab = idle(1, 0);
    let config = site_file(&lab, "site.toml", &site(&lab));
    for (socket, complaint) in [
        ("/proc/anycast/a.sock", "create the directory /proc/anycast"),
        ("/proc/a.sock", "open the lock file /proc/a.sock.lock"),
        (config.as_str(), "exists and is no socket"),
    ] {
        let text = refusal(&lab, &["--config", &config, "--socket", socket]);
        assert!(text.contains(complaint), "{text}");
    }
    assert!(fs::read_to_string(&config).unwrap().contains("[[vip]]"), "the file was left alone");
}
