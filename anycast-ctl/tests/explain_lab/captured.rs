//! Packets that tcpdump wrote down in the lab.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use nix::sys::signal::Signal;
use xtask::{
    host_tool,
    lab::{Family, INTERFACE, Lab, Process},
};

use crate::{
    harness::{steering, wait_for},
    http,
};

/// A capture of what the client sends to the VIPs.
struct Tcpdump {
    process: Process,
    file: PathBuf,
}

impl Tcpdump {
    fn start(lab: &Lab, interface: &str) -> Self {
        let file = lab.directory().join(format!("{interface}.pcap"));
        let mut command = host_tool::command("tcpdump");
        // As root: the directory is nobody else's.
        command.args(["-i", interface, "-n", "-U", "--immediate-mode", "-Z", "root", "-w"]).arg(&file);
        command.args(["tcp", "and", "dst", "port", "80"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = lab.spawn("client", command).unwrap();
        let stderr = process.child().stderr.take().unwrap();
        let ready =
            BufReader::new(stderr).lines().map(Result::unwrap).any(|line| line.contains("listening on"));
        assert!(ready, "tcpdump does not listen");
        Self { process, file }
    }

    fn finish(mut self) -> PathBuf {
        self.process.signal(Signal::SIGINT).unwrap();
        wait_for("tcpdump ends", || self.process.try_wait().unwrap().is_some());
        self.file
    }
}

fn ctl(lab: &Lab, file: &Path, words: &[&str]) -> String {
    lab.ctl(&[&["explain", "--pcap", file.to_str().unwrap()], words].concat()).unwrap()
}

#[test]
fn captured_sessions_are_explained_packet_by_packet() {
    let lab = steering(3, 0);
    // Ethernet, and Linux' cooked form.
    for interface in [INTERFACE, "any"] {
        let tcpdump = Tcpdump::start(&lab, interface);
        let mut answered = BTreeMap::new();
        for family in Family::ALL {
            let vip = lab.plan().vips.of(family);
            for _ in 0..6 {
                let mut session = http::connect(&lab, vip, 80, crate::harness::SOON).unwrap();
                let from = session.local_addr().unwrap();
                answered.insert(from.to_string(), http::ask_kept(&mut session).unwrap().backend);
            }
        }
        let file = tcpdump.finish();
        let all = ctl(&lab, &file, &["--packet", "all"]);
        // Of each session at least SYN, ACK and the question.
        assert!(all.lines().count() >= 3 * answered.len(), "{all}");
        for (place, line) in all.lines().enumerate() {
            assert!(line.starts_with(&format!("{}: ", place + 1)), "{line}");
            let (_, backend) = answered.iter().find(|(from, _)| line.contains(from.as_str())).unwrap();
            assert!(line.contains(&format!("goes to backend {backend} ")), "{line}: {backend}");
        }
        assert!(all.lines().next().unwrap().contains("tcp syn "), "{all}");
        let one = ctl(&lab, &file, &["--packet", "2"]);
        assert!(one.contains(all.lines().nth(1).unwrap().split_once(": ").unwrap().1), "{one}");
        let json: serde_json::Value =
            serde_json::from_str(&ctl(&lab, &file, &["--packet", "all", "--json"])).unwrap();
        assert_eq!(json.as_array().unwrap().len(), all.lines().count());
        assert_eq!(json[1]["number"], 2);
    }
}

#[test]
fn what_cannot_be_asked_about_is_told() {
    let lab = steering(1, 0);
    let tcpdump = Tcpdump::start(&lab, INTERFACE);
    http::who(&lab, lab.plan().vips.v4.into()).unwrap();
    let file = tcpdump.finish();
    let path = file.to_str().unwrap();
    let complaint = |words: &[&str]| lab.ctl(&[&["explain"], words].concat()).unwrap_err().to_string();
    for (words, said) in [
        (&["--pcap", path, "--packet", "1000"][..], "there is none with number 1000"),
        (&["--pcap", path, "--interface", "eth7"], "no interface of this host is called `eth7`"),
        (&["--from", "198.51.100.7:1", "--to", "192.0.2.1:80", "--interface", "eth7"], "`ip link`"),
    ] {
        let text = format!("{:#}", anyhow::anyhow!(complaint(words)));
        assert!(text.contains(said), "{words:?}: {text}");
    }
    // The file is cut within its last packet: those before are explained.
    let whole = fs::read(&file).unwrap();
    let cut = lab.directory().join("cut.pcap");
    fs::File::create(&cut).unwrap().write_all(&whole[..whole.len() - 1]).unwrap();
    let text = complaint(&["--pcap", cut.to_str().unwrap(), "--packet", "all"]);
    assert!(text.contains("ends in the middle of packet"), "{text}");
}
