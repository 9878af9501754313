//! A host as readers have one: a name, interfaces and a file system that it may write to, with the package installed.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use xtask::{
    host_tool,
    lab::{Namespace, Process},
};

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");
const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// What is written goes into memory, and is gone with the host.
const FILES: &str = r#"
hostname "$1"
scratch=$3
mkdir "$scratch"
mount -t tmpfs none "$scratch"
for directory in etc usr var run root opt tmp; do
    [ -d "/$directory" ] || continue
    mkdir -p "$scratch/$directory" "$scratch/overlay/$directory"
    mount -t overlay overlay -o "lowerdir=/$directory,upperdir=$scratch/$directory,workdir=$scratch/overlay/$directory" "/$directory"
done
mount -t bpf bpf /sys/fs/bpf
ln -sf "$2" /usr/bin/anycast-ctl
mkdir -p /etc/anycast /run/anycast /var/lib/anycast
# Whoever types here is root already.
printf '#!/bin/sh\nexec "$@"\n' > /usr/bin/sudo
chmod 755 /usr/bin/sudo
echo ready
exec sleep infinity
"#;

/// A host; it is gone when this is dropped.
pub struct Machine {
    holder: Process,
    namespace: Namespace,
    output: PathBuf,
}

/// What became of a command.
pub struct Ended {
    /// `None`: it was still running when it was taken to be over.
    pub status: Option<ExitStatus>,
    pub output: String,
}

/// A command that is running.
pub struct Running {
    process: Process,
    output: PathBuf,
}

impl Machine {
    /// Sets one up in this network namespace; `output` is a directory for what is printed there.
    pub fn new(namespace: Namespace, output: PathBuf) -> Self {
        let mut command = host_tool::command("unshare");
        command.args([
            "--mount",
            "--uts",
            "--propagation",
            "private",
            "sh",
            "-ec",
            FILES,
            "sh",
            namespace.name(),
            BINARY,
        ]);
        command.arg(output.join(namespace.name()));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut holder = Process::spawn(&namespace, namespace.name(), command).unwrap();
        let mut line = String::new();
        BufReader::new(holder.child().stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "set up the file system of {}", namespace.name());
        Self { holder, namespace, output }
    }

    /// Its network alone.
    pub fn leave(self) -> Namespace {
        self.namespace
    }

    /// Types a command, in root's home.
    pub fn start(&self, text: &str) -> Running {
        let output = self.output.join(format!("{}-{}", self.namespace.name(), output_number()));
        let file = File::create(&output).unwrap();
        let mut command = host_tool::command("nsenter");
        // A shell in the background, and what it starts, ignores Ctrl-C.
        let target = self.holder.id().to_string();
        command.args([
            "--target",
            &target,
            "--mount",
            "--uts",
            "--",
            "bash",
            "-ec",
            &format!("cd /root\n{text}"),
        ]);
        for name in ["ANYCAST_SOCKET", "ANYCAST_BPFFS", "ANYCAST_INSTANCE", "RUST_LOG"] {
            command.env_remove(name);
        }
        command.env("SOCKET", "/run/anycast/anycast.sock").env("COLUMNS", "120");
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Running { process: Process::spawn(&self.namespace, text, command).unwrap(), output }
    }

    /// Types a command and waits for its end.
    pub fn run(&self, text: &str) -> Ended {
        let mut running = self.start(text);
        let begun = Instant::now();
        loop {
            if let Some(status) = running.process.try_wait().unwrap() {
                return Ended { status: Some(status), output: running.output() };
            }
            if begun.elapsed() > DEADLINE {
                running.interrupt();
                return Ended { status: None, output: running.output() };
            }
            thread::sleep(POLL);
        }
    }

    /// Types a command that must be good.
    #[track_caller]
    pub fn must(&self, text: &str) -> String {
        let ended = self.run(text);
        assert!(ended.status.is_some_and(|it| it.success()), "{text}: {}", ended.output);
        ended.output
    }
}

impl Running {
    /// What it has said so far.
    pub fn output(&self) -> String {
        let mut bytes = Vec::new();
        File::open(&self.output).unwrap().read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// Types Ctrl-C, and waits for its end.
    pub fn interrupt(&mut self) -> ExitStatus {
        if let Some(status) = self.ended() {
            return status;
        }
        // The group has the name of its first process, which has not been waited for.
        killpg(Pid::from_raw(self.process.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            if let Some(status) = self.ended() {
                return status;
            }
            thread::sleep(POLL);
        }
        self.process.stop().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended; what it said was read.
        if self.ended().is_none() {
            let _ = killpg(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGKILL);
        }
        let _ = fs::remove_file(&self.output);
    }
}

fn output_number() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
