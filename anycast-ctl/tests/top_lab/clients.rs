//! Checked backends, and clients that never rest.

use std::process::{Command, Stdio};

use xtask::lab::{Family, Process, server::HTTP_PORT};

use crate::edge::Edge;

const CHECK: &str = "check = { type = \"tcp\", port = 80, interval = \"500ms\" }\n";

impl Edge {
    /// One with so many backends, every one of them up.
    pub fn start(backends: usize) -> Self {
        let edge = Self::begin_with(backends, CHECK, |site| site);
        edge.wait_until_up("web6");
        edge
    }

    /// Clients of the IPv4 VIP, one request after the other, until the answer is dropped. Every backend has met them.
    pub fn traffic(&self) -> Process {
        let url = format!("http://{}:{HTTP_PORT}/", self.host.lab.plan().vips.of(Family::V4));
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do curl --silent --output /dev/null --max-time 2 \"$0\"; done", &url]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let clients = self.host.lab.spawn("client", command).unwrap();
        self.wait_for("every backend of web4 has traffic", |edge| {
            edge.pool("web4").iter().all(|backend| backend.traffic.packets > 0)
        });
        clients
    }
}
