//! Ethernet with up to two VLAN tags.

use anycast_common::reason::Reason;
use network_types::{
    eth::{EthHdr, EtherType},
    vlan::VlanHdr,
};

use crate::packet::Packet;

/// VLAN tags that are looked behind: a service tag and a customer tag.
const MAX_TAGS: usize = 2;

/// What lies in front of the network header.
pub struct Link {
    /// Bytes of the Ethernet header and the tags.
    pub length: usize,
    /// EtherType of what follows, in network order as network-types keeps it.
    pub ether_type: u16,
}

/// Walks the Ethernet header and the tags.
#[inline(always)]
pub fn parse(packet: &Packet<'_>) -> Result<Link, Reason> {
    let ethernet: EthHdr = packet.read(0).map_err(|_| Reason::NotIp)?;
    let mut link = Link { length: EthHdr::LEN, ether_type: ethernet.ether_type };
    for _ in 0..MAX_TAGS {
        // IEEE 802.1Q customer tag, IEEE 802.1ad service tag.
        if link.ether_type != EtherType::Ieee8021q as u16 && link.ether_type != EtherType::Ieee8021ad as u16 {
            break;
        }
        let tag: VlanHdr = packet.read(link.length).map_err(|_| Reason::NotIp)?;
        link.length += VlanHdr::LEN;
        link.ether_type = tag.ether_type;
    }
    Ok(link)
}
