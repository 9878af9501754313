//! TCP packets that no stack would send, into the edge.

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;
use xtask::lab::{ROUTER, server::HTTP_PORT, wire::Wire};

use crate::edge::Edge;

/// A client's packets, each with its TTL as it reaches the edge.
pub struct Clients {
    wire: Wire,
    vip: Ipv4Addr,
}

impl Clients {
    /// At the router's port towards the edge.
    pub fn open(edge: &Edge) -> Self {
        let lab = &edge.host.lab;
        let router = lab.namespace(ROUTER).unwrap();
        Self { wire: Wire::open(router, &lab.plan().edge.name).unwrap(), vip: lab.plan().vips.v4 }
    }

    /// A SYN to the v4 VIP, with that sequence number.
    pub fn syn(&self, from: (Ipv4Addr, u16), sequence: u32, ttl: u8) {
        let tcp = self.packet(from.0, ttl).tcp(from.1, HTTP_PORT, sequence, 512).syn();
        let mut frame = Vec::new();
        tcp.write(&mut frame, &[]).unwrap();
        self.wire.send(&frame).unwrap();
    }

    /// An ACK that follows it.
    pub fn ack(&self, from: (Ipv4Addr, u16), sequence: u32, ttl: u8) {
        let tcp = self.packet(from.0, ttl).tcp(from.1, HTTP_PORT, sequence, 512).ack(1);
        let mut frame = Vec::new();
        tcp.write(&mut frame, &[]).unwrap();
        self.wire.send(&frame).unwrap();
    }

    fn packet(&self, from: Ipv4Addr, ttl: u8) -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
        PacketBuilder::ethernet2([2, 0, 0, 0, 2, 1], [2, 0, 0, 0, 2, 2]).ipv4(
            from.octets(),
            self.vip.octets(),
            ttl,
        )
    }
}
