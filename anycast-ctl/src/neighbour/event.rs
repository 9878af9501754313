//! Notifications of the kernel's link, address, route, rule and neighbour tables.

use std::{io, net::IpAddr};

use rtnetlink::{
    MulticastGroup,
    packet_core::Parseable as _,
    packet_route::{
        AddressFamily,
        link::LinkMessage,
        neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage},
        route::{RouteAddress, RouteAttribute, RouteMessage},
    },
};

use crate::{interface::Interface, netlink::Notifications};

/// Everything the way to a backend can depend on. `Nexthop` is for routes that name a nexthop object; the addresses are for
/// the source of tunnels.
const GROUPS: [MulticastGroup; 9] = [
    MulticastGroup::Link,
    MulticastGroup::Neigh,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Route,
    MulticastGroup::Ipv4Rule,
    MulticastGroup::Ipv6Rule,
    MulticastGroup::Nexthop,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv6Ifaddr,
];

/// `sizeof(struct nlmsghdr)`.
const HEADER_BYTES: usize = 16;

/// What may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// One neighbour on one interface.
    Neighbour(u32, IpAddr),
    /// The route to one prefix.
    Route(Prefix),
    /// An interface came, or is as described.
    Link(Interface),
    /// An interface went.
    LinkGone(u32),
    /// This host has an address more or less.
    Addresses,
    /// Anything: rules, nexthop objects, and messages that could not be read.
    Anything,
}

/// An address prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    pub(super) address: IpAddr,
    pub(super) length: u8,
}

impl Prefix {
    /// Whether the address lies within the prefix.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(prefix), IpAddr::V4(address)) => {
                let differ = prefix.to_bits() ^ address.to_bits();
                differ.leading_zeros() >= u32::from(self.length).min(32)
            }
            (IpAddr::V6(prefix), IpAddr::V6(address)) => {
                let differ = prefix.to_bits() ^ address.to_bits();
                differ.leading_zeros() >= u32::from(self.length).min(128)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Follows all of them.
pub(super) struct Events(Notifications);

impl Events {
    /// Subscribes. What happens from here on is told.
    pub(super) fn subscribe() -> io::Result<Self> {
        Notifications::subscribe(&GROUPS).map(Self)
    }

    /// The next changes; errors as of [`Notifications::next`].
    pub(super) async fn next(&self) -> io::Result<Vec<Event>> {
        Ok(read(&self.0.next().await?))
    }
}

/// Reads a datagram of netlink messages, RFC 3549 section 2.3.2.
fn read(mut datagram: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    while !datagram.is_empty() {
        let header = datagram.first_chunk::<HEADER_BYTES>().map(|&[l0, l1, l2, l3, t0, t1, ..]| {
            (u32::from_ne_bytes([l0, l1, l2, l3]), u16::from_ne_bytes([t0, t1]))
        });
        let message = header.and_then(|(length, kind)| {
            let length = usize::try_from(length).ok()?;
            Some((datagram.get(HEADER_BYTES..length)?, kind, length.next_multiple_of(4)))
        });
        let Some((payload, kind, aligned)) = message else {
            events.push(Event::Anything);
            return events;
        };
        events.extend(read_message(kind, payload));
        datagram = datagram.get(aligned..).unwrap_or_default();
    }
    events
}

/// `None` for what concerns no backend. What cannot be read may be anything.
fn read_message(kind: u16, payload: &[u8]) -> Option<Event> {
    match kind {
        libc::RTM_NEWNEIGH | libc::RTM_DELNEIGH => {
            let Ok(message) = NeighbourMessage::parse(payload) else { return Some(Event::Anything) };
            neighbour(&message)
        }
        libc::RTM_NEWROUTE | libc::RTM_DELROUTE => {
            let Ok(message) = RouteMessage::parse(payload) else { return Some(Event::Anything) };
            route(&message)
        }
        libc::RTM_NEWLINK => {
            let Ok(message) = LinkMessage::parse(payload) else { return Some(Event::Anything) };
            Interface::from_message(&message).map(Event::Link)
        }
        libc::RTM_DELLINK => {
            let Ok(message) = LinkMessage::parse(payload) else { return Some(Event::Anything) };
            Interface::from_message(&message).map(|interface| Event::LinkGone(interface.index))
        }
        libc::RTM_NEWADDR | libc::RTM_DELADDR => Some(Event::Addresses),
        _ => Some(Event::Anything),
    }
}

/// `None` for entries of a bridge's forwarding table.
fn neighbour(message: &NeighbourMessage) -> Option<Event> {
    message.attributes.iter().find_map(|attribute| {
        let NeighbourAttribute::Destination(destination) = attribute else { return None };
        let address = if let NeighbourAddress::Inet(address) = destination {
            IpAddr::V4(*address)
        } else if let NeighbourAddress::Inet6(address) = destination {
            IpAddr::V6(*address)
        } else {
            return None;
        };
        Some(Event::Neighbour(message.header.ifindex, address))
    })
}

/// `None` for protocols other than IP.
fn route(message: &RouteMessage) -> Option<Event> {
    let any = if message.header.address_family == AddressFamily::Inet {
        IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)
    } else if message.header.address_family == AddressFamily::Inet6 {
        IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)
    } else {
        return None;
    };
    let destination = message.attributes.iter().find_map(|attribute| {
        let RouteAttribute::Destination(destination) = attribute else { return None };
        ip(destination)
    });
    Some(Event::Route(Prefix {
        address: destination.unwrap_or(any),
        length: message.header.destination_prefix_length,
    }))
}

/// An IP address out of a route; `None` for labels and the like.
pub(super) fn ip(address: &RouteAddress) -> Option<IpAddr> {
    if let RouteAddress::Inet(address) = address {
        Some(IpAddr::V4(*address))
    } else if let RouteAddress::Inet6(address) = address {
        Some(IpAddr::V6(*address))
    } else {
        None
    }
}
