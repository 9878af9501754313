//! One check of one backend: asks, and says what came of it.
//!
//! Only IO, on the task that calls: nothing is scheduled here and nothing is remembered between two checks but what
//! [`Context`] holds. Whatever the other side does, a check ends with its timeout, closes what it opened, and keeps no more
//! than [`MAX_ANSWER`] of what was sent to it.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::{Duration, Instant},
};

use self::{deadline::Deadline, fault::Fault};
use super::spec::Probe;

mod agent;
mod deadline;
mod dns;
mod exec;
mod fault;
mod grpc;
mod http;
mod icmp;
mod load;
mod search;
mod socket;
mod tcp;
mod tls;
mod udp;

pub use agent::fetch_agent;
pub use exec::supervisor;
pub use load::fetch_load;

/// The most of an answer that is kept and looked at, in bytes.
pub const MAX_ANSWER: usize = 64 << 10;

/// Whom to ask, and how the packets get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address that is asked: the backend's own, or a VIP's.
    pub address: IpAddr,
    /// The port; 0 where there is none.
    pub port: u16,
    /// The address to ask from; `None`: the kernel's choice.
    pub source: Option<IpAddr>,
    /// `SO_MARK` of the packets, socket(7). Needs `CAP_NET_ADMIN`.
    pub mark: Option<u32>,
    /// `SO_BINDTODEVICE`, socket(7): the interface that packets leave by.
    pub device: Option<String>,
    /// The largest IP packet that may leave, in bytes: bounds TCP's segments, and is the size that a full-size question fills.
    pub mtu: Option<u16>,
    /// What programs are told of whom they check: the backend's name.
    pub label: String,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it means.
    pub finding: Finding,
    /// From the beginning of the check to its end.
    pub latency: Duration,
    /// The reason in words: `connect: connection refused`.
    pub detail: String,
}

/// What a check means for the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finding {
    /// It answered as it should.
    Passed,
    /// It did not.
    Failed,
    /// It asks to be drained.
    Drain,
    /// This host could not ask: that says nothing about the backend.
    Inconclusive,
}

/// What checks share.
#[derive(Debug)]
pub struct Context {
    /// This program, which supervises those of `exec`.
    supervisor: PathBuf,
    tls: tls::Configs,
}

impl Context {
    /// For the running `anycast-ctl`, also after its file was replaced.
    pub fn new() -> Self {
        Self::supervised_by("/proc/self/exe")
    }

    /// With another `anycast-ctl` as the supervisor of programs: for callers that are none themselves.
    pub fn supervised_by(program: impl Into<PathBuf>) -> Self {
        Self { supervisor: program.into(), tls: tls::Configs::default() }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl Target {
    /// It is asked as the kernel chooses.
    pub fn new(address: SocketAddr, label: impl Into<String>) -> Self {
        Self {
            address: address.ip(),
            port: address.port(),
            source: None,
            mark: None,
            device: None,
            mtu: None,
            label: label.into(),
        }
    }

    fn socket_address(&self) -> SocketAddr {
        (self.address, self.port).into()
    }

    /// Bytes of its IP header, without options.
    const fn ip_header(&self) -> u16 {
        if self.address.is_ipv4() { 20 } else { 40 }
    }

    /// Bytes that TCP carries in the largest packet, without TCP's options (RFC 9293 section 3.7.1).
    fn segment(&self) -> Option<u16> {
        self.mtu?.checked_sub(self.ip_header() + 20)
    }
}

/// Checks once, within the timeout.
pub async fn probe(
    probe: &Probe,
    full_size: bool,
    target: &Target,
    timeout: Duration,
    context: &Context,
) -> Outcome {
    let start = Instant::now();
    let deadline = Deadline::after(timeout);
    // The rare and large ones are boxed: the futures of thousands of checks at once are as large as the largest.
    let answer = match probe {
        Probe::Tcp { send, expect } => tcp::ask(send.as_ref(), expect.as_ref(), target, &deadline).await,
        Probe::Http(http) => Box::pin(http::ask(http, full_size, target, &deadline, context)).await,
        Probe::Tls(tls) => Box::pin(tls::ask(tls, target, &deadline, context)).await,
        Probe::Dns(dns) => Box::pin(dns::ask(dns, target, &deadline)).await,
        Probe::Udp { send, expect } => udp::ask(send, expect.as_ref(), target, &deadline).await,
        Probe::Icmp => icmp::ask(full_size, target, &deadline).await,
        Probe::Grpc { service, tls } => {
            Box::pin(grpc::ask(service, tls.as_ref(), full_size, target, &deadline, context)).await
        }
        Probe::Exec { command, expect } => {
            Box::pin(exec::ask(command, expect.as_ref(), target, &deadline, context)).await
        }
    };
    let (finding, detail) = match answer {
        Ok(detail) => (Finding::Passed, detail),
        Err(Fault { finding, detail }) => (finding, detail),
    };
    Outcome { finding, latency: start.elapsed(), detail }
}

/// A number that nobody else can guess: std's hash maps are keyed so that nobody can.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
