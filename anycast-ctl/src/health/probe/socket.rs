//! Sockets as checks need them.

use std::{io, mem, net::SocketAddr, os::fd::AsRawFd as _, time::Duration};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use super::{Target, deadline::Deadline, fault::Fault};

/// The largest window that `TCP_MAXSEG` takes (`MAX_TCP_WINDOW` in include/net/tcp.h).
const MAX_SEGMENT: u16 = 32_767;

/// Connects. However the stream is closed, that is by a reset: it leaves nothing behind in `TIME_WAIT`, so that local ports
/// last for any number of checks.
pub async fn connect(target: &Target, deadline: &Deadline) -> Result<TcpStream, Fault> {
    let socket = open(target, Type::STREAM)?;
    let set = |done: io::Result<()>| done.map_err(|error| Fault::local("set up the socket", &error));
    set(socket.set_linger(Some(Duration::ZERO)))?;
    if let Some(segment) = target.segment().filter(|segment| *segment <= MAX_SEGMENT) {
        set(socket.set_tcp_mss(segment.into()))?;
    }
    let socket = TcpSocket::from_std_stream(socket.into());
    let connected = deadline.during("connect: no answer", socket.connect(target.socket_address())).await?;
    connected.map_err(|error| Fault::remote("connect", &error))
}

/// A socket for UDP that only the target's answers reach, and which is told when its port is closed.
pub fn datagrams(target: &Target) -> Result<UdpSocket, Fault> {
    joined(open(target, Type::DGRAM)?, target)
}

/// A datagram or raw socket that only the target's packets reach: of any protocol, as sending and receiving is the same for all.
pub fn joined(socket: Socket, target: &Target) -> Result<UdpSocket, Fault> {
    let joined = socket.connect(&target.socket_address().into());
    joined.map_err(|error| Fault::remote("connect", &error))?;
    UdpSocket::from_std(socket.into()).map_err(|error| Fault::local("open a socket", &error))
}

fn open(target: &Target, kind: Type) -> Result<Socket, Fault> {
    let socket = create(target, kind, None).map_err(|error| Fault::local("open a socket", &error))?;
    direct(socket, target)
}

/// A socket of the target's family.
pub fn create(target: &Target, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
    Socket::new(Domain::for_address(target.socket_address()), kind.nonblocking(), protocol)
}

/// Lets packets go as the target says.
pub fn direct(socket: Socket, target: &Target) -> Result<Socket, Fault> {
    if let Some(mark) = target.mark {
        let set = |done: io::Result<()>| done.map_err(|error| Fault::local("mark the packets", &error));
        set(socket.set_mark(mark))?;
        // The program on their way gives them another one. Should they miss it, they die at the first router.
        set(if target.address.is_ipv4() { socket.set_ttl_v4(1) } else { socket.set_unicast_hops_v6(1) })?;
    }
    if let Some(device) = &target.device {
        let bound = socket.bind_device(Some(device.as_bytes()));
        bound.map_err(|error| Fault::local(&format!("bind to interface {device}"), &error))?;
    }
    if let Some(source) = target.source {
        // The port is chosen with the other end in view, so that sources do not run out of ports (ip(7)). Raw sockets have none.
        let _ = setsockopt(&socket, sockopt::IpBindAddressNoPort, &true);
        let bound = socket.bind(&SockAddr::from(SocketAddr::from((source, 0))));
        bound.map_err(|error| Fault::local(&format!("bind to {source}"), &error))?;
    }
    Ok(socket)
}

/// Sets an option that neither nix nor socket2 knows; `T` is the type that the kernel reads.
pub fn set_option<T: zerocopy::IntoBytes + zerocopy::Immutable>(
    socket: &Socket,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let bytes = value.as_bytes();
    let length = libc::socklen_t::try_from(mem::size_of_val(bytes)).map_err(io::Error::other)?;
    // SAFETY: the kernel reads `length` bytes of initialized memory that outlives the call, and the descriptor is open.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, bytes.as_ptr().cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
