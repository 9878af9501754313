use std::net::IpAddr;

use super::{Why, event::Prefix};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_prefix_contains_its_addresses_and_no_others() {
    for (prefix, length, address, contained) in [
        ("10.0.0.0", 24, "10.0.0.255", true),
        ("10.0.0.0", 24, "10.0.1.0", false),
        ("10.0.0.1", 32, "10.0.0.1", true),
        ("10.0.0.1", 32, "10.0.0.0", false),
        ("0.0.0.0", 0, "203.0.113.9", true),
        ("0.0.0.0", 0, "2001:db8::1", false),
        ("2001:db8::", 32, "2001:db8:ffff::1", true),
        ("2001:db8::", 32, "2001:db9::1", false),
        ("::", 0, "2001:db8::1", true),
    ] {
        let it = Prefix { address: ip(prefix), length };
        assert_eq!(it.contains(ip(address)), contained, "{prefix}/{length} {address}");
    }
}

#[test]
fn a_silent_neighbour_is_named_with_its_protocol_and_interface() {
    let silent = |address| Why::NoAnswer { neighbour: ip(address), interface: "eth0".into() }.to_string();
    assert_eq!(silent("10.0.0.11"), "no answer to ARP from 10.0.0.11 on eth0");
    assert_eq!(silent("fd00::11"), "no answer to neighbour discovery from fd00::11 on eth0");
}
