//! When something reached the client's host. A thousand sessions share one thread, which on a busy machine comes to a session
//! long after its last packet: what the network took, only the kernel can tell.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    ptr,
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::sys::time::{TimeVal, TimeValLike as _};
use tokio::net::TcpStream;

use super::server::SESSION_PORT;
use crate::lab::{Family, INTERFACE, Namespace, packet_socket};

/// Room for the RSTs of all sessions at once.
const BUFFER_BYTES: libc::c_int = 16 << 20;
/// What is read of a packet: both headers.
const PACKET_BYTES: usize = 64;
/// How long the thread waits for a RST before it looks whether it shall end.
const POLL_MILLISECONDS: i64 = 50;
/// `SIOCGSTAMPNS_OLD` in asm-generic/sockios.h.
const SIOCGSTAMPNS: libc::Ioctl = 0x8907;

/// RSTs from the servers: the family and the client's port, and when they came.
pub(super) type Stamps = BTreeMap<(Family, u16), Vec<SystemTime>>;

/// Notes RSTs that come to the client, until dropped.
#[derive(Debug)]
pub(super) struct Resets {
    owner: Arc<()>,
    thread: thread::JoinHandle<Stamps>,
}

impl Resets {
    /// Listens on the client's interface.
    pub fn watch(client: &Namespace) -> Result<Self> {
        let socket = client.inside(open)?;
        let owner = Arc::new(());
        let seen = owner.clone();
        let thread = thread::Builder::new()
            .name("resets".to_owned())
            .spawn(move || {
                let mut stamps = Stamps::new();
                loop {
                    // Asked first: what has come by then is read to the end.
                    let last = Arc::strong_count(&seen) == 1;
                    while let Some((key, stamp)) = receive(&socket) {
                        stamps.entry(key).or_default().push(stamp);
                    }
                    if last {
                        return stamps;
                    }
                }
            })
            .context("watch for RSTs")?;
        Ok(Self { owner, thread })
    }

    /// All that came.
    pub fn finish(self) -> Result<Stamps> {
        drop(self.owner);
        self.thread.join().map_err(|_| anyhow!("watch for RSTs: the thread panicked"))
    }
}

/// How long ago the last data of a connection came in, to a millisecond or so.
pub(super) fn since_last_data(stream: &TcpStream) -> Duration {
    // SAFETY: numbers alone, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which are there.
    let got = unsafe {
        let room = (&raw mut info).cast();
        libc::getsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, room, &raw mut length)
    };
    if got == 0 { Duration::from_millis(info.tcpi_last_data_recv.into()) } else { Duration::ZERO }
}

/// A packet socket that gets TCP segments with RST, from the IP header on.
fn open() -> Result<OwnedFd> {
    let failed = |what: &str| format!("{what} a packet socket: {}", io::Error::last_os_error());
    let socket = packet_socket::open(libc::SOCK_DGRAM)?;
    let mut code = filter();
    let program = libc::sock_fprog { len: code.len() as u16, filter: code.as_mut_ptr() };
    let poll: libc::timeval = *TimeVal::milliseconds(POLL_MILLISECONDS).as_ref();
    ensure!(set(&socket, libc::SO_ATTACH_FILTER, &program), failed("filter for"));
    ensure!(set(&socket, libc::SO_RCVBUFFORCE, &BUFFER_BYTES), failed("enlarge the buffer of"));
    ensure!(set(&socket, libc::SO_RCVTIMEO, &poll), failed("limit the time to read"));
    // Fails, since there is no packet yet; from now on they are stamped.
    let _no_stamp = stamp(&socket);
    packet_socket::bind(&socket, INTERFACE, libc::ETH_P_ALL as u16)?;
    Ok(socket)
}

/// Takes RSTs, by headers without options or extensions, as the kernel's own have them.
fn filter() -> [libc::sock_filter; 13] {
    const BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const HAS: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    const TCP: u32 = libc::IPPROTO_TCP as u32;
    const RST: u32 = 0x04;
    [
        (BYTE, 0, 0, 0),
        (EQUAL, 0, 4, 0x45),
        (BYTE, 0, 0, 9),
        (EQUAL, 0, 8, TCP),
        (BYTE, 0, 0, 20 + 13),
        (HAS, 5, 6, RST),
        (EQUAL, 0, 5, 0x60),
        (BYTE, 0, 0, 6),
        (EQUAL, 0, 3, TCP),
        (BYTE, 0, 0, 40 + 13),
        (HAS, 0, 1, RST),
        (RETURN, 0, 0, PACKET_BYTES as u32),
        (RETURN, 0, 0, 0),
    ]
    .map(|(code, jt, jf, k)| libc::sock_filter { code: code as u16, jt, jf, k })
}

fn set<T>(socket: &OwnedFd, option: libc::c_int, value: &T) -> bool {
    let length = size_of::<T>() as libc::socklen_t;
    let value = ptr::from_ref(value).cast();
    // SAFETY: the value lives through the call, and its length is given.
    unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, length) == 0 }
}

/// When the last packet that was read had come in.
fn stamp(socket: &OwnedFd) -> Option<SystemTime> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes a timespec, which is there.
    let got = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCGSTAMPNS, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    (got == 0).then(|| UNIX_EPOCH + Duration::new(seconds, time.tv_nsec as u32))
}

/// The next RST of a server, if one comes soon.
fn receive(socket: &OwnedFd) -> Option<((Family, u16), SystemTime)> {
    loop {
        let mut packet = [0_u8; PACKET_BYTES];
        // SAFETY: the buffer lives through the call, and its length is given.
        let length = unsafe { libc::recv(socket.as_raw_fd(), packet.as_mut_ptr().cast(), packet.len(), 0) };
        if length < 0 {
            return None;
        }
        let (family, segment) = match packet {
            [0x45, ..] => (Family::V4, packet.get(20..)),
            _ => (Family::V6, packet.get(40..)),
        };
        let Some([s0, s1, d0, d1, ..]) = segment else { continue };
        // What leaves passes here, too.
        if u16::from_be_bytes([*s0, *s1]) == SESSION_PORT
            && let Some(stamp) = stamp(socket)
        {
            return Some(((family, u16::from_be_bytes([*d0, *d1])), stamp));
        }
    }
}
