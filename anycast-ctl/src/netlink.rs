//! Notifications of the kernel's tables, on a socket of their own: when it overruns, the answers to nobody's questions are lost
//! with it.

use std::{io, sync::atomic::AtomicUsize, sync::atomic::Ordering, time::Duration};

use nix::sys::socket::{setsockopt, sockopt};
use rtnetlink::{
    MulticastGroup,
    sys::{AsyncSocket as _, AsyncSocketExt as _, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE},
};

/// Holds some 4,000 notifications: a router that reloads its table must not overrun us at once.
pub const DEFAULT_BUFFER_BYTES: usize = 4 << 20;

/// How long the kernel may take for an answer. It takes microseconds: one that has not come by then was lost, since the socket
/// overran, and never will.
pub const PATIENCE: Duration = Duration::from_secs(5);

static BUFFER_BYTES: AtomicUsize = AtomicUsize::new(DEFAULT_BUFFER_BYTES);

/// Sets how many bytes of notifications the kernel keeps for us on each socket that is opened from here on.
pub fn set_buffer(bytes: usize) {
    BUFFER_BYTES.store(bytes, Ordering::Relaxed);
}

/// A socket that is told of every change in some of the tables of its network namespace.
pub struct Notifications {
    socket: TokioSocket,
}

impl Notifications {
    /// Subscribes. What happens from here on is told.
    ///
    /// # Errors
    /// When there is no socket, or a table cannot be followed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn subscribe(groups: &[MulticastGroup]) -> io::Result<Self> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        socket.socket_mut().bind(&SocketAddr::new(0, 0))?;
        set_receive_buffer(&socket)?;
        for group in groups {
            match socket.socket_mut().add_membership(*group as u32) {
                // Nexthop objects are younger than the other tables; without them there is nothing to be told.
                Err(error) if *group != MulticastGroup::Nexthop => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(Self { socket })
    }

    /// The next datagram of messages.
    ///
    /// # Errors
    /// `ENOBUFS` ([`is_overrun`]) means that some were lost and everything must be looked up again.
    pub async fn next(&self) -> io::Result<Vec<u8>> {
        let (datagram, _) = self.socket.recv_from_full().await?;
        Ok(datagram)
    }
}

/// Whether the kernel had no room for notifications that it meant for us.
pub fn is_overrun(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

/// Beyond `net.core.rmem_max` when allowed, else up to it.
fn set_receive_buffer(socket: &TokioSocket) -> io::Result<()> {
    let bytes = BUFFER_BYTES.load(Ordering::Relaxed);
    if setsockopt(socket.socket_ref(), sockopt::RcvBufForce, &bytes).is_ok() {
        return Ok(());
    }
    socket.socket_ref().set_rx_buf_sz(libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX))
}
