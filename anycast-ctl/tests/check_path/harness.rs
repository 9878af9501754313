//! A host with one interface, and what leaves by it.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsRawFd as _,
    process::Command,
    time::Duration,
};

use anycast_ctl::{
    health::path::{CheckPath, ProbeWay},
    model::{Delivery, TunnelSettings},
    neighbour::{NextHop, Resolution},
    way::Way,
};
use nix::{
    net::if_::if_nametoindex,
    sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket, sockopt,
    },
};

use xtask::lab::wire::Capture;

use crate::namespace::Namespace;

/// The host's addresses, the VIPs, and the backend's addresses.
pub const OWN: [&str; 2] = ["10.0.0.1", "fd00::1"];
pub const VIPS: [&str; 2] = ["192.0.2.1", "2001:db8::1"];
pub const BACKEND: [&str; 2] = ["10.0.0.9", "fd00::9"];
/// Ethernet addresses of the host and the backend.
pub const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 9]];
/// Type of service, traffic class.
pub const CLASS: u8 = 0xba;
/// Longer than a frame takes.
const PATIENCE: Duration = Duration::from_millis(300);

/// Port on the VIP.
pub const PORT: u16 = 7;

/// A namespace with a veth whose end outside nobody listens at.
pub fn host() -> Namespace {
    let host = Namespace::new();
    host.ip("link add p0 address 02:00:00:00:00:01 type veth peer name p1");
    host.ip(&format!("address add {}/24 dev p0", OWN[0]));
    host.ip(&format!("address add {}/64 dev p0 nodad", OWN[1]));
    for port in ["p0", "p1"] {
        host.ip(&format!("link set {port} up"));
    }
    // As a wire has it: whole checksums, and tags in the frame.
    let ethtool = || Command::new("ethtool").args(["-K", "p0", "tx", "off", "txvlan", "off"]).output();
    assert!(host.block_on(async { ethtool() }).unwrap().status.success());
    host
}

/// The way to the backend, by an address of that family.
pub fn way(delivery: Delivery, outer: usize, settings: &TunnelSettings) -> ProbeWay {
    let address: IpAddr = BACKEND[outer].parse().unwrap();
    let next_hop = NextHop {
        ifindex: if_nametoindex("p0").unwrap(),
        interface: "p0".to_owned(),
        neighbour: address,
        mac: MACS[1],
        source_mac: MACS[0],
        mtu: 1500,
        source: Some(OWN[outer].parse().unwrap()),
    };
    let resolution = Resolution::Resolved(next_hop);
    ProbeWay::of(&Way::find(delivery, address, Some(&resolution), settings).unwrap())
}

/// Packets of each outcome, by its label, that there are any of.
pub fn counted(path: &CheckPath) -> Vec<(&'static str, u64)> {
    let counters = path.counters().unwrap().into_iter();
    counters
        .filter(|(_, packets)| *packets > 0)
        .map(|(outcome, packets)| (outcome.label(), packets))
        .collect()
}

/// Sends a datagram to the VIP of that family, from a socket like a check's.
pub fn send(family: usize, mark: u32, payload: &[u8]) -> io::Result<()> {
    let (is_v4, port) =
        (family == 0, |port| move |address: &str| SocketAddr::new(address.parse().unwrap(), port));
    let domain = if is_v4 { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket(domain, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::Mark, &mark)?;
    // The last one may live on for a moment in the child of another test, which was forked from here and is about to exec.
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    if is_v4 {
        setsockopt(&socket, sockopt::Ipv4Ttl, &1)?;
        setsockopt(&socket, sockopt::Ipv4Tos, &i32::from(CLASS))?;
    } else {
        setsockopt(&socket, sockopt::Ipv6Ttl, &1)?;
        setsockopt(&socket, sockopt::Ipv6TClass, &i32::from(CLASS))?;
    }
    bind(socket.as_raw_fd(), &SockaddrStorage::from(port(4000)(OWN[family])))?;
    connect(socket.as_raw_fd(), &SockaddrStorage::from(port(PORT)(VIPS[family])))?;
    UdpSocket::from(socket).send(payload).map(drop)
}

/// The next frame to the backend, if there is one before long.
pub fn next(wire: &mut Capture) -> Option<Vec<u8>> {
    // Neighbour discovery and the like is to others.
    std::iter::from_fn(|| wire.next(PATIENCE).unwrap()).find(|frame| frame[..6] == MACS[1])
}
