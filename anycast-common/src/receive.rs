//! The backend's end of a tunnel: what its program and `anycast-ctl receive` must agree on.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub use crate::tunnel::GUE_PORT;

use crate::numbered::{numbered, verdicts};

/// Version of the layouts below and of what the maps hold. Maps of another version are not taken over.
pub const LAYOUT_VERSION: u32 = 1;

/// Prefixes that may be configured as senders.
pub const MAX_SENDERS: u32 = 1024;

/// Entries of the senders' trie: while the settings change, those of before and those to come.
pub const SENDER_ENTRIES: u32 = 2 * MAX_SENDERS;

/// Entries of the outcome counters: room for codes to come.
pub const MAX_OUTCOMES: u32 = 32;

verdicts! {
    /// What becomes of a packet.
    Verdict {
        /// It goes on to this host's stack, unchanged.
        Pass = "pass";
        /// The packet inside goes on to this host's stack.
        Decapsulate = "decapsulate";
        /// It ends here.
        Drop = "drop";
    }
}

numbered! {
    /// What a packet came to on a backend: each changes exactly one of these counters. Codes are numbered once and never
    /// reused; labels are the ones of `receive status` and the documentation.
    Outcome {
        /// No complete IPv4 or IPv6 header in the frame.
        NotIp = 1, "not_ip", Pass;
        /// No tunnel packet: neither protocol 4 or 41 nor UDP to the GUE port.
        NotTunnel = 2, "not_tunnel", Pass;
        /// A packet inside an IP packet, protocol 4 or 41.
        Ipip = 3, "ipip", Decapsulate;
        /// A packet inside UDP, GUE variant 1.
        Gue = 4, "gue", Decapsulate;
        /// A tunnel packet of nobody who may send one: its outer source is in no prefix given with `--from`.
        UnknownSender = 5, "unknown_sender", Drop;
        /// A tunnel packet that was fragmented on its way: something between here and the edge host has too small an MTU.
        Fragment = 6, "fragment", Drop;
        /// The outer IP or UDP header is malformed, or its lengths contradict each other or the frame.
        BadOuter = 7, "bad_outer", Drop;
        /// UDP to the GUE port that is not GUE variant 1 with IPv4 or IPv6 inside.
        GueVariant = 8, "gue_variant", Drop;
        /// The inner packet's version is not the one the outer protocol announces.
        InnerVersion = 9, "inner_version", Drop;
        /// The inner header is malformed or incomplete, or states more than the tunnel packet holds.
        BadInner = 10, "bad_inner", Drop;
        /// Marked for congestion on its way, while the inner packet does not know such marks (RFC 6040 section 4.2).
        Congestion = 11, "congestion", Drop;
        /// The kernel did not let the outer header be removed.
        NotRemoved = 12, "not_removed", Drop;
    }
}

const _: () = assert!(Outcome::ALL.len() < MAX_OUTCOMES as usize);

/// The settings of one interface, in its configuration map.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Config {
    /// When the counters began, in seconds since 1970.
    pub since_seconds: u64,
    /// Inode of the network namespace the interface is in.
    pub network_namespace: u64,
    /// Kernel index of the interface.
    pub ifindex: u32,
    /// UDP port of GUE, host order; 0: none.
    pub gue_port: u32,
}

const _: () = assert!(size_of::<Config>() == 24);

/// An outer source address as a key of the senders' trie. The family comes first, so that no prefix of one family, `::/0` for
/// one, covers addresses of the other.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SenderKey {
    /// 4 or 6, three times 0, the address in network order, zeroes behind an IPv4 one.
    pub words: [u32; 5],
}

impl SenderKey {
    /// Bits in front of the address.
    pub const FAMILY_BITS: u32 = 32;

    /// Bits of the longest prefix.
    pub const BITS: u32 = 160;

    /// The key of an IPv4 address.
    #[inline(always)]
    pub const fn from_v4(octets: [u8; 4]) -> Self {
        Self { words: [u32::from_ne_bytes([4, 0, 0, 0]), u32::from_ne_bytes(octets), 0, 0, 0] }
    }

    /// The key of an IPv6 address.
    #[inline(always)]
    pub const fn from_v6(octets: [u8; 16]) -> Self {
        let [a, b, c, d]: [u32; 4] = zerocopy::transmute!(octets);
        Self { words: [u32::from_ne_bytes([6, 0, 0, 0]), a, b, c, d] }
    }

    /// The address that the key was made of; `None` for what is no such key.
    pub fn address(&self) -> Option<core::net::IpAddr> {
        let [family, rest @ ..] = self.words;
        let [first, ..] = rest;
        match family.to_ne_bytes() {
            [4, 0, 0, 0] => Some(core::net::IpAddr::from(first.to_ne_bytes())),
            [6, 0, 0, 0] => {
                let octets: [u8; 16] = zerocopy::transmute!(rest);
                Some(core::net::IpAddr::from(octets))
            }
            _ => None,
        }
    }
}

const _: () = assert!(size_of::<SenderKey>() * 8 == SenderKey::BITS as usize);

#[cfg(test)]
mod tests {
    extern crate std;

    use std::net::IpAddr;

    use super::{Outcome, SenderKey};

    #[test]
    fn codes_are_dense_and_labels_unique() {
        for (position, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(outcome.code() as usize, position + 1, "{}", outcome.label());
            assert!(Outcome::ALL[..position].iter().all(|other| other.label() != outcome.label()));
        }
    }

    #[test]
    fn keys_keep_their_address() {
        let v4 = SenderKey::from_v4([192, 0, 2, 1]);
        let v6 = SenderKey::from_v6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(v4.address(), Some(IpAddr::from([192, 0, 2, 1])));
        assert_eq!(v6.address(), "2001:db8::1".parse().ok());
        assert_eq!(SenderKey { words: [0; 5] }.address(), None);
        // The trie compares bytes in the order of their addresses.
        assert_eq!(zerocopy::IntoBytes::as_bytes(&v4)[..8], [4, 0, 0, 0, 192, 0, 2, 1]);
    }
}
