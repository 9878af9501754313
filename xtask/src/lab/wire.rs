//! Frames as they are: out of an interface, what no stack would send, and what others send by it.

use std::{
    fs::File,
    io,
    io::{ErrorKind, Read as _},
    os::fd::{AsRawFd as _, OwnedFd},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::{
    socket::{setsockopt, sockopt},
    time::{TimeVal, TimeValLike as _},
};

use super::{Namespace, packet_socket};

/// Longer than a queue stays full.
const PATIENCE: Duration = Duration::from_secs(10);

/// An interface to send frames out of.
#[derive(Debug)]
pub struct Wire {
    socket: OwnedFd,
}

impl Wire {
    /// Opens an interface of the namespace.
    pub fn open(namespace: &Namespace, interface: &str) -> Result<Self> {
        namespace.inside(|| {
            let socket = packet_socket::open(libc::SOCK_RAW)?;
            packet_socket::bind(&socket, interface, 0)?;
            Ok(Self { socket })
        })
    }

    /// Sends one frame; waits while the interface's queue is full, as it is beside a flood.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        let start = Instant::now();
        loop {
            // SAFETY: the frame lives through the call, and its length is given.
            let sent = unsafe { libc::send(self.socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
            if usize::try_from(sent) == Ok(frame.len()) {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            let is_full = error.raw_os_error() == Some(libc::ENOBUFS);
            ensure!(is_full && start.elapsed() < PATIENCE, "send a frame: {error}");
            thread::sleep(Duration::from_micros(100));
        }
    }
}

/// Frames that come and go by an interface, as a capture sees them.
#[derive(Debug)]
pub struct Capture {
    socket: File,
}

impl Capture {
    /// Room for as many as a test makes.
    const BUFFER_BYTES: usize = 16 << 20;
    /// Longer than any frame, merged ones included.
    const LONGEST: usize = 1 << 17;

    /// Begins to capture at an interface of the calling thread's namespace.
    pub fn open(interface: &str) -> Result<Self> {
        let socket = packet_socket::open(libc::SOCK_RAW)?;
        packet_socket::bind(&socket, interface, libc::ETH_P_ALL as u16)?;
        setsockopt(&socket, sockopt::RcvBufForce, &Self::BUFFER_BYTES).context("enlarge a buffer")?;
        Ok(Self { socket: socket.into() })
    }

    /// The next frame, if there is one in that time.
    pub fn next(&mut self, within: Duration) -> Result<Option<Vec<u8>>> {
        let within = TimeVal::microseconds(i64::try_from(within.as_micros()).context("limit the time")?);
        setsockopt(&self.socket, sockopt::ReceiveTimeout, &within).context("limit the time to wait")?;
        let mut frame = vec![0; Self::LONGEST];
        match self.socket.read(&mut frame) {
            Ok(length) => {
                frame.truncate(length);
                Ok(Some(frame))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error).context("read a frame"),
        }
    }
}
