//! Ethernet with up to two VLAN tags.

use network_types::{
    eth::{EthHdr, EtherType},
    vlan::VlanHdr,
};

use crate::{
    packet::{Copied, PacketBytes},
    reason::Reason,
};

/// What lies in front of the network header.
pub struct Link {
    /// Bytes of the Ethernet header and the tags.
    pub length: usize,
    /// EtherType of what follows, in network order as network-types keeps it.
    pub ether_type: u16,
}

/// Walks the Ethernet header and the tags.
#[inline(always)]
pub fn link(packet: &impl PacketBytes) -> Result<Link, Reason> {
    let Copied(ethernet): Copied<EthHdr> = packet.read(0).map_err(|_| Reason::NotIp)?;
    let ether_type = ethernet.ether_type;
    // The first two say what the third does, sooner.
    if ether_type == EtherType::Ipv4 as u16 || ether_type == EtherType::Ipv6 as u16 || tags(ether_type) == 0 {
        return Ok(Link { length: EthHdr::LEN, ether_type });
    }
    let Copied(tag): Copied<VlanHdr> = packet.read(EthHdr::LEN).map_err(|_| Reason::NotIp)?;
    let length = EthHdr::LEN + VlanHdr::LEN + tags(tag.ether_type) * VlanHdr::LEN;
    let Copied(ether_type) = packet.read(length - size_of::<u16>()).map_err(|_| Reason::NotIp)?;
    Ok(Link { length, ether_type: u16::from_ne_bytes(ether_type) })
}

/// 1 if that type is a VLAN tag's: IEEE 802.1Q customer tag, IEEE 802.1ad service tag. Without a branch, so that the verifier
/// walks the rest of the program once for one tag and for two.
#[inline(always)]
fn tags(ether_type: u16) -> usize {
    let is = |tag: EtherType| (u64::from(ether_type ^ tag as u16).wrapping_sub(1) >> 63) as usize;
    is(EtherType::Ieee8021q) | is(EtherType::Ieee8021ad)
}
