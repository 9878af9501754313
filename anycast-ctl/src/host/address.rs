//! Addresses of this host.

use std::net::IpAddr;

use futures_util::TryStreamExt as _;
use rtnetlink::{
    Handle,
    packet_route::address::{AddressAttribute, AddressFlags, AddressMessage},
};

use super::greater;
use crate::interface::Interface;

/// An address of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The address.
    pub address: IpAddr,
    /// Length of its prefix.
    pub length: u8,
    /// Name of the interface it is on.
    pub interface: String,
    /// Duplicate address detection is not over: the address is not in use yet.
    pub tentative: bool,
    /// It found a duplicate: the address is not in use.
    pub duplicate: bool,
    /// Exempt from duplicate address detection.
    pub nodad: bool,
    /// `accept_dad` of its interface, as it counts.
    pub accept_dad: Option<u32>,
    /// `ndisc_notify` of its interface, as it counts.
    pub ndisc_notify: Option<u32>,
}

pub(super) async fn list(handle: &Handle, interfaces: &[Interface]) -> Result<Vec<Held>, rtnetlink::Error> {
    let messages: Vec<AddressMessage> = handle.address().get().execute().try_collect().await?;
    let named = |index: u32| interfaces.iter().find(|it| it.index == index);
    Ok(messages.iter().filter_map(|it| held(it, &named(it.header.index)?.name)).collect())
}

fn held(message: &AddressMessage, interface: &str) -> Option<Held> {
    let (mut address, mut local) = (None, None);
    let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    for attribute in &message.attributes {
        if let AddressAttribute::Address(it) = attribute {
            address = Some(*it);
        } else if let AddressAttribute::Local(it) = attribute {
            local = Some(*it);
        } else if let AddressAttribute::Flags(it) = attribute {
            flags = *it;
        }
    }
    Some(Held {
        // On a point-to-point interface the other one is the peer's.
        address: local.or(address)?,
        length: message.header.prefix_len,
        interface: interface.to_owned(),
        tentative: flags.contains(AddressFlags::Tentative) && !flags.contains(AddressFlags::Dadfailed),
        duplicate: flags.contains(AddressFlags::Dadfailed),
        nodad: flags.contains(AddressFlags::Nodad),
        accept_dad: greater("ipv6", interface, "accept_dad"),
        ndisc_notify: greater("ipv6", interface, "ndisc_notify"),
    })
}
