//! A guest, from power-on to power-off.

use std::{
    fmt,
    fs::File,
    io,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::sys::{
    prctl::set_pdeathsig,
    resource::{UsageWho, getrusage},
    signal::Signal,
    time::TimeValLike as _,
};

use super::report::Expected;
use crate::{host_tool::command, share, signals};

pub const QEMU: &str = "qemu-system-x86_64";

/// A guest tries one random case in so many: every instruction costs it some twenty times what it costs here.
const SHARE: u32 = 20;

const POLL: Duration = Duration::from_millis(200);

/// A kernel with all it is to run.
pub struct Guest<'a> {
    pub image: &'a Path,
    pub initramfs: &'a Path,
    /// Where the console is written to.
    pub log: &'a Path,
    pub expected: Expected,
}

/// How long it took, by the clock and of this machine's CPUs.
pub struct Took {
    clock: Duration,
    cpu: Duration,
}

impl Guest<'_> {
    /// Runs it to its end. It never lives longer than this process.
    ///
    /// # Errors
    /// It does not power off in time, or qemu fails; and when this process is asked to leave.
    pub fn run(&self, deadline: Duration) -> Result<Took> {
        let console = File::create(self.log).with_context(|| format!("create {}", self.log.display()))?;
        let mut qemu = command(QEMU);
        qemu.args([
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "max",
            "-machine",
            "q35",
            "-smp",
            "2",
            "-m",
            "1024",
        ])
        .args(["-nodefaults", "-serial", "stdio", "-display", "none", "-no-reboot", "-append"])
        .arg(self.parameters())
        .arg("-kernel")
        .arg(self.image)
        .arg("-initrd")
        .arg(self.initramfs);
        let before = cpu_time()?;
        let start = Instant::now();
        wait(&mut start_guest(qemu, console)?, deadline, self.log)?;
        Ok(Took { clock: start.elapsed(), cpu: cpu_time()?.saturating_sub(before) })
    }

    /// On a busy machine the guest's timer may not tick in the moment in which its kernel looks whether it does. The kernel gives the
    /// words it does not know to the guest's script as variables.
    fn parameters(&self) -> String {
        let expected = match self.expected {
            Expected::Runs | Expected::Counts => "runs",
            Expected::Refuses => "refuses",
        };
        format!("console=ttyS0 panic=-1 quiet no_timer_check {}={SHARE} EXPECTED={expected}", share::VARIABLE)
    }
}

fn start_guest(mut qemu: Command, console: File) -> Result<Child> {
    let die_with_us = || set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from);
    // SAFETY: between fork and exec only async-signal-safe calls are sound, and this is one system call.
    unsafe { qemu.pre_exec(die_with_us) };
    qemu.stdin(Stdio::null()).stdout(console).spawn().context("start qemu")
}

/// Waits for a process to end well; ends it when it takes too long or when this one is to leave.
fn wait(guest: &mut Child, deadline: Duration, log: &Path) -> Result<()> {
    let start = Instant::now();
    let ended = loop {
        if let Some(status) = guest.try_wait().context("wait for qemu")? {
            if !status.success() {
                bail!("run the guest: qemu ended with {status}; {} has its console", log.display());
            }
            return Ok(());
        }
        if start.elapsed() > deadline {
            break anyhow::anyhow!(
                "wait for the guest to power off: it runs for {} min now, and was ended; {} tells how far it came. If it was \
                 only slow, `--minutes` gives it more time",
                deadline.as_secs() / 60,
                log.display()
            );
        }
        if let Err(interrupted) = signals::sleep(POLL) {
            break interrupted.into();
        }
    };
    guest.kill().context("end qemu")?;
    guest.wait().context("wait for qemu")?;
    Err(ended)
}

/// What children that have ended took.
fn cpu_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("read what children took")?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(microseconds).unwrap_or_default()))
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s, and {} s of CPU", self.clock.as_secs(), self.cpu.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_hangs_is_ended_and_its_log_named() {
        let mut qemu = Command::new("sleep");
        qemu.arg("1000");
        let console = tempfile::tempfile().unwrap();
        let mut guest = start_guest(qemu, console).unwrap();
        let error = wait(&mut guest, Duration::ZERO, Path::new("/tmp/6.1.log")).unwrap_err().to_string();
        assert!(error.contains("/tmp/6.1.log") && error.contains("--minutes"), "{error}");
        assert!(guest.try_wait().unwrap().is_some());
    }

    #[test]
    fn a_guest_whose_qemu_fails_names_the_log() {
        let mut guest = start_guest(Command::new("false"), tempfile::tempfile().unwrap()).unwrap();
        let error = wait(&mut guest, Duration::from_secs(60), Path::new("/tmp/6.1.log")).unwrap_err();
        assert!(error.to_string().contains("/tmp/6.1.log"), "{error}");
    }

    #[test]
    fn the_guest_is_told_what_is_expected_of_it() {
        let path = Path::new("/");
        let guest = Guest { image: path, initramfs: path, log: path, expected: Expected::Refuses };
        assert!(guest.parameters().ends_with("ANYCAST_TEST_SHARE=20 EXPECTED=refuses"));
    }
}
