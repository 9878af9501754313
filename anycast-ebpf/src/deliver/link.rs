//! The front of a frame that gets headers between its Ethernet header and its IP header.

use anycast_common::packet::{Copied, OutOfBounds, PacketBytes};
use network_types::{
    eth::{EthHdr, EtherType},
    vlan::VlanHdr,
};

use crate::packet::Packet;

/// Offset of the first tag, or the EtherType.
const TAGS_AT: usize = 12;

/// A link header without its addresses.
pub struct Link {
    /// Bytes of it, addresses included: 14, 18 or 22.
    pub length: usize,
    /// Two tags, or what comes before the end of this.
    tags: [u8; 8],
    /// The EtherType behind two tags.
    last: [u8; 2],
}

impl Link {
    /// What a packet has, whose IP header starts at `length`.
    #[inline(always)]
    pub fn read(packet: &Packet<'_>, length: usize) -> Result<Self, OutOfBounds> {
        let Copied(tags) = packet.read(TAGS_AT)?;
        let Copied(last) = packet.read(TAGS_AT + 8)?;
        Ok(Self { length, tags, last })
    }

    /// One without tags; the type in network order.
    #[inline(always)]
    pub fn untagged(ether_type: u16) -> Self {
        let [a, b] = ether_type.to_ne_bytes();
        Self { length: EthHdr::LEN, tags: [a, b, 0, 0, 0, 0, 0, 0], last: [0; 2] }
    }

    /// One with a single tag, IEEE 802.1Q.
    #[inline(always)]
    pub fn tagged(vlan: u16, ether_type: u16) -> Self {
        let [a, b] = (EtherType::Ieee8021q as u16).to_ne_bytes();
        let [c, d] = vlan.to_be_bytes();
        let [e, f] = ether_type.to_ne_bytes();
        Self { length: EthHdr::LEN + VlanHdr::LEN, tags: [a, b, c, d, e, f, 0, 0], last: [0; 2] }
    }

    /// The same tags in front of another type.
    #[inline(always)]
    pub fn with_ether_type(self, ether_type: u16) -> Self {
        let [a, b, c, d, ..] = self.tags;
        let [y, z] = ether_type.to_ne_bytes();
        let length = self.length;
        if length == EthHdr::LEN {
            Self::untagged(ether_type)
        } else if length == EthHdr::LEN + VlanHdr::LEN {
            Self { length, tags: [a, b, c, d, y, z, 0, 0], last: [0; 2] }
        } else {
            Self { last: [y, z], ..self }
        }
    }

    /// Writes it to the front of a packet, with both addresses. What lies behind the EtherType is to be written after this.
    #[inline(always)]
    pub fn write(&self, packet: &Packet<'_>, addresses: ([u8; 8], [u8; 4])) -> Result<(), OutOfBounds> {
        let (front, back) = addresses;
        let frame = packet.window(0, TAGS_AT + self.tags.len() + self.last.len())?;
        frame.write(0, front)?;
        frame.write(front.len(), back)?;
        frame.write(TAGS_AT, self.tags)?;
        frame.write(TAGS_AT + self.tags.len(), self.last)
    }
}
