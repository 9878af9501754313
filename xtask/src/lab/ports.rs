//! A client's own ports, each used again only after all others.
//!
//! The kernel draws where it begins anew every ten seconds (`EPHEMERAL_PORT_SHUFFLE_PERIOD` in net/core/secure_seq.c), and so gives out ports
//! again that it gave out a second ago. An edge takes a flow that is opened with the addresses and ports of one that it remembers to
//! that one's server: rightly, but not where a client that counts servers expects it.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::net::TcpSocket;

use super::Family;

/// All there are.
const PORTS: Range<u16> = 2048..65_000;

/// Whose turn it is.
#[derive(Debug)]
pub struct Ports(AtomicU32);

impl Ports {
    /// Begins after so many of them.
    pub fn after(used: u32) -> Self {
        Self(AtomicU32::new(used))
    }

    /// A socket on the next port that is free.
    ///
    /// # Errors
    /// As socket(2) and bind(2).
    pub fn bind(&self, family: Family) -> io::Result<TcpSocket> {
        let (socket, any) = match family {
            Family::V4 => (TcpSocket::new_v4()?, IpAddr::from(Ipv4Addr::UNSPECIFIED)),
            Family::V6 => (TcpSocket::new_v6()?, IpAddr::from(Ipv6Addr::UNSPECIFIED)),
        };
        socket.set_reuseaddr(true)?;
        loop {
            let turn = self.0.fetch_add(1, Ordering::Relaxed) % PORTS.len() as u32;
            match socket.bind((any, PORTS.start + turn as u16).into()) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                bound => return bound.map(|()| socket),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(socket: &TcpSocket) -> u16 {
        socket.local_addr().unwrap().port()
    }

    #[test]
    fn a_port_that_was_given_back_is_not_used_again_at_once() {
        let ports = Ports::after(0);
        let first = port(&ports.bind(Family::V4).unwrap());
        let second = port(&ports.bind(Family::V6).unwrap());
        let third = port(&ports.bind(Family::V4).unwrap());
        assert!(first < second && second < third, "{first} {second} {third}");
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_left_out() {
        let mut candidates = 40_000..50_000;
        let listener =
            candidates.find_map(|port| std::net::TcpListener::bind(("0.0.0.0", port)).ok()).unwrap();
        let taken = listener.local_addr().unwrap().port();
        let ports = Ports::after(u32::from(taken - PORTS.start));
        assert!(port(&ports.bind(Family::V4).unwrap()) > taken);
    }

    #[test]
    fn after_the_last_comes_the_first() {
        let ports = Ports::after(PORTS.len() as u32 - 1);
        let last = port(&ports.bind(Family::V4).unwrap());
        assert!(port(&ports.bind(Family::V4).unwrap()) <= last);
    }
}
