//! What benchmarks, tests and the generator programs share.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// 64-bit words of a packet that the generator writes: all headers of Ethernet, IPv6 and TCP.
pub const TEMPLATE_WORDS: usize = 10;

/// A stream of packets over many flows.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Workload {
    /// First bytes of every packet, as words in this machine's order.
    pub template: [u64; TEMPLATE_WORDS],
    /// Number of flows, a power of two, less one.
    pub flow_mask: u32,
    /// Odd: the order in which flows take turns.
    pub multiplier: u32,
    /// Low 32 bits of the first source address, host order; 64 flows share an address.
    pub first_source: u32,
    /// Offset of these 32 bits; below [`MAX_OFFSET`].
    pub source_offset: u16,
    /// Offset of the source port; below [`MAX_OFFSET`].
    pub port_offset: u16,
    /// Bytes of every packet.
    pub length: u32,
    /// Bytes that the floor program of tunnels puts in front.
    pub growth: u32,
}

/// Bound of the offsets that differ from flow to flow.
pub const MAX_OFFSET: u16 = 128;

const _: () = assert!(size_of::<Workload>() == 104);

impl Workload {
    /// Packets like this one, a SYN, say, of that many flows, a power of two: Ethernet without tags, IPv4 without options or
    /// IPv6, TCP or UDP. The first flow's source port must be 1024.
    pub fn of(packet: &[u8], flows: u32) -> Self {
        let is_v6 = packet.get(12..14) == Some(&[0x86, 0xdd]);
        let (source_offset, port_offset) = if is_v6 { (34, 54) } else { (26, 34) };
        Self::varying(packet, flows, source_offset, port_offset)
    }

    /// Packets like this one that differ in 32 bits of an address and in 16 bits of a port, at these offsets.
    pub fn varying(packet: &[u8], flows: u32, source_offset: u16, port_offset: u16) -> Self {
        let mut template = [0; TEMPLATE_WORDS];
        for (word, bytes) in template.iter_mut().zip(packet.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        let source = packet.get(usize::from(source_offset)..).and_then(|source| source.first_chunk());
        Self {
            template,
            flow_mask: flows.wrapping_sub(1),
            multiplier: 0x9e37_79b1,
            first_source: source.copied().map_or(0, u32::from_be_bytes),
            source_offset,
            port_offset,
            length: packet.len() as u32,
            growth: 0,
        }
    }
}

/// First byte of the IPv4 source addresses of generated packets: 10.0.0.0/8.
pub const GENERATED_V4: u8 = 10;

/// First bytes of their IPv6 source addresses: 2001:db8:ffff::/48.
pub const GENERATED_V6: [u8; 6] = [0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff];
