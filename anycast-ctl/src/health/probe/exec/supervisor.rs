//! The other end of a check by a program: `anycast-ctl supervise`, a process of its own for each.
//!
//! It starts the program, keeps the beginning of what it writes and throws away the rest, and when the program has ended, or
//! nobody listens any more, it kills whatever came of the program. As a "child subreaper" (prctl(2), Linux 3.4) it becomes
//! the parent of every descendant whose own parent is gone, so that no double fork and no session of its own hides one.
//! It then reports and ends. The check's timeout is kept by whoever listens: going away is how it says that time is up, and a
//! daemon that dies has gone away as well.
//!
//! Neither has any capability, or will: the program is asked about a backend, not trusted with the host. It has the daemon's
//! user all the same, whose orders over the socket count for nothing (`api::router::trusted`). How many processes it
//! begins is not bounded here: `RLIMIT_NPROC` counts all of the user's, this daemon's among them, and none of root's. The
//! service's `TasksMax` bounds them (systemd.resource-control(5)).

use std::{
    io::{self, PipeReader, Read as _, Write as _},
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Child, Command, ExitStatus, Stdio},
};

use anyhow::Context as _;
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
};

use super::{
    super::MAX_ANSWER,
    family,
    report::{End, Report},
};
use crate::privilege;

/// The command that this is.
pub const COMMAND: &str = "supervise";

/// Supervises one run of the program, and reports on stdout.
///
/// # Errors
/// When the process cannot be made a supervisor; nothing was started then.
pub fn run(command: &[String]) -> anyhow::Result<()> {
    let signals = prepare()?;
    let (output, end) = supervise(command, &signals)?;
    family::end().context("end what the program began")?;
    // Without a listener nobody wants to know.
    if let Some(end) = end {
        io::stdout().write_all(&Report { end, output: &output }.bytes()).context("report")?;
    }
    Ok(())
}

/// Becomes the one who is left all orphans, gives up all rights, and takes signals when it looks for them.
fn prepare() -> anyhow::Result<SignalFd> {
    close_inherited().context("keep descriptors from the program")?;
    prctl::set_child_subreaper(true).context("become a subreaper")?;
    privilege::give_up()?;
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block().context("block signals")?;
    let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
    SignalFd::with_flags(&signals, flags).context("take signals")
}

/// Whatever the daemon was given when it was started, the program does not get.
fn close_inherited() -> io::Result<()> {
    // A syscall takes whole registers.
    let [first, last, flags] =
        [libc::STDERR_FILENO as u32 + 1, u32::MAX, libc::CLOSE_RANGE_CLOEXEC].map(|it| it as libc::c_ulong);
    // By its number, as musl has no function for it.
    // SAFETY: close_range(2) takes no pointers, and with this flag closes nothing before the next execve(2). Linux 5.11.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lets the program run until it ends; `None` when it was to end before.
fn supervise(command: &[String], signals: &SignalFd) -> anyhow::Result<(Vec<u8>, Option<End>)> {
    let (mut reader, writer) = io::pipe().context("make a pipe")?;
    let mut output = Vec::new();
    let mut program = match start(command, writer) {
        Ok(program) => program,
        Err(error) => return Ok((output, Some(End::NotStarted(error.raw_os_error().unwrap_or_default())))),
    };
    let mut open = true;
    loop {
        let happened = wait(signals, open.then_some(&reader))?;
        if happened.output {
            open = take(&mut reader, &mut output).context("read the program's output")?;
        }
        if happened.stop {
            return Ok((output, None));
        }
        if happened.signal {
            while let Some(signal) = signals.read_signal().context("read a signal")? {
                if signal.ssi_signo != Signal::SIGCHLD as u32 {
                    return Ok((output, None));
                }
            }
            if let Some(status) = program.try_wait().context("wait for the program")? {
                drain(&mut reader, &mut output)?;
                return Ok((output, Some(end_of(status))));
            }
        }
    }
}

/// Both outputs in one pipe, in the order in which they are written. Other descriptors are closed on execution.
fn start(command: &[String], writer: io::PipeWriter) -> io::Result<Child> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .spawn()
}

/// What there is to do.
#[derive(Clone, Copy, Debug, Default)]
struct Happened {
    /// The program wrote something, or closed its outputs.
    output: bool,
    /// A signal came.
    signal: bool,
    /// Nobody listens any more.
    stop: bool,
}

fn wait(signals: &SignalFd, reader: Option<&PipeReader>) -> anyhow::Result<Happened> {
    let stdout = io::stdout();
    let mut watched = vec![
        PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        // A pipe whose reader is gone is in error: pipe(7).
        PollFd::new(stdout.as_fd(), PollFlags::empty()),
    ];
    watched.extend(reader.map(|reader| PollFd::new(reader.as_fd(), PollFlags::POLLIN)));
    poll(&mut watched, PollTimeout::NONE).context("wait for the program")?;
    let mut happened = watched.iter().map(|watched| watched.any().unwrap_or_default());
    let mut next = || happened.next().unwrap_or_default();
    Ok(Happened { signal: next(), stop: next(), output: next() })
}

/// Takes what there is, keeps the beginning of it; answers whether more may come.
fn take(reader: &mut PipeReader, output: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 16 << 10];
    let length = reader.read(&mut buffer)?;
    let piece = buffer.get(..length).unwrap_or_default();
    output.extend(piece.iter().take(MAX_ANSWER - output.len()));
    Ok(length > 0)
}

/// Takes what the program left in the pipe, which others of its making may still write to.
fn drain(reader: &mut PipeReader, output: &mut Vec<u8>) -> anyhow::Result<()> {
    while output.len() < MAX_ANSWER && is_readable(reader.as_fd())? {
        if !take(reader, output).context("read the program's output")? {
            break;
        }
    }
    Ok(())
}

fn is_readable(fd: BorrowedFd<'_>) -> anyhow::Result<bool> {
    let ready = poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::ZERO);
    Ok(ready.context("look for the program's output")? > 0)
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Killed(signal.unwrap_or_default()),
    }
}
