//! An anonymous network namespace to run commands and futures in.

use std::{
    fs::{self, File},
    io::Write as _,
    os::fd::AsRawFd as _,
    process::{Command, Stdio},
    thread,
};

use nix::sched::{CloneFlags, setns, unshare};

pub mod xdp;

/// Lives as long as this value, or any interface or process in it.
pub struct Namespace {
    file: File,
}

impl Namespace {
    /// A namespace with its loopback up, and without the wait of duplicate address detection.
    pub fn new() -> Self {
        let create = || {
            unshare(CloneFlags::CLONE_NEWNET).expect("create a network namespace: these tests need root");
            File::open("/proc/thread-self/ns/net").expect("open the namespace")
        };
        let namespace = Self { file: thread::spawn(create).join().expect("namespace thread") };
        namespace.ip("link set lo up");
        namespace.write("net/ipv6/conf/all/disable_ipv6", "0");
        namespace.write("net/ipv6/conf/default/accept_dad", "0");
        namespace
    }

    /// A path that `ip link … netns` accepts.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd())
    }

    /// Runs `ip` with these words, and gives its output; panics when it fails.
    pub fn ip(&self, words: &str) -> String {
        let run = || Command::new("ip").args(words.split_whitespace()).output().expect("run ip");
        let output = self.enter(run);
        assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `ip -batch` with these lines.
    pub fn ip_batch(&self, lines: &str) {
        self.enter(|| {
            let mut ip =
                Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().expect("run ip");
            ip.stdin.take().expect("stdin").write_all(lines.as_bytes()).expect("write to ip");
            assert!(ip.wait().expect("wait for ip").success(), "ip -batch");
        });
    }

    /// Writes a sysctl, named by its path below /proc/sys.
    pub fn write(&self, sysctl: &str, value: &str) {
        self.enter(|| fs::write(format!("/proc/sys/{sysctl}"), value))
            .unwrap_or_else(|error| panic!("set {sysctl} to {value}: {error}"));
    }

    /// Runs a future to its end, on a runtime with a single thread inside the namespace.
    pub fn block_on<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        self.enter(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(future)
        })
    }

    /// Calls `f` on a thread inside the namespace.
    fn enter<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            setns(&self.file, CloneFlags::CLONE_NEWNET).expect("enter the namespace");
            f()
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
