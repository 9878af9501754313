//! How packets get to one backend: what the operator wants, on the path the kernel knows. No IO.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use anycast_common::{
    backend::{Backend as KernelBackend, Delivery as KernelDelivery, LinkTag},
    tunnel::Tunnel,
};

use crate::{
    model::{Delivery, TunnelSettings, VlanTags},
    neighbour::{NextHop, Resolution, Why},
};

/// The way to one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way<'a> {
    /// Where frames go; `None` when they stay on this host.
    pub next_hop: Option<&'a NextHop>,
    /// Bytes of the largest IP packet that fits: the path MTU, less the outer headers. `None`: any packet does.
    pub mtu: Option<u16>,
    /// Outer headers, if packets get some.
    pub tunnel: Option<Tunnel>,
    /// As the program calls it.
    delivery: KernelDelivery,
    vlan: VlanTags,
}

/// Why there is none. `Display` is what `status` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoWay<'a> {
    /// The path was not looked up yet.
    Unknown,
    /// The kernel knows no path.
    Unresolved(&'a Why),
    /// A backend that is to be this host has an address that is not.
    NotOwn {
        /// The backend's address.
        address: IpAddr,
    },
    /// No address of this host can be the tunnel's source.
    NoSource {
        /// The backend's address.
        address: IpAddr,
    },
    /// The path takes nothing but the outer headers.
    Narrow {
        /// Name of the interface.
        interface: String,
        /// Bytes of the largest packet on the path.
        mtu: u32,
    },
}

impl<'a> Way<'a> {
    /// The way to a backend with that address.
    ///
    /// # Errors
    ///
    /// What keeps packets from it.
    pub fn find(
        delivery: Delivery,
        address: IpAddr,
        resolution: Option<&'a Resolution>,
        settings: &TunnelSettings,
    ) -> Result<Self, NoWay<'a>> {
        let resolution = resolution.ok_or(NoWay::Unknown)?;
        let next_hop = match (delivery, resolution) {
            (Delivery::Local, Resolution::Unresolved(Why::Local { .. }) | Resolution::Inherited(None)) => {
                return Ok(Self::LOCAL);
            }
            (Delivery::Local, Resolution::Inherited(Some(_))) | (_, Resolution::Inherited(None)) => {
                return Err(NoWay::Unknown);
            }
            (Delivery::Local, Resolution::Unresolved(why @ Why::Lookup { .. })) => {
                return Err(NoWay::Unresolved(why));
            }
            (Delivery::Local, _) => return Err(NoWay::NotOwn { address }),
            (_, Resolution::Unresolved(why)) => return Err(NoWay::Unresolved(why)),
            (_, Resolution::Resolved(next_hop) | Resolution::Inherited(Some(next_hop))) => next_hop,
        };
        let (delivery, tunnel) = match delivery {
            Delivery::Local | Delivery::L2 => (KernelDelivery::L2, None),
            Delivery::Ipip => tunnel(address, next_hop, settings, None)?,
            Delivery::Gue => tunnel(address, next_hop, settings, Some(settings.gue_port))?,
        };
        let path = u16::try_from(next_hop.mtu).unwrap_or(u16::MAX);
        let mtu = usize::from(path).checked_sub(delivery.overhead()).filter(|&mtu| mtu > 0);
        let mtu = mtu
            .and_then(|mtu| u16::try_from(mtu).ok())
            .ok_or_else(|| NoWay::Narrow { interface: next_hop.interface.clone(), mtu: next_hop.mtu })?;
        Ok(Self { next_hop: Some(next_hop), mtu: Some(mtu), tunnel, delivery, vlan: settings.vlan })
    }

    /// To this host's own stack.
    const LOCAL: Self = Self {
        next_hop: None,
        mtu: None,
        tunnel: None,
        delivery: KernelDelivery::Local,
        vlan: VlanTags::Strip,
    };

    /// The entry of a backend that is reached by it, but for its seat.
    pub fn kernel_backend(&self) -> KernelBackend {
        let (link_tag, vlan) = match self.vlan {
            VlanTags::Set(vlan) if self.tunnel.is_some() => (LinkTag::Set, vlan),
            VlanTags::Keep if self.tunnel.is_some() => (LinkTag::Keep, 0),
            VlanTags::Strip | VlanTags::Keep | VlanTags::Set(_) => (LinkTag::Strip, 0),
        };
        KernelBackend {
            destination: self.next_hop.map(|hop| hop.mac).unwrap_or_default(),
            state: KernelBackend::USABLE,
            source: self.next_hop.map(|hop| hop.source_mac).unwrap_or_default(),
            ifindex: self.next_hop.map(|hop| hop.ifindex).unwrap_or_default(),
            mtu: self.mtu.unwrap_or(u16::MAX),
            delivery: self.delivery.code(),
            link_tag: link_tag.code(),
            vlan,
            overhead: self.delivery.overhead() as u16,
            ..KernelBackend::default()
        }
    }
}

/// The outer headers of packets to an address, of its family.
fn tunnel<'a>(
    address: IpAddr,
    next_hop: &NextHop,
    settings: &TunnelSettings,
    udp_port: Option<u16>,
) -> Result<(KernelDelivery, Option<Tunnel>), NoWay<'a>> {
    let no_source = NoWay::NoSource { address };
    let (delivery, tunnel) = match address {
        IpAddr::V4(destination) => {
            let source = settings.source_v4().or_else(|| preferred_v4(next_hop)).ok_or(no_source)?;
            let delivery = if udp_port.is_some() { KernelDelivery::GueV4 } else { KernelDelivery::IpipV4 };
            (delivery, Tunnel::v4(source, destination, settings.ttl, udp_port))
        }
        IpAddr::V6(destination) => {
            let source = settings.source_v6().or_else(|| preferred_v6(next_hop)).ok_or(no_source)?;
            let delivery = if udp_port.is_some() { KernelDelivery::GueV6 } else { KernelDelivery::IpipV6 };
            (delivery, Tunnel::v6(source, destination, settings.ttl, udp_port))
        }
    };
    Ok((delivery, Some(tunnel)))
}

fn preferred_v4(next_hop: &NextHop) -> Option<Ipv4Addr> {
    match next_hop.source {
        Some(IpAddr::V4(source)) if !source.is_unspecified() => Some(source),
        Some(IpAddr::V4(_) | IpAddr::V6(_)) | None => None,
    }
}

fn preferred_v6(next_hop: &NextHop) -> Option<Ipv6Addr> {
    match next_hop.source {
        // The kernel's last resort when there is no address of greater scope: no other host could tell whose it is.
        Some(IpAddr::V6(source)) if !source.is_unspecified() && !source.is_unicast_link_local() => {
            Some(source)
        }
        Some(IpAddr::V4(_) | IpAddr::V6(_)) | None => None,
    }
}

impl fmt::Display for NoWay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the way to it is being looked up"),
            Self::Unresolved(why) => why.fmt(f),
            Self::NotOwn { address } => {
                write!(f, "{address} is no address of this host, as delivery = \"local\" wants: add it here")
            }
            Self::NoSource { address } => {
                let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
                write!(
                    f,
                    "this host has no {family} address to tunnel to {address} from: give one under [tunnel] source"
                )
            }
            Self::Narrow { interface, mtu } => {
                write!(f, "the path by {interface} takes packets of {mtu} bytes: no room for outer headers")
            }
        }
    }
}

#[cfg(test)]
mod tests;
