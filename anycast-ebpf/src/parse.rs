//! From bytes to headers: Ethernet and VLAN tags, IPv4 or IPv6, TCP or UDP.

mod link;
mod network;
mod transport;

pub use network::{Ip, Version};
pub use transport::{Transport, transport};

use anycast_common::reason::Reason;
use network_types::eth::EtherType;

use crate::packet::Packet;

/// The IP header, whatever carries it.
#[inline(always)]
pub fn ip(packet: &Packet<'_>) -> Result<Ip, Reason> {
    let link = link::parse(packet)?;
    if link.ether_type == EtherType::Ipv4 as u16 {
        network::v4(packet, link.length)
    } else if link.ether_type == EtherType::Ipv6 as u16 {
        network::v6(packet, link.length)
    } else {
        Err(Reason::NotIp)
    }
}
