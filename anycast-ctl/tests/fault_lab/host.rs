//! An edge of a lab whose daemons run under a plan of faults: its bpffs, its store, its journal, its BIRD.

use std::{
    fs::{self, File},
    io,
    os::unix::{net::UnixDatagram, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sched::{CloneFlags, setns, unshare},
    sys::{prctl::set_pdeathsig, signal::Signal},
};
use tempfile::TempDir;
use xtask::lab::{Options, OwnedLab, PrivateBpffs, Process};

use crate::{http::Connection, injector::Watched, plan::Plan, site};

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");

/// Longer than any of the steps waited for takes, on a slow machine too.
pub const SOON: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

pub struct Host {
    /// Dropped first: it detaches nothing, and its lab goes.
    daemon: Option<Watched>,
    _bird: Process,
    pub lab: OwnedLab,
    pub plan: Arc<Plan>,
    /// The store's place, in memory if possible: a daemon that is killed needs no disk that survives, and waits for none.
    store: TempDir,
    bpffs: PrivateBpffs,
    network: File,
    /// What journald would have been told.
    journal: Arc<Mutex<String>>,
    /// Starts so far, and how many of them ended by themselves.
    pub starts: usize,
    pub failed_starts: usize,
}

impl Host {
    pub fn new(backends: usize, plan: Plan) -> Self {
        let options = Options { backends, binary: Some(BINARY.into()), ..Options::default() };
        let lab = OwnedLab::start(&options).unwrap();
        for number in 0..site::NEIGHBOURS {
            let (address, mac) = (site::neighbour(number), format!("02:00:00:00:66:{number:02x}"));
            let words = ["neigh", "add", &address, "lladdr", &mac, "nud", "permanent", "dev", "eth0"];
            lab.run("edge", "ip", &words).unwrap();
        }
        let at = |name: &str| lab.directory().join(name);
        fs::write(at("bird.conf"), site::bird()).unwrap();
        let mut bird = Command::new("bird");
        bird.arg("-f").arg("-c").arg(at("bird.conf")).arg("-s").arg(at("bird.ctl"));
        bird.arg("-P").arg(at("bird.pid")).stdout(Stdio::null()).stderr(Stdio::null());
        let bird = lab.spawn("edge", bird).unwrap();
        fs::write(at("site.toml"), site::toml(lab.plan(), &at("bird.ctl"))).unwrap();
        let journal = read_journal(&at("journal"));
        let network = File::open(lab.edge().unwrap().path()).unwrap();
        let plan = Arc::new(plan);
        let (starts, failed_starts) = (0, 0);
        let memory = Path::new("/dev/shm");
        let store = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self {
            daemon: None,
            store: store.unwrap(),
            _bird: bird,
            plan,
            bpffs: PrivateBpffs::new().unwrap(),
            network,
            journal,
            starts,
            failed_starts,
            lab,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.lab.directory().join(name)
    }

    pub fn socket(&self) -> &Path {
        self.lab.socket()
    }

    pub fn state(&self) -> PathBuf {
        self.store.path().join("state")
    }

    /// A command on the edge, where the bpffs is; it ends with the thread that starts it.
    fn on_the_edge(&self, program: &str) -> Command {
        let (mounts, network) = (self.bpffs.mounts().try_clone().unwrap(), self.network.try_clone().unwrap());
        let mut command = Command::new(program);
        let enter = move || {
            set_pdeathsig(Signal::SIGKILL)?;
            setns(&network, CloneFlags::CLONE_NEWNET)?;
            setns(&mounts, CloneFlags::CLONE_NEWNS).map_err(io::Error::from)
        };
        // SAFETY: `enter` makes plain system calls on captured values and neither allocates nor locks.
        unsafe { command.pre_exec(enter) };
        command
    }

    /// Starts a daemon. Every second one tells the journal, the others a file.
    pub fn spawn(&mut self, arguments: &[&str]) {
        self.starts += 1;
        let log = File::options().create(true).append(true).open(self.path("daemon.log")).unwrap();
        let mut command = self.on_the_edge(BINARY);
        command.args(["run", "--no-http", "--xdp-mode", "native", "--reconcile-every", "5s"]);
        command.arg("--config").arg(self.path("site.toml")).arg("--state-dir").arg(self.state());
        command.arg("--socket").arg(self.socket()).arg("--journal-socket").arg(self.path("journal"));
        command.args(["--log-format", if self.starts.is_multiple_of(2) { "journald" } else { "text" }]);
        command.args(arguments).env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let (state, socket) = (self.state(), self.socket().to_owned());
        self.daemon = Some(Watched::spawn(command, &self.plan, state, socket).unwrap());
    }

    /// Starts daemons until one answers, as a service manager does: a start may fail of a fault.
    pub fn start(&mut self) {
        self.spawn(&[]);
        while self.wait_for_an_answer() {
            self.failed_starts += 1;
            self.spawn(&[]);
        }
    }

    /// Waits until the daemon answers, or has ended: whether it has.
    pub fn wait_for_an_answer(&mut self) -> bool {
        let begun = Instant::now();
        loop {
            if Connection::open(self.socket()).and_then(|mut it| it.get("/v1/log")).is_ok() {
                return false;
            }
            if self.ended().is_some() {
                return true;
            }
            assert!(begun.elapsed() < SOON, "no daemon answers: {}", self.said());
            thread::sleep(POLL);
        }
    }

    /// How the daemon ended, if it did.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.daemon.as_mut().and_then(|daemon| daemon.try_wait().unwrap())
    }

    pub fn kill(&mut self) {
        self.daemon.take().unwrap().kill();
    }

    pub fn daemon(&self) -> i32 {
        self.daemon.as_ref().unwrap().id()
    }

    /// A connection to a daemon, as soon as there is one.
    pub fn connect(&self) -> Connection {
        Connection::open(self.socket()).unwrap()
    }

    /// Output of a shell line on the edge.
    pub fn shell(&self, line: &str) -> String {
        let mut command = self.on_the_edge("sh");
        let output = command.args(["-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a closure on the edge, where the bpffs is.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let enter = || {
            unshare(CloneFlags::CLONE_FS).unwrap();
            setns(&self.network, CloneFlags::CLONE_NEWNET).unwrap();
            setns(self.bpffs.mounts(), CloneFlags::CLONE_NEWNS).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(enter).join().unwrap())
    }

    /// With what words daemons ended by themselves.
    pub fn errors(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("daemon.log")).unwrap();
        log.lines().filter(|line| line.starts_with("anycast-ctl: ")).map(str::to_owned).collect()
    }

    /// What all daemons said.
    pub fn said(&self) -> String {
        let log = fs::read_to_string(self.path("daemon.log")).unwrap();
        log + &self.journal.lock().unwrap()
    }
}

impl Drop for Host {
    /// What was said goes with the lab, unless there is a place to keep it.
    fn drop(&mut self) {
        if let Some(path) = std::env::var_os("ANYCAST_FAULT_LOG") {
            fs::write(path, format!("{}\n{}", self.said(), self.plan)).unwrap();
        }
    }
}

/// Listens where journald would, for as long as this process lives.
fn read_journal(path: &Path) -> Arc<Mutex<String>> {
    let journal = UnixDatagram::bind(path).unwrap();
    let told = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&told);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 18];
        while let Ok(length) = journal.recv(&mut buffer) {
            let entry = String::from_utf8_lossy(&buffer[..length]);
            let message = entry.lines().find_map(|line| line.strip_prefix("MESSAGE="));
            let mut kept = kept.lock().unwrap();
            kept.push_str(message.unwrap_or(&entry));
            kept.push('\n');
        }
    });
    told
}
