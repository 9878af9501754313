//! What one sampled packet says of its flow and of the way it came.

use anycast_common::{
    flow::Flow,
    packet::{Copied, OutOfBounds, PacketBytes, Wire},
    parse::{Ip, IpHeader, link, protocol},
};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

/// A packet of a flow, seen where it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When, by the kernel's monotonic clock, in ns.
    pub at_ns: u64,
    /// Its flow; without ports where the packet shows none.
    pub flow: Flow,
    /// Bytes from the IP header on.
    pub bytes: u32,
    /// TTL or hop limit, as it came.
    pub hop_limit: u8,
    /// What its TCP header says, if it has one.
    pub tcp: Option<Segment>,
}

/// What a TCP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16.
    pub flags: u8,
    /// Sequence number of the first byte, or of the SYN.
    pub sequence: u32,
    /// The next sequence number expected from the other side.
    pub acknowledgement: u32,
    /// Bytes of payload.
    pub payload: u32,
}

impl Segment {
    const SYN: u8 = 2;
    const RST: u8 = 4;
    const ACK: u8 = 16;

    /// Whether it asks for a connection: SYN without ACK.
    pub const fn opens(&self) -> bool {
        self.flags & (Self::SYN | Self::ACK | Self::RST) == Self::SYN
    }

    /// Whether it grants one: SYN with ACK.
    pub const fn grants(&self) -> bool {
        self.flags & (Self::SYN | Self::ACK | Self::RST) == Self::SYN | Self::ACK
    }

    /// Whether it goes on with one.
    pub const fn goes_on(&self) -> bool {
        self.flags & (Self::SYN | Self::ACK | Self::RST) == Self::ACK
    }
}

impl Sighting {
    /// Reads the first bytes of a frame that was `length` bytes long. `None` for what is neither IPv4 nor IPv6, and for what the
    /// bytes do not reach to.
    pub fn of(first_bytes: &[u8], length: usize, at_ns: u64) -> Option<Self> {
        let packet = Snapshot { bytes: first_bytes, length };
        let link = link(&packet).ok()?;
        if link.ether_type == Ipv4Hdr::ETHER_TYPE {
            read::<Ipv4Hdr>(&packet, link.length, at_ns)
        } else if link.ether_type == Ipv6Hdr::ETHER_TYPE {
            read::<Ipv6Hdr>(&packet, link.length, at_ns)
        } else {
            None
        }
    }
}

fn read<H: IpHeader>(packet: &Snapshot<'_>, offset: usize, at_ns: u64) -> Option<Sighting> {
    let ip: Ip<H> = H::parse(packet, offset).ok()?;
    let Copied(hop) = packet.read::<H::Hop>(offset + H::HOP_OFFSET).ok()?;
    let upper = anycast_common::parse::upper(packet, &ip).ok()?;
    let mut flow = Flow {
        source: ip.source,
        destination: ip.destination,
        source_port: 0,
        destination_port: 0,
        protocol: upper.protocol,
    };
    let mut tcp = None;
    if !upper.is_later_fragment() && matches!(upper.protocol, protocol::TCP | protocol::UDP) {
        let Copied([a, b, c, d]) = packet.read(upper.offset).ok()?;
        flow.source_port = u16::from_be_bytes([a, b]);
        flow.destination_port = u16::from_be_bytes([c, d]);
        if upper.protocol == protocol::TCP {
            tcp = Some(segment(packet, upper.offset, ip.end()).ok()?);
        }
    }
    let bytes = u32::try_from(ip.length).ok()?;
    Some(Sighting { at_ns, flow, bytes, hop_limit: H::hop_limit(hop), tcp })
}

/// The part of a TCP header (RFC 9293 section 3.1) behind the ports.
fn segment(packet: &Snapshot<'_>, offset: usize, end: usize) -> Result<Segment, OutOfBounds> {
    let Copied(sequence) = packet.read(offset + 4)?;
    let Copied(acknowledgement) = packet.read(offset + 8)?;
    let Copied([data_offset, flags]) = packet.read(offset + 12)?;
    let header = usize::from(data_offset >> 4) * 4;
    let payload = end.saturating_sub(offset + header);
    Ok(Segment {
        flags,
        sequence: u32::from_be_bytes(sequence),
        acknowledgement: u32::from_be_bytes(acknowledgement),
        payload: u32::try_from(payload).unwrap_or(u32::MAX),
    })
}

/// A frame of which only the first bytes are at hand.
struct Snapshot<'a> {
    bytes: &'a [u8],
    length: usize,
}

impl PacketBytes for Snapshot<'_> {
    fn read<T: Wire>(&self, offset: usize) -> Result<Copied<T>, OutOfBounds> {
        self.bytes.read(offset)
    }

    fn has_length(&self, length: usize) -> bool {
        self.length >= length
    }
}

#[cfg(test)]
mod tests;
