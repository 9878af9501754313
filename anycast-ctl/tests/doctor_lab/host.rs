//! An edge host, and what `doctor` complains about there.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anycast_ctl::{
    doctor::Report,
    finding::{Finding, State, count},
};
use tempfile::TempDir;

use crate::harness::{BINARY, Host, Pair, spawn, wait_for};

/// One pool steers to the neighbour, the other to the host itself, which holds the VIP of the latter.
const SITE: &str = r#"
interfaces = ["eth0"]
seed = "0123456789abcdef"
[[pool]]
name = "web"
[[pool.backend]]
name = "web-1"
address = "10.0.0.10"
[[pool]]
name = "here"
delivery = "local"
[[pool.backend]]
name = "own"
address = "10.0.0.11"
[[vip]]
name = "www"
address = "198.51.100.1"
services = ["tcp/80"]
pool = "web"
[[vip]]
name = "own"
address = "192.0.2.1"
services = ["udp/53"]
pool = "here"
"#;

pub struct Edge {
    pair: Pair,
    directory: TempDir,
    daemon: Option<Child>,
}

impl Edge {
    /// Everything is as `doctor` wants it, but that no daemon runs.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("site.toml"), SITE).unwrap();
        let edge = Self { pair: Pair::new(), directory, daemon: None };
        for family in ["ipv4", "ipv6"] {
            edge.host().write(&format!("{family}/conf/eth0/forwarding"), "0");
        }
        edge
    }

    pub fn host(&self) -> &Host {
        &self.pair.backend
    }

    /// Runs a shell's commands, which must all be good.
    pub fn sh(&self, commands: &str) {
        let output = spawn(self.host(), "sh", &["-ec", commands]);
        assert!(output.status.success(), "{commands}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts the daemon, and waits until it answers.
    pub fn run(&mut self, arguments: &[&str]) -> u32 {
        let log = fs::File::create(self.path("log")).unwrap();
        let child = self.host().enter(|| {
            let mut command = self.command("run");
            command.args(["--temporary", "--config"]).arg(self.path("site.toml")).args(arguments);
            command.stdin(Stdio::null()).stderr(log).spawn().unwrap()
        });
        let pid = child.id();
        self.daemon = Some(child);
        wait_for("the daemon answers", || fs::read_to_string(self.path("log")).unwrap().contains("ready"));
        pid
    }

    /// What is not as it must be. What depends on the machine the test runs on is left out.
    pub fn complaints(&self) -> Vec<Finding> {
        let output = self.host().enter(|| {
            let mut doctor = self.command("doctor");
            doctor.arg("--config").arg(self.path("site.toml")).arg("--state-dir").arg(self.path("state"));
            doctor.arg("--json").output().unwrap()
        });
        let text = String::from_utf8_lossy(&output.stderr);
        let report: Report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{text}"));
        let failed = count(&report.findings, State::Fail) > 0;
        assert_eq!(output.status.code(), Some(i32::from(failed)), "{report:#?}");
        let left_out = if self.daemon.is_some() { &["clock"][..] } else { &["clock", "daemon"] };
        let of_here = |finding: &Finding| !left_out.contains(&finding.check.as_str());
        report.findings.into_iter().filter(|it| it.state != State::Ok && of_here(it)).collect()
    }

    fn command(&self, command: &str) -> Command {
        let mut ctl = Command::new(BINARY);
        ctl.env_remove("ANYCAST_SOCKET").env_remove("ANYCAST_BPFFS").env_remove("RUST_LOG");
        ctl.arg("--socket").arg(self.path("run/anycast.sock")).arg(command);
        ctl
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            // It may have ended already.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// The command that mends it: what follows `, or` is another way.
pub fn command(finding: &Finding) -> &str {
    finding.advice.as_deref().unwrap().split(", or").next().unwrap()
}
