//! The backend's end of tunnels: the real `anycast-ctl receive`, with a bpffs for each backend.
//!
//! What it pins would outlive every process. So the bpffs is in a mount namespace that has no name: it goes with the last
//! descriptor of it, however the lab ends.

use std::{
    fs::File,
    io,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, setns, unshare},
};

use super::{Lab, topology, topology::INTERFACE};
use crate::host_tool;

/// Where a bpffs usually is.
const BPFFS: &str = "/sys/fs/bpf";

/// A backend that takes packets out of the edge's tunnels. It ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct Receiver {
    mounts: File,
}

impl Receiver {
    /// Starts receiving on a server of the lab, from its edge alone.
    pub fn start(lab: &Lab, host: &str) -> Result<Self> {
        let receiver = Self { mounts: mounts()? };
        let senders = lab.plan().edge_on_segment();
        let (v4, v6) = (senders.v4.to_string(), senders.v6.to_string());
        receiver.run(
            lab,
            host,
            &["--interface", INTERFACE, "--mode", "native", "--from", &v4, "--from", &v6],
        )?;
        // Attaching turned GRO on; merged segments would make the host count fewer packets than the edge sent.
        let mut ethtool = host_tool::command("ethtool");
        ethtool.args(["-K", INTERFACE, "gro", "off"]);
        topology::output(lab.namespace(host)?, ethtool)?;
        Ok(receiver)
    }

    /// Runs `anycast-ctl receive` with these words and answers with its stdout.
    pub fn run(&self, lab: &Lab, host: &str, words: &[&str]) -> Result<String> {
        let mut command = Command::new(lab.binary()?);
        command.arg("receive").args(words).env_remove("ANYCAST_BPFFS").env_remove("ANYCAST_SOCKET");
        command.stdin(Stdio::null());
        let mounts = self.mounts.try_clone().context("duplicate the descriptor of a mount namespace")?;
        let enter = move || setns(&mounts, CloneFlags::CLONE_NEWNS).map_err(io::Error::from);
        // SAFETY: setns(2) is async-signal-safe, and the descriptor lives as long as the command.
        unsafe { command.pre_exec(enter) };
        topology::output(lab.namespace(host)?, command)
    }
}

/// A mount namespace with an empty bpffs.
fn mounts() -> Result<File> {
    let make = || {
        unshare(CloneFlags::CLONE_NEWNS).context("create a mount namespace: run this as root")?;
        let nothing = None::<&Path>;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)
            .context("keep mounts to the namespace")?;
        mount(Some("bpf"), BPFFS, Some("bpf"), MsFlags::empty(), nothing)
            .with_context(|| format!("mount a bpffs at {BPFFS}"))?;
        File::open("/proc/thread-self/ns/mnt").context("open the created mount namespace")
    };
    match thread::spawn(make).join() {
        Ok(file) => file,
        Err(_) => bail!(anyhow!("create a mount namespace: its thread panicked")),
    }
}
