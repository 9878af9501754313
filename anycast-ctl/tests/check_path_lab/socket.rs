//! Sockets as checks have them.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
    os::fd::{AsRawFd as _, OwnedFd},
    time::Duration,
};

use nix::sys::{
    socket::{
        AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket, sockopt,
    },
    time::{TimeVal, TimeValLike as _},
};
use xtask::lab::{Family, Lab, server::HTTP_PORT, transfer::TRANSFER_PORT};

/// Longer than any answer takes, and short where none comes.
const PATIENCE: Duration = Duration::from_secs(2);

/// A check of a VIP from the edge.
pub struct Check<'a> {
    pub lab: &'a Lab,
    pub vip: IpAddr,
    pub mark: u32,
    /// Bytes of the largest IP packet it sends by TCP.
    pub mtu: u16,
    pub patience: Duration,
}

impl<'a> Check<'a> {
    pub fn new(lab: &'a Lab, family: Family, mark: u32, mtu: u16) -> Self {
        Self { lab, vip: lab.plan().vips.of(family), mark, mtu, patience: PATIENCE }
    }

    /// One that is not expected to be answered.
    pub fn impatient(self) -> Self {
        Self { patience: Duration::from_millis(300), ..self }
    }

    fn source(&self) -> IpAddr {
        self.lab.plan().edge.addresses.of(Family::of(self.vip))
    }

    fn open(&self, kind: SockType, port: u16) -> io::Result<OwnedFd> {
        let (vip, source) = (SocketAddr::new(self.vip, port), SocketAddr::new(self.source(), 0));
        let inside = || {
            let open = || {
                let is_v4 = vip.is_ipv4();
                let family = if is_v4 { AddressFamily::Inet } else { AddressFamily::Inet6 };
                let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
                setsockopt(&socket, sockopt::Mark, &self.mark)?;
                if is_v4 {
                    setsockopt(&socket, sockopt::Ipv4Ttl, &1)?;
                } else {
                    setsockopt(&socket, sockopt::Ipv6Ttl, &1)?;
                }
                if kind == SockType::Stream {
                    let headers = if is_v4 { 40 } else { 60 };
                    setsockopt(&socket, sockopt::TcpMaxSeg, &(u32::from(self.mtu) - headers))?;
                }
                let patience = TimeVal::milliseconds(self.patience.as_millis() as i64);
                setsockopt(&socket, sockopt::SendTimeout, &patience)?;
                setsockopt(&socket, sockopt::ReceiveTimeout, &patience)?;
                bind(socket.as_raw_fd(), &SockaddrStorage::from(source))?;
                connect(socket.as_raw_fd(), &SockaddrStorage::from(vip))?;
                Ok::<_, nix::Error>(socket)
            };
            Ok(open().map_err(io::Error::from))
        };
        self.lab.inside("edge", inside).unwrap()
    }

    /// Asks the web server, and gives its answer.
    fn ask(&self, request: &[u8]) -> io::Result<String> {
        let mut stream = TcpStream::from(self.open(SockType::Stream, HTTP_PORT)?);
        stream.write_all(request)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The name of the backend whose web server answered.
    pub fn http(&self) -> io::Result<String> {
        self.http_padded(0)
    }

    /// The same, in a request with so many bytes of padding.
    pub fn http_padded(&self, padding: usize) -> io::Result<String> {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: lab\r\nX-Padding: {}\r\nConnection: close\r\n\r\n",
            "x".repeat(padding)
        );
        let answer = self.ask(request.as_bytes())?;
        let name = answer.lines().find_map(|line| line.strip_prefix("X-Backend: "));
        Ok(name.unwrap_or_default().to_owned())
    }

    /// Stores a file on the web server.
    pub fn put(&self, name: &str, content: &[u8]) -> io::Result<String> {
        let head = format!(
            "PUT /files/{name} HTTP/1.1\r\nHost: lab\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            content.len()
        );
        self.ask(&[head.as_bytes(), content].concat())
    }

    /// A datagram of so many bytes there and back.
    pub fn udp(&self, bytes: usize) -> io::Result<()> {
        let socket = UdpSocket::from(self.open(SockType::Datagram, TRANSFER_PORT)?);
        let datagram = vec![b'u'; bytes];
        socket.send(&datagram)?;
        let mut answer = vec![0; bytes + 1];
        let length = socket.recv(&mut answer)?;
        assert_eq!(answer[..length], datagram);
        Ok(())
    }

    /// An echo request.
    pub fn ping(&self) -> bool {
        let (mark, source, vip) = (self.mark.to_string(), self.source().to_string(), self.vip.to_string());
        let words = ["-n", "-c1", "-W1", "-t1", "-m", &mark, "-I", &source, &vip];
        self.lab.run("edge", "ping", &words).is_ok()
    }
}
