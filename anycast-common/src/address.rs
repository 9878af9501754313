//! One address type for IPv4 and IPv6.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An IPv4 or IPv6 address: 16 bytes in network order, IPv4 mapped as `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2).
///
/// Kept as two words so that the program compares an address in two instructions.
///
/// ```
/// use anycast_common::address::Address;
///
/// let address = Address::from_v4([192, 0, 2, 1]);
/// assert_eq!(address.octets()[10..], [0xff, 0xff, 192, 0, 2, 1]);
/// assert!(address.is_v4());
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Address {
    words: [u64; 2],
}

impl Address {
    /// The mapped form of an IPv4 address.
    #[inline(always)]
    pub const fn from_v4(octets: [u8; 4]) -> Self {
        let [a, b, c, d] = octets;
        Self { words: [0, u64::from_le_bytes([0, 0, 0xff, 0xff, a, b, c, d])] }
    }

    /// An IPv6 address.
    #[inline(always)]
    pub const fn from_v6(octets: [u8; 16]) -> Self {
        let [high, low]: [[u8; 8]; 2] = zerocopy::transmute!(octets);
        Self { words: [u64::from_le_bytes(high), u64::from_le_bytes(low)] }
    }

    /// The address's bytes in network order, read as two little-endian words.
    #[inline(always)]
    pub const fn words(&self) -> [u64; 2] {
        self.words
    }

    /// The address of these words.
    #[inline(always)]
    pub const fn from_words(words: [u64; 2]) -> Self {
        Self { words }
    }

    /// The bits of `other` where the mask, for both words, has ones, and its own elsewhere.
    #[inline(always)]
    pub(crate) const fn select(&self, other: &Self, mask: u64) -> Self {
        let ([a, b], [c, d]) = (self.words, other.words);
        Self { words: [a ^ ((a ^ c) & mask), b ^ ((b ^ d) & mask)] }
    }

    /// The 16 bytes in network order.
    pub fn octets(&self) -> [u8; 16] {
        let mut octets = [0; 16];
        let [first, second] = self.words;
        for (octet, byte) in
            octets.iter_mut().zip(first.to_le_bytes().into_iter().chain(second.to_le_bytes()))
        {
            *octet = byte;
        }
        octets
    }

    /// Whether a packet may be sent to it that nobody asked for: it is neither multicast, nor unspecified, nor loopback, nor
    /// any other address that no sender has (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5).
    #[inline(always)]
    pub const fn is_answerable(&self) -> bool {
        let [high, low] = self.words;
        if self.is_v4() {
            let first = (low >> 32) as u8;
            first != 0 && first != 127 && first < 224
        } else {
            high as u8 != 0xff && (high != 0 || low & 0xffff_ffff != 0)
        }
    }

    /// Whether this is a mapped IPv4 address.
    #[inline(always)]
    pub const fn is_v4(&self) -> bool {
        // One compare: of two the verifier walks all that follows twice, once knowing that the first word is 0.
        let [high, low] = self.words;
        (high | (low & 0xffff_ffff ^ 0xffff_0000)) == 0
    }
}

impl From<core::net::IpAddr> for Address {
    fn from(address: core::net::IpAddr) -> Self {
        match address {
            core::net::IpAddr::V4(v4) => Self::from_v4(v4.octets()),
            core::net::IpAddr::V6(v6) => Self::from_v6(v6.octets()),
        }
    }
}

impl From<Address> for core::net::IpAddr {
    fn from(address: Address) -> Self {
        core::net::Ipv6Addr::from(address.octets()).to_canonical()
    }
}
