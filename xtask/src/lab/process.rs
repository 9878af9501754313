//! Child processes that live in a namespace and never longer than this process.

use std::{
    fs, io,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Child, Command, ExitStatus},
    sync::{OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    sched::{CloneFlags, setns},
    sys::{
        prctl::set_pdeathsig,
        signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask},
    },
    unistd::{Pid, getpid, getppid},
};

use super::namespace::Namespace;

/// How long a process may take to end after SIGTERM before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// A child that is ended and waited for when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts the command inside the namespace, in a process group of its own (the terminal's Ctrl-C reaches only
    /// this process, which then ends its children in order).
    ///
    /// The kernel kills the child when this process dies, SIGKILL included.
    pub fn spawn(namespace: &Namespace, name: &str, mut command: Command) -> Result<Self> {
        prepare(&mut command, namespace)?;
        command.process_group(0);
        let shown = crate::host_tool::shell_line(&command);
        let child = spawn(command).with_context(|| format!("start `{shown}` in {}", namespace.name()))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// What the lab calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its exit status, when it has ended.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("wait for {}", self.name))
    }

    /// An error when it has ended.
    pub fn expect_running(&mut self) -> Result<()> {
        match self.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended early with {status}", self.name),
        }
    }

    /// Sends a signal. After SIGSTOP no thread of it runs any more.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).context("read the child's process id")?);
        let sent = if signal == Signal::SIGSTOP { halt(pid) } else { kill(pid, signal).map_err(Into::into) };
        sent.with_context(|| format!("send {signal} to {}", self.name))
    }

    /// Asks it to end and waits; kills it when it takes too long.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.try_wait()? {
            return Ok(status);
        }
        self.signal(Signal::SIGTERM)?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        self.child.kill().with_context(|| format!("kill {}", self.name))?;
        self.child.wait().with_context(|| format!("wait for {}", self.name))
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.child.wait().with_context(|| format!("wait for {}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.stop().is_err() {
            // Already reaped, or out of our hands: the parent-death signal is the second line of defence.
            let _ = self.child.kill();
        }
    }
}

/// Stops a process where it is. The signal alone leaves its other threads running for a moment: this waits for them.
pub fn halt(pid: Pid) -> Result<()> {
    kill(pid, Signal::SIGSTOP)?;
    let start = Instant::now();
    while !is_halted(pid)? {
        ensure!(start.elapsed() < PATIENCE, "process {pid} does not stop");
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Whether each thread is stopped (proc_pid_stat(5): the state follows the name, which is in parentheses).
fn is_halted(pid: Pid) -> io::Result<bool> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        match fs::read_to_string(task?.path().join("stat")) {
            Ok(stat) if !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')) => {
                return Ok(false);
            }
            // A thread that is gone.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(true)
}

/// Makes a command run inside the namespace and die with this process.
pub(super) fn prepare(command: &mut Command, namespace: &Namespace) -> Result<()> {
    let descriptor =
        namespace.as_fd().try_clone_to_owned().context("duplicate the namespace's descriptor")?;
    let parent = getpid();
    let enter = move || {
        // Rust leaves the signal mask alone; a process that waits for signals has them blocked.
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
        set_pdeathsig(Signal::SIGKILL)?;
        if getppid() != parent {
            // The parent died before the request was in place.
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        setns(&descriptor, CloneFlags::CLONE_NEWNET)?;
        Ok(())
    };
    // SAFETY: `enter` runs between fork and exec, where only async-signal-safe calls are sound: it makes plain
    // system calls on captured values and neither allocates nor locks.
    unsafe { command.pre_exec(enter) };
    Ok(())
}

type Request = (Command, mpsc::Sender<io::Result<Child>>);

/// Spawns from one thread that lives as long as this process: the parent-death signal fires when the *thread* that
/// forked ends, and callers' threads come and go.
pub(super) fn spawn(command: Command) -> Result<Child> {
    static SPAWNER: OnceLock<mpsc::Sender<Request>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, requests) = mpsc::channel::<Request>();
        // Not joined: it ends with the process. When it cannot start, the send below fails.
        let _ = thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            for (mut command, answer) in requests {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (answer, child) = mpsc::channel();
    spawner.send((command, answer)).ok().context("reach the thread that starts processes")?;
    child.recv().context("hear from the thread that starts processes")?.map_err(anyhow::Error::from)
}
