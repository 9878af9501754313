//! What a descriptor of the daemon is.

use std::{
    io,
    os::fd::{FromRawFd as _, OwnedFd},
    path::PathBuf,
};

use socket2::{Domain, Socket, Type};

/// As far as it matters.
pub enum Descriptor {
    File(PathBuf),
    BpfMap,
    Netlink,
    Inet,
    /// That sends where it is told to, each time.
    UnixDatagram,
    /// With the path it is bound to.
    UnixStream(Option<PathBuf>),
    Other,
}

impl Descriptor {
    /// What `/proc/PID/fd/N` says, and where that is not enough, `socket` does.
    pub fn of(link: PathBuf, socket: impl FnOnce() -> io::Result<OwnedFd>) -> io::Result<Self> {
        let text = link.to_string_lossy();
        if text.starts_with('/') {
            return Ok(Self::File(link));
        }
        if text == "anon_inode:bpf-map" {
            return Ok(Self::BpfMap);
        }
        if !text.starts_with("socket:") {
            return Ok(Self::Other);
        }
        let socket = Socket::from(socket()?);
        Ok(match socket.domain()? {
            Domain::IPV4 | Domain::IPV6 => Self::Inet,
            Domain::UNIX if socket.r#type()? == Type::DGRAM => match socket.peer_addr() {
                Ok(_) => Self::Other,
                Err(_) => Self::UnixDatagram,
            },
            Domain::UNIX => Self::UnixStream(socket.local_addr()?.as_pathname().map(PathBuf::from)),
            domain if domain == Domain::from(libc::AF_NETLINK) => Self::Netlink,
            _ => Self::Other,
        })
    }
}

/// Another process's descriptor, as one of ours.
pub fn taken(process: &OwnedFd, number: i32) -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd as _;
    // SAFETY: takes three integers.
    let taken = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) };
    if taken < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(taken).expect("a descriptor")) })
}
