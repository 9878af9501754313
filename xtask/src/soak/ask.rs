//! What a daemon says of itself, by its socket: no process is started for it, so that it can be asked often.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::lab::controller::{Reason, Traffic, Transition};

/// A daemon that says nothing for so long is not there.
const PATIENCE: Duration = Duration::from_secs(10);

/// `GET /v1/status`, what is used of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    /// Process id of the daemon.
    pub pid: u32,
    pub desired: Desired,
    pub vips: Vec<Vip>,
    pub pools: Vec<Pool>,
    /// Packets of all VIPs, and of none, that were not delivered.
    pub reasons: Vec<Reason>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Desired {
    pub revision: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Vip {
    pub name: String,
    /// Delivered to any backend, removed ones included.
    pub traffic: Traffic,
    pub backends: Vec<VipBackend>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct VipBackend {
    pub name: String,
    pub traffic: Traffic,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Pool {
    pub name: String,
    pub transition: Transition,
    pub backends: Vec<Backend>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Backend {
    pub name: String,
    pub state: String,
    pub slots: u32,
    #[serde(default)]
    pub drain: Option<Drain>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Drain {
    pub remaining_seconds: Option<u64>,
}

impl Status {
    /// Packets that the program delivered, or counted by the reason for which it did not.
    pub fn counted(&self) -> u64 {
        self.delivered() + self.reasons.iter().map(|reason| reason.packets).sum::<u64>()
    }

    /// Packets that the program delivered.
    pub fn delivered(&self) -> u64 {
        self.vips.iter().map(|vip| vip.traffic.packets).sum()
    }
}

/// Asks the daemon at that socket.
pub fn status(socket: &Path) -> Result<Status> {
    let body = get(socket, "/v1/status")?;
    serde_json::from_str(&body).with_context(|| format!("understand the status by {}", socket.display()))
}

fn get(socket: &Path, path: &str) -> Result<String> {
    let shown = socket.display();
    let mut stream = UnixStream::connect(socket).with_context(|| format!("connect to {shown}"))?;
    stream.set_read_timeout(Some(PATIENCE)).context("limit the time to read")?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: anycast\r\nConnection: close\r\n\r\n")
        .with_context(|| format!("ask by {shown}"))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("read the answer by {shown}"))?;
    let (head, body) =
        answer.split_once("\r\n\r\n").with_context(|| format!("read the answer by {shown}"))?;
    ensure!(head.starts_with("HTTP/1.1 200"), "ask {path} by {shown}: {head}");
    Ok(body.to_owned())
}
