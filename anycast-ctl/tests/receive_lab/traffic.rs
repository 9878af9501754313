//! Tunnel packets as an edge host sends them, a client's request inside each, and a server on the VIPs that answers.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use etherparse::{
    EtherType, Ethernet2Header, IpHeaders, IpNumber, Ipv4Header, Ipv6Header, PacketBuilder, UdpHeader,
};

use crate::harness::{Host, Pair};

/// The port that is served on the VIPs.
const PORT: u16 = 7777;

/// The client's port.
const CLIENT_PORT: u16 = 40_000;

/// Long enough for an answer that comes at all.
const SILENCE: Duration = Duration::from_millis(200);

/// How tunnel packets are made.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Outer source and destination.
    pub outer: (&'static str, &'static str),
    /// UDP port of GUE; `None`: the IP header alone.
    pub gue: Option<u16>,
    /// Client and VIP.
    pub inner: (&'static str, &'static str),
}

const OUTER: [(&str, &str); 2] = [("10.0.0.10", "10.0.0.11"), ("fd00::10", "fd00::11")];
const INNER: [(&str, &str); 2] = [("198.51.100.7", "192.0.2.1"), ("2001:db8:ffff::7", "2001:db8::1")];

impl Way {
    /// IPv4 in IPv4.
    pub const IPIP: Self = Self { outer: OUTER[0], gue: None, inner: INNER[0] };

    /// Each family in each, with and without UDP.
    pub fn all() -> impl Iterator<Item = Self> {
        let pairs = OUTER.into_iter().flat_map(|outer| INNER.map(|inner| (outer, inner)));
        pairs.flat_map(|(outer, inner)| [None, Some(6080)].map(|gue| Self { outer, gue, inner }))
    }

    /// The frame with that request.
    pub fn frame(&self, request: &[u8]) -> Vec<u8> {
        let mut inner = Vec::new();
        let step = PacketBuilder::ip(header(self.inner, IpNumber::UDP, 0));
        step.udp(CLIENT_PORT, PORT).write(&mut inner, request).unwrap();
        self.around(inner)
    }

    /// The frame with that packet inside.
    pub fn around(&self, inner: Vec<u8>) -> Vec<u8> {
        let number = if self.inner.0.contains(':') { IpNumber::IPV6 } else { IpNumber::IPV4 };
        let (number, payload) = match self.gue {
            None => (number, inner),
            Some(port) => {
                let udp = UdpHeader::without_ipv4_checksum(51_234, port, inner.len()).unwrap();
                (IpNumber::UDP, [&udp.to_bytes()[..], &inner].concat())
            }
        };
        let outer = header(self.outer, number, payload.len());
        let ethernet = Ethernet2Header {
            source: [2, 0, 0, 0, 0, 0x10],
            destination: [2, 0, 0, 0, 0, 0x11],
            ether_type: if self.outer.0.contains(':') { EtherType::IPV6 } else { EtherType::IPV4 },
        };
        let mut frame = ethernet.to_bytes().to_vec();
        outer.write(&mut frame).unwrap();
        frame.extend(payload);
        frame
    }
}

fn header((source, destination): (&str, &str), number: IpNumber, payload: usize) -> IpHeaders {
    match (source.parse().unwrap(), destination.parse().unwrap()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let length = payload.try_into().unwrap();
            let header = Ipv4Header::new(length, 64, number, source.octets(), destination.octets());
            IpHeaders::Ipv4(header.unwrap(), Default::default())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => IpHeaders::Ipv6(
            Ipv6Header {
                payload_length: payload.try_into().unwrap(),
                next_header: number,
                hop_limit: 64,
                source: source.octets(),
                destination: destination.octets(),
                ..Default::default()
            },
            Default::default(),
        ),
        _ => panic!("{source} and {destination}"),
    }
}

/// Sends frames out of an interface as they are.
pub struct Wire {
    socket: OwnedFd,
}

impl Wire {
    /// The neighbour's end of the link to the backend.
    pub fn new(neighbour: &Host) -> Self {
        neighbour.enter(|| {
            // SAFETY: plain arguments.
            let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
            assert!(socket >= 0, "{}", io::Error::last_os_error());
            // SAFETY: the kernel just opened this descriptor for this process, and nothing else knows its number.
            let socket = unsafe { OwnedFd::from_raw_fd(socket) };
            let address = libc::sockaddr_ll {
                sll_family: libc::AF_PACKET as u16,
                sll_protocol: 0,
                sll_ifindex: nix::net::if_::if_nametoindex("p0").unwrap() as i32,
                sll_hatype: 0,
                sll_pkttype: 0,
                sll_halen: 0,
                sll_addr: [0; 8],
            };
            let length = size_of_val(&address) as libc::socklen_t;
            // SAFETY: the address lives through the call, and its length is given.
            let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
            assert_eq!(bound, 0, "{}", io::Error::last_os_error());
            Self { socket }
        })
    }

    pub fn send(&self, frame: &[u8]) {
        // SAFETY: the frame lives through the call, and its length is given.
        let sent = unsafe { libc::send(self.socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        assert_eq!(sent, frame.len() as isize, "{}", io::Error::last_os_error());
    }
}

/// Answers every request on the VIPs, until dropped.
pub struct Server {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    pub fn new(backend: &Host) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = INNER.map(|(_, vip)| {
            let socket = socket(backend, vip, PORT);
            let (stop, served) = (stop.clone(), served.clone());
            thread::spawn(move || {
                let mut request = [0; 2048];
                while !stop.load(Ordering::Relaxed) {
                    if let Ok((length, client)) = socket.recv_from(&mut request) {
                        served.fetch_add(1, Ordering::Relaxed);
                        socket.send_to(&request[..length], client).unwrap();
                    }
                }
            })
        });
        Self { stop, served, threads: threads.into() }
    }

    /// Requests that were answered.
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn socket(host: &Host, address: &str, port: u16) -> UdpSocket {
    let address = SocketAddr::new(address.parse().unwrap(), port);
    let socket = host.enter(|| UdpSocket::bind(address)).unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    socket
}

/// Asserts that a request that takes that way is answered, straight from the VIP to the client, or that it is not.
#[track_caller]
pub fn assert_answered(pair: &Pair, way: Way, expected: bool) {
    let (client, vip) = way.inner;
    let socket = socket(&pair.neighbour, client, CLIENT_PORT);
    // A slow machine is no reason to take an answer for lost; silence is waited for each time.
    socket.set_read_timeout(Some(if expected { Duration::from_secs(5) } else { SILENCE })).unwrap();
    let request = format!("{way:?}");
    Wire::new(&pair.neighbour).send(&way.frame(request.as_bytes()));
    let mut answer = [0; 2048];
    match socket.recv_from(&mut answer) {
        Ok((length, from)) => {
            assert_eq!(&answer[..length], request.as_bytes());
            assert_eq!(from, SocketAddr::new(vip.parse().unwrap(), PORT));
            assert!(expected, "{way:?} is answered");
        }
        Err(error) => assert!(!expected, "{way:?} is not answered: {error}"),
    }
}
