//! An edge whose daemons come and go: the lab, a bpffs of its own, a state directory.
//!
//! The bpffs is anonymous: what is pinned goes with it, and it with the last descriptor of its mount namespace, however the
//! test ends.

use std::{
    fs::{self, File},
    os::fd::AsRawFd as _,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::Status;
use nix::sys::signal::Signal;
use xtask::lab::{Options, OwnedLab, PrivateBpffs, Process, controller};

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");
const SOON: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(10);

/// One instance on the lab's edge.
pub struct Host {
    pub daemon: Option<Process>,
    pub lab: OwnedLab,
    bpffs: PrivateBpffs,
    starts: usize,
}

impl Host {
    pub fn new(backends: usize) -> Self {
        let options = Options { backends, binary: Some(BINARY.into()), ..Options::default() };
        let lab = OwnedLab::start(&options).unwrap();
        Self { daemon: None, lab, bpffs: PrivateBpffs::new().unwrap(), starts: 0 }
    }

    /// The lab's site, whose v4 VIP also takes datagrams.
    pub fn site(&self) -> String {
        let mut site = controller::site(self.lab.plan());
        site.vips[0].services.push("udp/53".to_owned());
        site.to_toml()
    }

    /// A command of the program under test, on the edge, for an instance.
    pub fn command(&self, instance: &str, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/fd/{}", std::process::id(), self.bpffs.mounts().as_raw_fd()));
        command.arg(BINARY).args(words).args(["--instance", instance]);
        command.env("ANYCAST_SOCKET", self.socket(instance));
        command.env("ANYCAST_STATE_DIR", self.state(instance)).env_remove("RUST_LOG");
        command
    }

    pub fn socket(&self, instance: &str) -> PathBuf {
        if instance == "anycast" {
            self.lab.socket().to_owned()
        } else {
            self.path(&format!("{instance}.sock"))
        }
    }

    pub fn state(&self, instance: &str) -> PathBuf {
        self.path(&format!("state-{instance}"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.lab.directory().join(name)
    }

    /// Runs a command to its end: its exit code, and all it said.
    pub fn run(&self, instance: &str, words: &[&str]) -> (i32, String) {
        let mut command = self.command(instance, words);
        let output = self.lab.inside("edge", move || Ok(command.output()?)).unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    /// Runs a shell line where the bpffs is.
    pub fn shell(&self, line: &str) -> String {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/fd/{}", std::process::id(), self.bpffs.mounts().as_raw_fd()));
        command.args(["sh", "-c", line]);
        let output = self.lab.inside("edge", move || Ok(command.output()?)).unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a daemon of an instance on a site.
    pub fn spawn(&mut self, instance: &str, site: &str, arguments: &[&str]) -> Process {
        let file = self.path(&format!("{instance}.toml"));
        fs::write(&file, site).unwrap();
        let mut command = self.command(instance, &["run", "--config", file.to_str().unwrap()]);
        self.starts += 1;
        let log = File::create(self.log(self.starts)).unwrap();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.lab.spawn("edge", command).unwrap()
    }

    /// Starts the default instance, and waits until it has taken over.
    pub fn start(&mut self, arguments: &[&str]) {
        let site = self.site();
        self.daemon = Some(self.spawn("anycast", &site, arguments));
        self.wait_until_ready();
    }

    pub fn wait_until_ready(&mut self) {
        self.wait_until("the daemon is ready", || self.log_text().contains("ready"));
    }

    #[track_caller]
    pub fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < SOON, "waited in vain for this: {what}\n{}", self.log_text());
            thread::sleep(POLL);
        }
    }

    /// Ends the daemon by that signal.
    pub fn end(&mut self, signal: Signal) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.signal(signal).unwrap();
        let start = Instant::now();
        while daemon.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < SOON, "the daemon does not end");
            thread::sleep(POLL);
        }
    }

    fn log(&self, start: usize) -> PathBuf {
        self.path(&format!("daemon-{start}.log"))
    }

    /// What the daemon started last said.
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.log(self.starts)).unwrap()
    }

    pub fn status(&self, instance: &str) -> Status {
        let (code, text) = self.run(instance, &["status", "--json"]);
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Kernel id of the program on an interface of the edge.
    pub fn program(&self, interface: &str) -> Option<u64> {
        let link = self.lab.run("edge", "ip", &["-json", "link", "show", "dev", interface]).unwrap();
        let link: serde_json::Value = serde_json::from_str(&link).unwrap();
        link[0]["xdp"]["prog"]["id"].as_u64()
    }
}
