//! The backend's end of tunnels: the real `anycast-ctl receive`, with a bpffs for each backend.

use std::{
    net::IpAddr,
    process::{Command, Stdio},
};

use anyhow::Result;

use super::{Family, Lab, private_bpffs::PrivateBpffs, topology, topology::INTERFACE};
use crate::host_tool;

/// A backend that takes packets out of tunnels. It ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct Receiver {
    bpffs: PrivateBpffs,
}

impl Receiver {
    /// Starts receiving on a server of the lab, from its edge alone.
    pub fn start(lab: &Lab, host: &str) -> Result<Self> {
        let edge = lab.plan().edge_on_segment();
        Self::start_from(lab, host, &Family::ALL.map(|family| edge.of(family)))
    }

    /// Starts receiving on a server of the lab, from these edges' addresses alone.
    pub fn start_from(lab: &Lab, host: &str, senders: &[IpAddr]) -> Result<Self> {
        let receiver = Self { bpffs: PrivateBpffs::new()? };
        let senders: Vec<String> = senders.iter().map(IpAddr::to_string).collect();
        let mut words = vec!["--interface", INTERFACE, "--mode", "native"];
        words.extend(senders.iter().flat_map(|sender| ["--from", sender.as_str()]));
        receiver.run(lab, host, &words)?;
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
        self.bpffs.prepare(&mut command)?;
        topology::output(lab.namespace(host)?, command)
    }
}
