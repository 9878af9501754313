//! Every packet that a namespace's loopback carries.

use std::io::Read as _;

use socket2::{Domain, Protocol, Socket, Type};

/// A packet socket, packet(7), that keeps what it saw until it is asked.
pub struct Capture(Socket);

impl Capture {
    /// In the namespace of the calling thread; it sees every packet from here on, without its Ethernet header.
    pub fn start() -> Self {
        // The protocol is in network order.
        let all = Protocol::from(i32::from((libc::ETH_P_ALL as u16).to_be()));
        let socket = Socket::new(Domain::PACKET, Type::DGRAM.nonblocking(), Some(all)).unwrap();
        socket.set_recv_buffer_size(8 << 20).unwrap();
        Self(socket)
    }

    /// The sizes of the IP packets so far.
    pub fn sizes(mut self) -> Vec<usize> {
        let mut buffer = vec![0; 1 << 17];
        std::iter::from_fn(|| self.0.read(&mut buffer).ok()).collect()
    }
}
