//! SYNs of many sources in bursts, and pings. Transit has no way back to those sources: it says so to the VIPs, in ICMP errors about
//! the servers' answers.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    host_tool,
    lab::{Addresses, Family, Namespace, Process, random::Random, server::HTTP_PORT, sites::SitesLab},
};

/// Bursts last so long, and begin so long after each other.
const BURST: Duration = Duration::from_secs(3);
const EVERY: Duration = Duration::from_secs(20);
/// SYNs at once, and the rest after them.
const BATCH: usize = 20;
const REST: Duration = Duration::from_millis(10);

/// The running flood; it stops when this is dropped.
#[derive(Debug)]
pub struct Flood {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: Option<thread::JoinHandle<Result<()>>>,
}

impl Flood {
    /// Starts sending from that namespace.
    pub fn start(namespace: &Namespace, vips: Addresses, seed: u64) -> Result<Self> {
        let namespace = namespace.try_clone()?;
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count) = (stop.clone(), sent.clone());
        let body = move || {
            namespace.enter()?;
            let sockets = [open(libc::AF_INET)?, open(libc::AF_INET6)?];
            let mut random = Random::new(seed);
            let start = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                let phase = start.elapsed().as_millis() % EVERY.as_millis();
                if phase >= BURST.as_millis() {
                    thread::sleep(REST * 5);
                    continue;
                }
                for number in 0..BATCH {
                    let [v4, v6] = &sockets;
                    let family = if number.is_multiple_of(2) { Family::V4 } else { Family::V6 };
                    let socket = if family == Family::V4 { v4 } else { v6 };
                    // A full queue loses it, as it may.
                    count.fetch_add(u64::from(send(socket, vips.of(family), &mut random)), Ordering::Relaxed);
                }
                thread::sleep(REST);
            }
            Ok(())
        };
        let thread = thread::Builder::new().name("flood".to_owned()).spawn(body).context("start a thread")?;
        Ok(Self { stop, sent, thread: Some(thread) })
    }

    /// Ends it; answers with how many SYNs were sent.
    pub fn finish(mut self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow::anyhow!("flood: the thread panicked"))??;
        }
        Ok(self.sent.load(Ordering::Relaxed))
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A socket that takes packets from their IP header on (raw(7), ipv6(7)).
fn open(family: libc::c_int) -> Result<OwnedFd> {
    // SAFETY: plain arguments.
    let socket = unsafe { libc::socket(family, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::IPPROTO_RAW) };
    ensure!(socket >= 0, "open a raw socket: {}", io::Error::last_os_error());
    // SAFETY: the kernel just opened this descriptor for this process, and nothing else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// Sends a SYN to a VIP from a source of its own; answers whether the kernel took it.
fn send(socket: &OwnedFd, vip: IpAddr, random: &mut Random) -> bool {
    let word = random.word().to_be_bytes();
    let [a, b, c, d, e, f, g, h] = word;
    // A SYN of nobody's session: no client has an address of these.
    let (packet, address) = match vip {
        IpAddr::V4(vip) => {
            // RFC 2544: for benchmarks.
            let source = Ipv4Addr::new(198, 18, a, b);
            let mut packet = vec![0x45, 0, 0, 40, c, d, 0, 0, 64, libc::IPPROTO_TCP as u8, 0, 0];
            packet.extend(source.octets());
            packet.extend(vip.octets());
            packet.extend(syn(&source.octets(), &vip.octets(), [e, f], [a, g, h, b]));
            (packet, Destination::v4(vip))
        }
        IpAddr::V6(vip) => {
            // RFC 5180, the same.
            let source =
                Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let mut packet = vec![0x60, 0, 0, 0, 0, 20, libc::IPPROTO_TCP as u8, 64];
            packet.extend(source.octets());
            packet.extend(vip.octets());
            packet.extend(syn(&source.octets(), &vip.octets(), [e, f], [a, g, h, b]));
            (packet, Destination::v6(vip))
        }
    };
    address.send(socket, &packet)
}

/// A TCP header with SYN from that port to the web servers'.
fn syn(source: &[u8], vip: &[u8], port: [u8; 2], sequence: [u8; 4]) -> [u8; 20] {
    let mut header = [0; 20];
    header[0..2].copy_from_slice(&port);
    header[2..4].copy_from_slice(&HTTP_PORT.to_be_bytes());
    header[4..8].copy_from_slice(&sequence);
    header[12] = 5 << 4;
    header[13] = 0x02;
    header[14..16].copy_from_slice(&512_u16.to_be_bytes());
    let pseudo = [source, vip, &[0, libc::IPPROTO_TCP as u8, 0, 20]].concat();
    let sum = checksum([pseudo.as_slice(), &header].concat().as_slice());
    header[16..18].copy_from_slice(&sum.to_be_bytes());
    header
}

/// RFC 1071, of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let (words, _) = bytes.as_chunks::<2>();
    let mut sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Where a raw socket sends to.
enum Destination {
    V4(libc::sockaddr_in),
    V6(libc::sockaddr_in6),
}

impl Destination {
    fn v4(vip: Ipv4Addr) -> Self {
        Self::V4(libc::sockaddr_in {
            sin_family: libc::AF_INET as u16,
            sin_port: 0,
            sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(vip.octets()) },
            sin_zero: [0; 8],
        })
    }

    fn v6(vip: Ipv6Addr) -> Self {
        Self::V6(libc::sockaddr_in6 {
            sin6_family: libc::AF_INET6 as u16,
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr { s6_addr: vip.octets() },
            sin6_scope_id: 0,
        })
    }

    fn send(&self, socket: &OwnedFd, packet: &[u8]) -> bool {
        let (address, length) = match self {
            Self::V4(address) => (std::ptr::from_ref(address).cast(), size_of_val(address)),
            Self::V6(address) => (std::ptr::from_ref(address).cast(), size_of_val(address)),
        };
        let (data, flags) = (packet.as_ptr().cast(), libc::MSG_DONTWAIT);
        // SAFETY: packet and address live through the call, and their lengths are given.
        let sent = unsafe {
            libc::sendto(socket.as_raw_fd(), data, packet.len(), flags, address, length as libc::socklen_t)
        };
        sent >= 0
    }
}

/// Pings both VIPs from the client, ten times a second, until dropped.
pub fn pings(sites: &SitesLab) -> Result<Vec<Process>> {
    let ping = |family| {
        let mut ping: Command = host_tool::command("ping");
        ping.args(["-n", "-q", "-i", "0.1", &sites.plan().vips.of(family).to_string()]);
        ping.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        sites.spawn("client", ping)
    };
    Family::ALL.into_iter().map(ping).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_is_one_that_a_server_takes() {
        let (source, vip) = (Ipv4Addr::new(198, 18, 1, 2).octets(), Ipv4Addr::new(192, 0, 2, 1).octets());
        let header = syn(&source, &vip, [0x12, 0x34], [1, 2, 3, 4]);
        let pseudo = [source.as_slice(), &vip, &[0, 6, 0, 20]].concat();
        assert_eq!(checksum(&[pseudo.as_slice(), &header].concat()), 0);
        assert_eq!(header[13], 2);
    }
}
