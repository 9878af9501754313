//! What single names and addresses may look like.

use std::net::IpAddr;

/// Longest name of a VIP, pool or backend, in bytes: they become labels, paths and table columns.
const NAME_BYTES: usize = 63;
/// `IFNAMSIZ` less the terminating zero.
const INTERFACE_BYTES: usize = 15;

/// What [`is_name`] asks for.
pub const NAME_RULE: &str = "1 to 63 letters, digits, `.`, `_` and `-`, beginning with a letter or digit";

/// Whether it may name a VIP, pool, backend or node. It is part of URLs and arguments, so `..` and `-x` are out.
pub fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    name.len() <= NAME_BYTES
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.bytes().all(inner)
}

/// Whether the kernel would accept it as the name of an interface: `dev_valid_name` in net/core/dev.c.
pub fn is_interface(name: &str) -> bool {
    // The kernel's white space is Latin-1's.
    let space = |byte: u8| byte.is_ascii_whitespace() || byte == 0x0b || byte == 0xa0;
    let refused = |byte: u8| byte == b'/' || byte == b':' || space(byte);
    (1..=INTERFACE_BYTES).contains(&name.len()) && !matches!(name, "." | "..") && !name.bytes().any(refused)
}

/// Why no packet could be delivered to that address, if none could.
pub fn unusable(address: IpAddr) -> Option<&'static str> {
    let own = match address {
        IpAddr::V4(address) => match address.octets() {
            [255, 255, 255, 255] => Some("it is the broadcast address"),
            [0, ..] => Some("0.0.0.0/8 is no host's address"),
            _ => None,
        },
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => {
            Some("it is an IPv4 address mapped into IPv6, write the IPv4 one")
        }
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            Some("fe80::/10 means another host on every link, give a global or unique local address")
        }
        IpAddr::V6(_) => None,
    };
    own.or_else(|| address.is_unspecified().then_some("it is the unspecified address"))
        .or_else(|| address.is_multicast().then_some("it is a multicast address"))
        .or_else(|| address.is_loopback().then_some("loopback addresses do not leave their host"))
}

/// The family, as people call it.
pub fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}
