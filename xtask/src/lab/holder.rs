//! A lab that outlives the command that started it, owned by a detached process.
//!
//! ```text
//! starter                                holder (own session)
//!    │ spawn, holds the pipe to its stdin    │
//!    │                                       │ builds the lab
//!    │ ◄──── {"ready":…} or {"error":…} ──── │ on stdout
//!    │ ───── "keep" ───────────────────────► │ on stdin: lives on until SIGTERM
//!    │ ───── end of file before "keep" ────► │ cleans up and ends
//! ```

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, dup2_stderr, dup2_stdout, setsid},
};
use serde::{Deserialize, Serialize};

use super::{Lab, Options, OwnedLab, State, directory};
use crate::signals;

/// How long a holder may take to clean up before it is killed.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
const KEEP: &str = "keep";

/// A holder that ends with this process, or when this is dropped, unless it is kept.
#[derive(Debug)]
pub struct Lease {
    child: Child,
    name: String,
    kept: bool,
}

impl Lease {
    /// Starts a holder and waits until its lab is up. The holder is this executable, which must be xtask.
    pub fn start(options: &Options, controller: bool) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("find this executable")?);
        command.args(["lab", "hold"]);
        command.args(["--backends", &options.backends.to_string(), "--spares", &options.spares.to_string()]);
        if let Some(name) = &options.name {
            command.args(["--name", name]);
        }
        if let Some(binary) = &options.binary {
            command.arg("--binary").arg(binary);
        }
        if controller {
            command.arg("--controller");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // SAFETY: setsid(2) is async-signal-safe and touches no memory of this process.
        unsafe { command.pre_exec(|| setsid().map(drop).map_err(io::Error::from)) };
        let mut child = command.spawn().context("start the lab's holder")?;
        let stdout = child.stdout.take().context("listen to the lab's holder")?;
        let mut lease = Self { child, name: String::new(), kept: false };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("listen to the lab's holder")?;
        match serde_json::from_str(&line) {
            Ok(Report::Ready(name)) => lease.name = name,
            Ok(Report::Error(error)) => bail!("{error}"),
            Err(_) => bail!("the lab's holder ended before the lab was up; what it said is above"),
        }
        Ok(lease)
    }

    /// The lab's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lab.
    pub fn open(&self) -> Result<Lab> {
        Lab::open(&self.name)
    }

    /// Lets the lab live on; answers with its name.
    pub fn keep(mut self) -> Result<String> {
        let mut stdin = self.child.stdin.take().context("reach the lab's holder")?;
        writeln!(stdin, "{KEEP}").context("tell the lab's holder to stay")?;
        self.kept = true;
        Ok(std::mem::take(&mut self.name))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.kept {
            // End of file on its stdin: it cleans up.
            drop(self.child.stdin.take());
            let _ = self.child.wait();
        }
    }
}

/// The holder's one line on stdout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Report {
    Ready(String),
    Error(String),
}

/// The holder itself: `xtask lab hold`.
pub fn hold(options: &Options, controller: bool) -> Result<()> {
    signals::catch()?;
    end_with_the_lease()?;
    let lab = match build(options, controller) {
        Ok(lab) => lab,
        Err(error) => return report(&Report::Error(format!("{error:#}"))),
    };
    signals::check()?;
    leave_the_terminal(lab.directory().join("holder.log"), &Report::Ready(lab.name().to_owned()))?;
    let interrupted = signals::wait();
    drop(lab);
    Err(interrupted.into())
}

fn build(options: &Options, controller: bool) -> Result<OwnedLab> {
    let mut lab = OwnedLab::start(options)?;
    if controller {
        lab.start_controller(&[])?;
    }
    Ok(lab)
}

fn report(report: &Report) -> Result<()> {
    let line = serde_json::to_string(report).context("write the report as JSON")?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).context("report to the starter")
}

/// Reports, then lets go of the starter's stdout and stderr, so that nobody waits for their end.
fn leave_the_terminal(log: PathBuf, ready: &Report) -> Result<()> {
    let log = File::create(&log).with_context(|| format!("create {}", log.display()))?;
    dup2_stderr(&log).context("write on to the log")?;
    report(ready)?;
    let nowhere = OpenOptions::new().write(true).open("/dev/null").context("open /dev/null")?;
    dup2_stdout(&nowhere).context("let go of stdout")
}

fn end_with_the_lease() -> Result<()> {
    let watch = || {
        let mut line = String::new();
        let kept = io::stdin().read_line(&mut line).is_ok() && line.trim_end() == KEEP;
        if !kept {
            signals::request(Signal::SIGTERM);
        }
    };
    thread::Builder::new().name("lease".to_owned()).spawn(watch).context("start the lease's thread")?;
    Ok(())
}

/// Ends a running lab and waits until it is gone.
pub fn end(name: &str) -> Result<()> {
    let state = State::read(name)?;
    let pid = Pid::from_raw(i32::try_from(state.pid).context("read the holder's process id")?);
    // The lock was held a moment ago, so the process id is its owner's.
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        kill(pid, signal).with_context(|| format!("send {signal} to the holder of lab {name}"))?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if directory::is_gone(name)? {
                return Ok(());
            }
            thread::sleep(POLL);
        }
    }
    Err(anyhow!("end lab {name}: process {pid} does not end"))
}
