//! A bpffs for one host of a lab.
//!
//! What a host pins would outlive every process. So the bpffs is in a mount namespace that has no name: it goes with the last
//! descriptor of it, however the lab ends.

use std::{fs::File, io, os::unix::process::CommandExt as _, path::Path, process::Command, thread};

use anyhow::{Context as _, Result, bail};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, setns, unshare},
};

/// Where a bpffs usually is.
const BPFFS: &str = "/sys/fs/bpf";

/// The mode of its root directory, if nobody says otherwise.
const MODE: u32 = 0o1777;

/// A mount namespace with a bpffs of its own in the usual place, empty at first.
#[derive(Debug)]
pub struct PrivateBpffs {
    mounts: File,
}

impl PrivateBpffs {
    /// Mounts one as the kernel does by itself.
    pub fn new() -> Result<Self> {
        Self::with_mode(MODE)
    }

    /// Mounts one whose root directory has that mode.
    pub fn with_mode(mode: u32) -> Result<Self> {
        match thread::spawn(move || create(mode)).join() {
            Ok(mounts) => Ok(Self { mounts: mounts? }),
            Err(_) => bail!("create a mount namespace: its thread panicked"),
        }
    }

    /// The mount namespace.
    pub const fn mounts(&self) -> &File {
        &self.mounts
    }

    /// Makes a command run where the bpffs is.
    pub fn prepare(&self, command: &mut Command) -> Result<()> {
        let mounts = self.mounts.try_clone().context("duplicate the descriptor of a mount namespace")?;
        let enter = move || setns(&mounts, CloneFlags::CLONE_NEWNS).map_err(io::Error::from);
        // SAFETY: setns(2) is async-signal-safe, and the descriptor lives as long as the command.
        unsafe { command.pre_exec(enter) };
        Ok(())
    }
}

fn create(mode: u32) -> Result<File> {
    unshare(CloneFlags::CLONE_NEWNS).context("create a mount namespace: run this as root")?;
    let nothing = None::<&Path>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)
        .context("keep mounts to the namespace")?;
    mount(Some("bpf"), BPFFS, Some("bpf"), MsFlags::empty(), Some(format!("mode={mode:o}").as_str()))
        .with_context(|| format!("mount a bpffs at {BPFFS}"))?;
    File::open("/proc/thread-self/ns/mnt").context("open the created mount namespace")
}
