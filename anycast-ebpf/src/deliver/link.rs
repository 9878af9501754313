//! The front of a frame that gets headers between its Ethernet header and its IP header.

use anycast_common::packet::{Copied, OutOfBounds, PacketBytes};
use network_types::{
    eth::{EthHdr, EtherType},
    vlan::VlanHdr,
};

use crate::packet::Packet;

/// Offset of the first tag, or the EtherType.
const TAGS_AT: usize = 12;

/// A link header without its addresses, as it lies in memory, little end first.
pub struct Link {
    /// Bytes of it, addresses included: 14, 18 or 22.
    pub length: usize,
    /// Two tags, or what comes before the end of this.
    tags: u64,
    /// The EtherType behind two tags.
    last: u16,
}

impl Link {
    /// What a packet has, whose IP header starts at `length`.
    #[inline(always)]
    pub fn read(packet: &Packet<'_>, length: usize) -> Result<Self, OutOfBounds> {
        let Copied(tags) = packet.read(TAGS_AT)?;
        let Copied(last) = packet.read(TAGS_AT + size_of::<u64>())?;
        Ok(Self { length, tags: u64::from_le_bytes(tags), last: u16::from_le_bytes(last) })
    }

    /// One without tags; the type in network order.
    #[inline(always)]
    pub fn untagged(ether_type: u16) -> Self {
        Self { length: EthHdr::LEN, tags: u64::from(ether_type), last: 0 }
    }

    /// One with a single tag, IEEE 802.1Q.
    #[inline(always)]
    pub fn tagged(vlan: u16, ether_type: u16) -> Self {
        let tag = EtherType::Ieee8021q as u64 | u64::from(vlan.swap_bytes()) << 16;
        Self { length: EthHdr::LEN + VlanHdr::LEN, tags: tag | u64::from(ether_type) << 32, last: 0 }
    }

    /// The same tags in front of another type.
    #[inline(always)]
    pub fn with_ether_type(self, ether_type: u16) -> Self {
        let length = self.length;
        if length == EthHdr::LEN {
            Self::untagged(ether_type)
        } else if length == EthHdr::LEN + VlanHdr::LEN {
            Self { length, tags: self.tags & 0xffff_ffff | u64::from(ether_type) << 32, last: 0 }
        } else {
            Self { last: ether_type, ..self }
        }
    }

    /// Writes it to the front of a packet, with both addresses. What lies behind the EtherType is to be written after this.
    #[inline(always)]
    pub fn write(&self, packet: &Packet<'_>, addresses: ([u8; 8], [u8; 4])) -> Result<(), OutOfBounds> {
        let (front, back) = addresses;
        let frame = packet.window(0, TAGS_AT + size_of::<u64>() + size_of::<u16>())?;
        frame.write(0, front)?;
        frame.write(front.len(), back)?;
        frame.write(TAGS_AT, [self.tags])?;
        frame.write(TAGS_AT + size_of::<u64>(), self.last.to_le_bytes())
    }
}
