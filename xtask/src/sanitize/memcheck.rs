//! anycast-ctl under valgrind's memcheck: reads of what was never written, and accesses beyond what was given, by it and by the
//! system calls that it makes.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    compile::{self, Options},
    host_tool::command,
    lab::{Namespace, Process},
};

/// What valgrind ends with when it found something; the program never does.
const FOUND: &str = "99";

/// How long the daemon may take to be ready, which it is some fifty times later than it would be.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(200);

const SITE: &str = r#"
node = "memcheck"
interfaces = ["eth0"]

[maps]
pins = 65536

[[pool]]
name = "web"
delivery = "ipip"
slots = 1021
check = { type = "exec", command = ["/bin/true"], interval = "1s" }
[[pool.backend]]
name = "web-1"
address = "10.9.0.2"
[[pool.backend]]
name = "web-2"
address = "10.9.0.3"
check = { type = "icmp", full_size = true }

[[vip]]
name = "www"
address = "192.0.2.1"
services = ["tcp/443"]
pool = "web"
"#;

/// Valgrind takes a key that is left out for a wrong one: `BPF_MAP_GET_NEXT_KEY` begins without one (bpf(2), Linux 4.12).
const KNOWN: &str = r"
{
   the first key has none before it
   Memcheck:Param
   bpf(attr->key)
   fun:syscall
   ...
   fun:*bpf_map_get_next_key*
   ...
}
";

/// What the daemon is asked: each reads maps in another way, or changes them. Not `explain`: valgrind knows no fsmount(2), by which
/// the program's maps are lent.
const QUESTIONS: [&str; 8] = [
    "status",
    "flows count",
    "flows list",
    "pool slots web",
    "reconcile",
    "backend drain web web-2",
    "backend remove web web-2",
    "detach",
];

/// Runs the daemon, asks it, and ends it; then a command that looks at the host by itself.
pub fn memcheck() -> Result<()> {
    let binary = compile::build(&Options::default())?.binary;
    let directory = tempfile::tempdir().context("make a directory")?;
    let host = Namespace::create("memcheck")?;
    for words in [
        "link set lo up",
        "link add eth0 type veth peer name eth1",
        "link set eth0 up",
        "link set eth1 up",
        "address add 10.9.0.1/24 dev eth0",
    ] {
        run(&host, "ip", &words.split(' ').collect::<Vec<_>>())?;
    }
    let known = directory.path().join("known");
    fs::write(&known, KNOWN).context("write what valgrind is wrong about")?;
    let daemon = Daemon::start(&host, valgrind(&binary, &known), &binary, directory.path())?;
    for question in QUESTIONS {
        eprintln!("memcheck: {question}");
        let mut words: Vec<&str> = question.split(' ').collect();
        let socket = daemon.socket.display().to_string();
        words.extend(["--socket", &socket]);
        patiently(|| run(&host, &binary.display().to_string(), &words))?;
    }
    daemon.stop()?;
    eprintln!("memcheck: doctor");
    let mut doctor = valgrind(&binary, &known);
    doctor.args(["doctor", "--json"]);
    let output = host.inside(|| doctor.output().context("start valgrind"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    // What doctor thinks of this host is another matter.
    if output.status.code().is_none_or(|code| code.to_string() == FOUND) {
        bail!("check memory of `anycast-ctl doctor`: {text}");
    }
    println!(
        "memcheck: the daemon answered {} questions, and doctor looked at the host: clean",
        QUESTIONS.len()
    );
    Ok(())
}

/// A daemon that stores and pins nothing.
struct Daemon {
    process: Process,
    socket: PathBuf,
    log: PathBuf,
}

impl Daemon {
    fn start(host: &Namespace, mut command: Command, binary: &Path, directory: &Path) -> Result<Self> {
        let (site, socket, log) =
            (directory.join("site.toml"), directory.join("ctl.sock"), directory.join("log"));
        fs::write(&site, SITE).context("write the site file")?;
        let file = File::create(&log).context("create the daemon's log")?;
        command.args(["run", "--temporary", "--instance", "memcheck", "--config"]).arg(&site);
        command.arg("--socket").arg(&socket).stderr(file);
        let process = Process::spawn(host, "the daemon", command)?;
        let mut daemon = Self { process, socket, log };
        let deadline = Instant::now() + PATIENCE;
        let socket = daemon.socket.display().to_string();
        while run(host, &binary.display().to_string(), &["status", "--socket", &socket]).is_err() {
            if daemon.process.expect_running().is_err() || Instant::now() > deadline {
                bail!("start the daemon under valgrind: {}", daemon.said());
            }
            thread::sleep(POLL);
        }
        Ok(daemon)
    }

    /// Ends it, and judges.
    fn stop(mut self) -> Result<()> {
        self.process.signal(nix::sys::signal::Signal::SIGTERM)?;
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { bail!("check the daemon's memory: {status}: {}", self.said()) }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// A command that may find the daemon too slow to answer in time.
fn patiently(mut attempt: impl FnMut() -> Result<()>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(_) if Instant::now() < deadline => thread::sleep(POLL),
            done => return done,
        }
    }
}

fn valgrind(binary: &Path, known: &Path) -> Command {
    let mut valgrind = command("valgrind");
    valgrind.arg("--quiet").arg(format!("--error-exitcode={FOUND}"));
    valgrind.arg(format!("--suppressions={}", known.display())).arg("--").arg(binary);
    valgrind
}

fn run(host: &Namespace, program: &str, words: &[&str]) -> Result<()> {
    let mut command = command(program);
    let output = host.inside(|| command.args(words).output().with_context(|| format!("start {program}")))?;
    if output.status.success() {
        return Ok(());
    }
    bail!("run {program} {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr))
}
