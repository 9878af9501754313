//! VIPs as addresses of an interface.
//!
//! They are marked as this daemon's by their protocol (`IFA_PROTO`, Linux 5.18; `ip address` shows it as `proto`). Older kernels
//! ignore that: there this daemon knows only the addresses that it added since it connected.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use rtnetlink::{
    AddressMessageBuilder,
    packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressProtocol},
};

use super::{
    Entry, Held,
    fault::{Fault, judge, judge_removal, to_io},
    netlink::Netlink,
};
use crate::{announce::driver::DriverError, model::KernelSettings};

/// Addresses that have this daemon's number.
pub struct Addresses {
    netlink: Netlink,
    interface: String,
    protocol: u8,
    /// What it added itself.
    added: BTreeSet<Entry>,
}

impl Addresses {
    /// Opens a socket.
    pub fn open(settings: &KernelSettings) -> Result<Self, DriverError> {
        let KernelSettings { interface, protocol, .. } = settings;
        let (interface, protocol) = (interface.clone(), *protocol);
        Ok(Self { netlink: Netlink::open()?, interface, protocol, added: BTreeSet::new() })
    }

    /// Lists single addresses: this daemon's on all interfaces, others' on the one where this daemon's would be.
    pub async fn list(&self) -> Result<Held, DriverError> {
        let doing = "listing addresses";
        let listed: Result<Vec<AddressMessage>, _> =
            self.netlink.address().get().execute().try_collect().await;
        let messages = match listed.map_err(|error| to_io(error, doing)) {
            Ok(messages) => messages,
            Err(Ok(error)) => return Err(DriverError::Refused(format!("{doing}: {error}"))),
            Err(Err(error)) => return Err(error),
        };
        let interface = nix::net::if_::if_nametoindex(self.interface.as_str()).unwrap_or_default();
        let mut held = Held::default();
        for (entry, protocol) in messages.iter().filter_map(held_by) {
            let is_own =
                protocol == Some(self.protocol) || (protocol.is_none() && self.added.contains(&entry));
            if is_own {
                held.own.insert(entry);
            } else if entry.interface == interface {
                held.theirs.insert(entry.prefix, self.theirs(entry));
            }
        }
        Ok(held)
    }

    /// Adds one. Of IPv6 addresses no duplicates are looked for: a VIP has some, and must be of use at once.
    pub async fn add(&mut self, entry: Entry) -> Result<Result<(), Fault>, DriverError> {
        let doing = format!("adding the address {} to {}", entry.prefix, self.interface);
        let mut request =
            self.netlink.address().add(entry.interface, entry.prefix.addr(), entry.prefix.prefix_len());
        let attributes = &mut request.message_mut().attributes;
        attributes.push(AddressAttribute::Protocol(AddressProtocol::from(self.protocol)));
        if entry.prefix.addr().is_ipv6() {
            attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        let judged = judge(&doing, request.execute().await)?;
        if judged.is_ok() {
            self.added.insert(entry);
        }
        Ok(judged)
    }

    /// Removes one.
    pub async fn remove(&mut self, entry: Entry) -> Result<Result<(), Fault>, DriverError> {
        let Entry { prefix, interface, .. } = entry;
        let message = match prefix.addr() {
            IpAddr::V4(address) => AddressMessageBuilder::<Ipv4Addr>::new()
                .index(interface)
                .address(address, prefix.prefix_len())
                .build(),
            IpAddr::V6(address) => AddressMessageBuilder::<Ipv6Addr>::new()
                .index(interface)
                .address(address, prefix.prefix_len())
                .build(),
        };
        let doing = format!("removing the address {prefix} from {}", self.interface);
        let judged = judge_removal(&doing, self.netlink.address().del(message).execute().await)?;
        if judged.is_ok() {
            self.added.remove(&entry);
        }
        Ok(judged)
    }

    fn theirs(&self, entry: Entry) -> String {
        let (prefix, interface) = (entry.prefix, &self.interface);
        format!(
            "the address {prefix} on {interface} is not this daemon's, and is there whatever happens: remove it (`ip address \
             del {prefix} dev {interface}`), or take mode = \"route\" if this host must hold it"
        )
    }
}

/// A single address, and who says that it is theirs.
fn held_by(message: &AddressMessage) -> Option<(Entry, Option<u8>)> {
    let (mut address, mut local, mut protocol) = (None, None, None);
    for attribute in &message.attributes {
        if let AddressAttribute::Address(it) = attribute {
            address = Some(*it);
        } else if let AddressAttribute::Local(it) = attribute {
            local = Some(*it);
        } else if let AddressAttribute::Protocol(it) = attribute {
            protocol = Some(u8::from(*it));
        }
    }
    let prefix = IpNet::new(local.or(address)?, message.header.prefix_len).ok()?;
    let is_single = prefix.prefix_len() == prefix.max_prefix_len();
    is_single.then_some((Entry { prefix, metric: 0, interface: message.header.index }, protocol))
}
