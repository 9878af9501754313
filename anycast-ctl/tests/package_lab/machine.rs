//! A Debian with systemd as its first process, where the lab's edge is: its network, its own bpffs, files that go with it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{OwnedLab, Process};

use crate::root::root;

/// Longer than anything takes on a busy machine.
const SOON: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);

/// All mounts are in a namespace of its own, and go with the machine. bpf(2) is let through, and the bpffs is root's alone, as on
/// a real host.
const BOOT: &str = r#"
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root" "$2/bpf"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t bpf -o mode=0700 bpf "$2/bpf"
exec systemd-nspawn --quiet --register=no --keep-unit --boot --console=pipe --machine=anycast-edge \
    --directory="$2/root" --bind="$2/bpf:/sys/fs/bpf" --bind-ro="$3:/packages" \
    --resolv-conf=off --timezone=off --link-journal=no \
    --capability=all --system-call-filter="bpf perf_event_open"
"#;

pub struct Machine {
    /// Ends it when it is dropped.
    _container: Process,
    /// Its first process, as this host counts.
    first: u32,
}

impl Machine {
    /// Boots it; it sees the packages' directory as `/packages`.
    pub fn boot(lab: &OwnedLab, packages: &Path) -> Self {
        let files = lab.directory().join("machine");
        fs::create_dir(&files).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-e", "-c", BOOT, "sh"]).args([&root(), &files]).arg(packages);
        let log = fs::File::create(lab.directory().join("machine.log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut container = lab.spawn("edge", command).unwrap();
        let first = wait_for("the machine's first process", || {
            container.expect_running().unwrap();
            first_below(container.id())
        });
        let machine = Self { _container: container, first };
        wait_for("the machine to be up", || {
            let (_, state) = machine.run(&["systemctl", "is-system-running"]);
            matches!(state.trim(), "running" | "degraded").then_some(())
        });
        machine
    }

    /// Runs a command to its end: whether it succeeded, and all it said.
    pub fn run(&self, words: &[&str]) -> (bool, String) {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.first))
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--"]);
        command
            .args(words)
            .stdin(Stdio::null())
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        let output = command.output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), text)
    }

    /// The same of what must succeed.
    pub fn does(&self, words: &[&str]) -> String {
        let (succeeded, text) = self.run(words);
        assert!(succeeded, "{words:?}: {text}\n{}", self.run(&["journalctl", "--no-pager", "--lines=40"]).1);
        text
    }

    /// Where this host finds a file of it.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.first))
    }

    /// A property of a unit.
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.does(&["systemctl", "show", unit, "--property", name, "--value"]).trim().to_owned()
    }
}

/// Looks until there is something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < SOON, "waited for {what} in vain");
        thread::sleep(POLL);
    }
}

/// The child of that process that is the first of a namespace of its own.
fn first_below(parent: u32) -> Option<u32> {
    fs::read_dir("/proc").unwrap().find_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key));
        let is_child = value("PPid:")?.trim() == parent.to_string();
        let is_first = value("NSpid:")?.split_whitespace().nth(1) == Some("1");
        (is_child && is_first).then_some(pid)
    })
}
