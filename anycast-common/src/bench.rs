//! What the benchmark and its generator program share.

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
    /// Offset of these 32 bits; below 64.
    pub source_offset: u16,
    /// Offset of the source port; below 64.
    pub port_offset: u16,
}

const _: () = assert!(size_of::<Workload>() == 96);
