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
    /// Offset of these 32 bits; below 64.
    pub source_offset: u16,
    /// Offset of the source port; below 64.
    pub port_offset: u16,
}

const _: () = assert!(size_of::<Workload>() == 96);

/// First byte of the IPv4 source addresses of generated packets: 10.0.0.0/8.
pub const GENERATED_V4: u8 = 10;

/// First bytes of their IPv6 source addresses: 2001:db8:ffff::/48.
pub const GENERATED_V6: [u8; 6] = [0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff];
