//! From bytes to headers: Ethernet and VLAN tags, IPv4 or IPv6, TCP or UDP.

mod link;
mod network;
mod transport;

pub use link::{Link, link};
pub use network::{Ip, IpHeader};
pub use transport::{Transport, transport};
