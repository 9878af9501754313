//! An edge whose daemon is started as the unit starts it: with a bpffs that systemd mounted for root, directories that are the
//! service's, and setpriv(1) in the place of `User=`, `AmbientCapabilities=` and `CapabilityBoundingSet=`.

use std::{
    fs::{self, File, Permissions},
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::Status;
use tempfile::TempDir;
use xtask::lab::{Options, OwnedLab, PrivateBpffs, Process, controller, server};

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");

/// The service's user and group, the group of operators, and a user who is nobody's: numbers that no host gives away.
pub const SERVICE: &str = "64711";
pub const OPERATORS: &str = "64712";
pub const STRANGER: &str = "64713";

/// The capabilities of dist/anycast.service, as setpriv names them.
pub const ALL: [&str; 4] = ["bpf", "net_admin", "net_raw", "perfmon"];

/// Longer than any of the steps waited for takes, on a slow machine too.
const SOON: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(30);

/// What the unit does as root before it starts the daemon.
const PREPARE: &str = "chmod o+x /sys/fs/bpf; install -d -m 0755 /sys/fs/bpf/anycast; \
                       install -d -m 0700 /sys/fs/bpf/anycast/edge; chown -R 64711:64711 /sys/fs/bpf/anycast/edge";

pub struct Stage {
    // Dropped in this order.
    pub daemon: Option<Process>,
    pub lab: OwnedLab,
    directory: TempDir,
    bpffs: PrivateBpffs,
    starts: usize,
}

impl Stage {
    /// Everything is prepared as the unit does it.
    pub fn new(backends: usize) -> Self {
        let stage = Self::bare(backends);
        stage.shell(PREPARE);
        stage
    }

    /// The bpffs is root's alone.
    pub fn bare(backends: usize) -> Self {
        let options = Options { backends, binary: Some(BINARY.into()), ..Options::default() };
        let lab = OwnedLab::start(&options).unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let stage =
            Self { daemon: None, lab, directory, bpffs: PrivateBpffs::with_mode(0o700).unwrap(), starts: 0 };
        for (name, mode) in [("run", "0755"), ("state", "0700")] {
            let path = stage.path(name);
            stage.shell(&format!("install -d -o {SERVICE} -g {SERVICE} -m {mode} {}", path.display()));
        }
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.path("run/a.sock")
    }

    /// The lab's site with other lines in its pools, which are `web4` and `web6`.
    pub fn site(&self, web4: &str, web6: &str) -> String {
        let mut site = controller::site(self.lab.plan()).to_toml();
        for (pool, lines) in [("web4", web4), ("web6", web6)] {
            let name = format!("name = \"{pool}\"\n");
            site = site.replacen(&name, &format!("{name}{lines}\n"), 1);
        }
        site
    }

    /// Starts the daemon as the service's user, who is in the operators' group, with these capabilities, on a site.
    pub fn spawn(&mut self, site: &str, capabilities: &[&str], arguments: &[&str]) -> Process {
        self.spawn_by(&as_service(capabilities), site, arguments)
    }

    /// Starts the daemon by another command.
    pub fn spawn_by(&mut self, by: &[String], site: &str, arguments: &[&str]) -> Process {
        let file = self.path("site.toml");
        fs::write(&file, site).unwrap();
        self.starts += 1;
        let log = File::create(self.log_path()).unwrap();
        let mut command = self.entering();
        command.args(by).args([BINARY, "run", "--xdp-mode", "native", "--config"]).arg(file);
        command.arg("--state-dir").arg(self.path("state")).arg("--socket").arg(self.socket());
        command.args(arguments).env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.lab.spawn("edge", command).unwrap()
    }

    /// Starts it with all it needs, and waits until it steers to every backend.
    pub fn start(&mut self, site: &str, arguments: &[&str]) {
        let daemon = self.spawn(site, &ALL, arguments);
        self.daemon = Some(daemon);
        self.wait_until_up();
    }

    pub fn wait_until_up(&mut self) {
        let start = Instant::now();
        while !self.try_status().is_some_and(|status| is_up(&status)) {
            let ended = self.daemon.as_mut().unwrap().try_wait().unwrap();
            let waits = ended.is_none() && start.elapsed() < SOON;
            assert!(waits, "the daemon does not steer: {ended:?}\n{}", self.log());
            thread::sleep(POLL);
        }
    }

    /// A start that is refused: what it says.
    pub fn refusal(&mut self, capabilities: &[&str]) -> String {
        let site = self.site("", "");
        let mut daemon = self.spawn(&site, capabilities, &[]);
        let status = daemon.wait().unwrap();
        assert_eq!(status.code(), Some(1), "{}", self.log());
        self.log()
    }

    fn log_path(&self) -> PathBuf {
        self.path(&format!("log-{}", self.starts))
    }

    /// What the daemon that was started last says.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap()
    }

    pub fn status(&self) -> Status {
        self.try_status().unwrap()
    }

    fn try_status(&self) -> Option<Status> {
        let output = self.client("0", "0", &["status", "--json"]);
        serde_json::from_slice(&output.stdout).ok()
    }

    /// The command line as the service's user with these capabilities.
    pub fn service(&self, capabilities: &[&str], words: &[&str]) -> Output {
        let mut command = self.entering();
        command.args(as_service(capabilities)).arg(BINARY).arg("--socket").arg(self.socket()).args(words);
        self.lab.inside("edge", move || Ok(command.output()?)).unwrap()
    }

    /// The command line as that user, in that group alone.
    pub fn client(&self, user: &str, group: &str, words: &[&str]) -> Output {
        let mut command = self.entering();
        command.args(["setpriv", "--reuid", user, "--regid", group, "--clear-groups", BINARY]);
        command.arg("--socket").arg(self.socket()).args(words);
        self.lab.inside("edge", move || Ok(command.output()?)).unwrap()
    }

    /// The command line as root, which must be done.
    pub fn ctl(&self, words: &[&str]) -> String {
        let output = self.client("0", "0", words);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{words:?}: {said}\n{}", self.log());
        said
    }

    /// Runs a shell line as root on the edge, where the bpffs is.
    pub fn shell(&self, line: &str) -> String {
        let mut command = self.entering();
        command.args(["sh", "-ec", line]);
        let output = self.lab.inside("edge", move || Ok(command.output()?)).unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn entering(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/fd/{}", std::process::id(), self.bpffs.mounts().as_raw_fd()));
        command
    }

    /// Which backend answers a client's request to the VIP of IPv4.
    pub fn answers(&self) -> bool {
        let vip = (self.lab.plan().vips.v4, server::HTTP_PORT).into();
        server::get(self.lab.client().unwrap(), vip, "/").is_ok_and(|answer| answer.contains("X-Backend"))
    }
}

/// What the unit's lines do.
fn as_service(capabilities: &[&str]) -> Vec<String> {
    let set = capabilities.iter().fold("-all".to_owned(), |set, name| format!("{set},+{name}"));
    let mut setpriv: Vec<String> = vec!["setpriv".into(), "--pdeathsig".into(), "KILL".into()];
    setpriv.extend(["--reuid", SERVICE, "--regid", SERVICE, "--groups", OPERATORS].map(str::to_owned));
    setpriv.extend([format!("--inh-caps={set}"), format!("--ambient-caps={set}")]);
    setpriv.push(format!("--bounding-set={set}"));
    setpriv
}

fn is_up(status: &Status) -> bool {
    use anycast_ctl::api::types::BackendState;

    status.pools.iter().flat_map(|pool| &pool.backends).all(|backend| backend.state == BackendState::Up)
}

/// All that a process says of its rights, of each of its threads.
pub fn rights(pid: u32) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.map(|thread| rights_in(&thread.unwrap().path().join("status"))).collect()
}

fn rights_in(status: &Path) -> String {
    let text = fs::read_to_string(status).unwrap();
    let kept = |line: &&str| ["Uid:", "Cap", "NoNewPrivs:"].iter().any(|name| line.starts_with(name));
    text.lines()
        .filter(kept)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

/// Waits until it holds, and panics when it does not.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "waited in vain for this: {what}");
        thread::sleep(POLL);
    }
}
