//! What there is on this machine: asked of the kernel once, judged elsewhere.

use std::path::Path;

use crate::{
    host::{Network, greater, own},
    interface::Interface,
    receive::{InterfaceStatus, ReceiveError, status},
};

/// What the checks are about.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The interface packets come in by.
    pub interface: Interface,
    /// What receives there; why nothing does.
    pub receiver: Result<InterfaceStatus, String>,
    /// Addresses and default routes.
    pub network: Network,
    /// Settings of the interface.
    pub sysctls: Sysctls,
}

/// Settings below /proc/sys/net/{ipv4,ipv6}/conf, as they count: the greater of the interface's and of `all`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sysctls {
    /// Which ARP requests are answered.
    pub arp_ignore: Option<u32>,
    /// Which address asks in ARP.
    pub arp_announce: Option<u32>,
    /// Whether a packet must have come by its way back.
    pub rp_filter: Option<u32>,
    /// Whether the interface has no IPv6; the interface's own.
    pub disable_ipv6: Option<u32>,
}

/// Asks the kernel.
pub async fn gather(bpffs: &Path, name: &str) -> Result<Facts, ReceiveError> {
    let interface = Interface::find(name).await?;
    let receiver = match status(bpffs, Some(&interface.name)).await {
        Ok(status) => status.interfaces.into_iter().next().ok_or_else(|| "nothing receives".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let network = Network::gather(&Interface::list().await?).await?;
    let sysctls = Sysctls {
        arp_ignore: greater("ipv4", &interface.name, "arp_ignore"),
        arp_announce: greater("ipv4", &interface.name, "arp_announce"),
        rp_filter: greater("ipv4", &interface.name, "rp_filter"),
        disable_ipv6: own("ipv6", &interface.name, "disable_ipv6"),
    };
    Ok(Facts { sysctls, receiver, network, interface })
}
