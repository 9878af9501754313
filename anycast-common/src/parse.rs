//! From bytes to headers: Ethernet and VLAN tags, IPv4 or IPv6 with options and extension headers, TCP, UDP or ICMP.
//!
//! Everything reads through [`crate::packet::PacketBytes`], so that the program, the tests and the fuzzer run the same parser.

mod extension;
mod icmp;
mod link;
mod network;
mod transport;

pub use extension::{MAX_OFFSET, Walked, walk_extensions};
pub use icmp::{Message, icmp};
pub use link::{Link, link};
pub use network::{Ip, IpHeader};
pub(crate) use transport::skip_options;
pub use transport::{Transport, Upper, transport, upper};

/// IANA protocol numbers.
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IPv4 in IP.
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in IP.
    pub const IPV6: u8 = 41;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// Authentication header.
    pub const AUTHENTICATION: u8 = 51;
    /// ICMPv6.
    pub const ICMP_V6: u8 = 58;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;
}
