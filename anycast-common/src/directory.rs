//! The directory: every VIP and service of the host in one map value, looked up without a hash map.
//!
//! Both tables are two-way hash tables whose buckets hold one entry: a key lies in one of two places that its hash
//! names, so that a lookup is two compares, hit or miss. The controller places the entries (cuckoo hashing, Pagh and
//! Rodler 2001) and picks another seed when they do not fit.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{address::Address, hash::GOLDEN_GAMMA};

/// Buckets of the VIP table: four for each VIP at full occupancy.
pub const VIP_BUCKETS: usize = 4096;

/// Buckets of the service table: four for each service at full occupancy.
pub const SERVICE_BUCKETS: usize = 16_384;

/// One VIP. Number 0 marks an empty bucket.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Vip {
    /// The anycast address.
    pub address: Address,
    /// Number of the VIP, from 1; row of its reason counters.
    pub number: u16,
    /// Index of its pool.
    pub pool: u16,
    /// Its place among the VIPs of its pool, from 0: offset of its counter among those of a backend.
    pub ordinal: u32,
    /// [`Vip::DROP_UNKNOWN_PORT`] and the other flags below.
    pub flags: u32,
    /// Ticks after which a flow that shows no packet is taken for ended; see [`crate::clock`].
    pub idle_timeout: u32,
}

impl Vip {
    /// Packets no service names are dropped, not passed.
    pub const DROP_UNKNOWN_PORT: u32 = 1;

    /// UDP flows are remembered from their first datagram.
    pub const UDP_PINNED: u32 = 2;

    /// UDP is QUIC: Initial packets open flows.
    pub const UDP_QUIC: u32 = 4;

    /// Echo requests are answered by the program.
    pub const ANSWER_ECHO: u32 = 8;

    /// Some service is TCP's.
    pub const SERVES_TCP: u32 = 16;

    /// Some service is UDP's.
    pub const SERVES_UDP: u32 = 32;

    /// The slot follows from the source address.
    pub const HASH_SOURCE: u32 = 64;

    /// The slot follows from source and destination address.
    pub const HASH_ADDRESSES: u32 = 128;

    /// While the pool has nobody left, packets go to the host's stack.
    pub const PASS_EMPTY: u32 = 256;

    /// While the pool has nobody left, senders are told so: a RST, or "port unreachable".
    pub const REFUSE_EMPTY: u32 = 512;
}

/// A service as one word, never 0: VIP number, protocol, port.
///
/// ```text
///  63        40 39        24 23     16 15          0
/// +------------+------------+---------+-------------+
/// |     0      | VIP number | protocol|    port     |   port 0: any port
/// +------------+------------+---------+-------------+
/// ```
#[inline(always)]
pub const fn service_key(vip: u16, protocol: u8, port: u16) -> u64 {
    (vip as u64) << 24 | (protocol as u64) << 16 | port as u64
}

/// Every VIP and service of the host.
#[repr(C)]
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Directory {
    /// Keys the places of both tables.
    pub seed: u64,
    /// Keeps buckets from straddling cache lines.
    pub reserved: [u64; 7],
    /// The VIP table.
    pub vips: [Vip; VIP_BUCKETS],
    /// The service table: keys, 0 where empty.
    pub services: [u64; SERVICE_BUCKETS],
}

impl Directory {
    /// The VIP with that address.
    #[inline(always)]
    pub fn vip(&self, address: &Address) -> Option<&Vip> {
        let (first, second) = vip_places(self.seed, address);
        [first, second]
            .into_iter()
            .filter_map(|place| self.vips.get(place))
            .find(|vip| vip.number != 0 && vip.address == *address)
    }

    /// Whether the VIP has a service for that protocol and port, or else one for any port of the protocol.
    #[inline(always)]
    pub fn has_service(&self, vip: u16, protocol: u8, port: u16) -> bool {
        self.has_key(service_key(vip, protocol, port)) || self.has_key(service_key(vip, protocol, 0))
    }

    #[inline(always)]
    fn has_key(&self, key: u64) -> bool {
        let (first, second) = service_places(self.seed, key);
        self.services.get(first) == Some(&key) || self.services.get(second) == Some(&key)
    }
}

/// The two buckets a VIP's address may lie in.
#[inline(always)]
pub const fn vip_places(seed: u64, address: &Address) -> (usize, usize) {
    let [high, low] = address.words();
    // The last octets, which tell neighbouring addresses apart, are the top bits of a word: fold them to where a
    // multiplication spreads them.
    let folded = (low ^ seed) ^ ((low ^ seed) >> 32);
    let product = folded.wrapping_mul(GOLDEN_GAMMA) ^ (high ^ seed).wrapping_mul(0x94d0_49bb_1331_11eb);
    places(product, VIP_BUCKETS)
}

/// The two buckets a service's key may lie in.
#[inline(always)]
pub const fn service_places(seed: u64, key: u64) -> (usize, usize) {
    places((key ^ seed).wrapping_mul(GOLDEN_GAMMA), SERVICE_BUCKETS)
}

/// Two bucket numbers from a product's upper bits, the well mixed ones.
#[inline(always)]
const fn places(product: u64, buckets: usize) -> (usize, usize) {
    let mask = buckets - 1;
    (((product >> 50) as usize) & mask, ((product >> 36) as usize) & mask)
}

const _: () = assert!(size_of::<Vip>() == 32);
const _: () = assert!(VIP_BUCKETS.is_power_of_two() && VIP_BUCKETS >= 4 * crate::limits::MAX_VIPS);
const _: () =
    assert!(SERVICE_BUCKETS.is_power_of_two() && SERVICE_BUCKETS >= 4 * crate::limits::MAX_SERVICES);
