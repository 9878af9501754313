//! The client's side: each step fails rather than wait for ever.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    DOWNLOAD, TRANSFER_PORT, UPLOAD,
    bytes::{Digest, PIECE, Pieces},
};
use crate::lab::Lab;

/// A transfer in which nothing moves for so long has stalled.
const PATIENCE: Duration = Duration::from_secs(20);

/// A transfer that was completed, every byte as it was sent.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The server's name.
    pub server: String,
    /// Its bytes.
    pub bytes: u64,
    /// From before the handshake to the last byte.
    pub took: Duration,
}

impl Transfer {
    /// Megabytes (10⁶) in a second.
    pub fn speed(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.took.as_secs_f64()
    }
}

/// An upload to a VIP, in as many steps as the caller likes.
pub struct Upload {
    stream: TcpStream,
    pieces: Pieces,
    digest: Digest,
    bytes: u64,
    left: u64,
    start: Instant,
}

impl Upload {
    /// Opens a connection for an upload of that many bytes.
    pub fn start(lab: &Lab, vip: IpAddr, bytes: u64) -> Result<Self> {
        let start = Instant::now();
        let seed = bytes ^ u64::from(std::process::id());
        let stream = open(lab, vip, UPLOAD, bytes, seed)?;
        let (pieces, digest) = (Pieces::new(seed), Digest::default());
        Ok(Self { stream, pieces, digest, bytes, left: bytes, start })
    }

    /// Sends about so many of the bytes.
    pub fn send(&mut self, bytes: u64) -> Result<()> {
        let end = self.left.saturating_sub(bytes);
        while self.left > end {
            let piece = self.pieces.next(self.left);
            self.digest.add(piece);
            let sent = self.bytes - self.left;
            self.stream.write_all(piece).with_context(|| format!("send after {sent} bytes"))?;
            self.left -= piece.len() as u64;
        }
        Ok(())
    }

    /// Sends what is left, and hears what arrived.
    pub fn finish(mut self) -> Result<Transfer> {
        self.send(self.left)?;
        let server = verdict(&mut self.stream, &self.digest)?;
        Ok(Transfer { server, bytes: self.bytes, took: self.start.elapsed() })
    }
}

/// Downloads so many bytes from a VIP.
pub fn download(lab: &Lab, vip: IpAddr, bytes: u64) -> Result<Transfer> {
    let start = Instant::now();
    let seed = bytes ^ u64::from(std::process::id());
    let mut stream = open(lab, vip, DOWNLOAD, bytes, seed)?;
    let (mut pieces, mut digest, mut left) = (Pieces::new(seed), Digest::default(), bytes);
    let mut received = vec![0; PIECE];
    while left > 0 {
        let piece = pieces.next(left);
        received.truncate(piece.len());
        stream.read_exact(&mut received).with_context(|| format!("receive the last {left} bytes"))?;
        ensure!(received == piece, "the download was damaged {left} bytes before its end");
        digest.add(&received);
        left -= piece.len() as u64;
    }
    let server = verdict(&mut stream, &digest)?;
    Ok(Transfer { server, bytes, took: start.elapsed() })
}

fn open(lab: &Lab, vip: IpAddr, kind: u8, bytes: u64, seed: u64) -> Result<TcpStream> {
    let server = SocketAddr::from((vip, TRANSFER_PORT));
    let connect = || {
        TcpStream::connect_timeout(&server, PATIENCE)
            .with_context(|| format!("connect to {server} from the client"))
    };
    let mut stream = lab.client()?.inside(connect)?;
    stream.set_read_timeout(Some(PATIENCE)).context("limit the time to read")?;
    stream.set_write_timeout(Some(PATIENCE)).context("limit the time to write")?;
    let request = [&[kind][..], &bytes.to_be_bytes(), &seed.to_be_bytes()].concat();
    stream.write_all(&request).context("send the request")?;
    Ok(stream)
}

/// The server's name, if it has the same digest.
fn verdict(stream: &mut TcpStream, digest: &Digest) -> Result<String> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context("wait for the server's digest")?;
    let (theirs, name) = answer.split_first_chunk().context("read the server's digest: it is cut short")?;
    ensure!(u64::from_be_bytes(*theirs) == digest.value(), "the server has other bytes than the client");
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// A UDP socket of the client's.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
    vip: SocketAddr,
}

impl Datagrams {
    /// To a VIP, from a port of the kernel's choice.
    pub fn open(lab: &Lab, vip: IpAddr) -> Result<Self> {
        let any = match vip {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let vip = SocketAddr::from((vip, TRANSFER_PORT));
        let open = || {
            let socket = UdpSocket::bind(SocketAddr::from((any, 0))).context("open a UDP socket")?;
            socket.connect(vip).with_context(|| format!("connect to {vip}"))?;
            Ok(socket)
        };
        Ok(Self { socket: lab.client()?.inside(open)?, vip })
    }

    /// The socket's own port.
    pub fn port(&self) -> Result<u16> {
        Ok(self.socket.local_addr().context("read a socket's address")?.port())
    }

    /// Sends a datagram, until it comes back or so much time went by; answers how often it was sent.
    pub fn ask(&self, datagram: &[u8], within: Duration) -> Result<u32> {
        let start = Instant::now();
        let mut sent = 0;
        while start.elapsed() < within {
            sent += 1;
            match self.socket.send(datagram) {
                // The path's MTU became known: the next attempt fits.
                Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {}
                outcome => drop(outcome.with_context(|| format!("send a datagram to {}", self.vip))?),
            }
            if self.comes_back(datagram, Duration::from_millis(300))? {
                return Ok(sent);
            }
        }
        anyhow::bail!("a datagram of {} bytes to {} did not come back", datagram.len(), self.vip)
    }

    /// Whether that datagram comes in, in that time, and before the path's MTU becomes known.
    pub fn comes_back(&self, datagram: &[u8], within: Duration) -> Result<bool> {
        self.socket.set_read_timeout(Some(within)).context("limit the time to wait")?;
        let mut answer = vec![0; PIECE];
        match self.socket.recv(&mut answer) {
            Ok(length) => {
                ensure!(answer.get(..length) == Some(datagram), "another datagram came back");
                Ok(true)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
            // What was sent last is lost.
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("wait for an answer of {}", self.vip)),
        }
    }
}
