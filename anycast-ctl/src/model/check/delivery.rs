//! What delivery asks of addresses.

use super::{Found, form};
use crate::{
    model::{Backend, Delivery, Pool, Site, TunnelSettings, Vip, VlanTags},
    spelling::quoted,
};

/// The first backend of a pool whose frames are readdressed: what such a backend gets is as the client sent it.
fn first_l2(pool: &Pool) -> Option<&Backend> {
    pool.backends.iter().find(|backend| pool.delivery_of(backend) == Delivery::L2)
}

impl Found {
    /// Numbers of the tunnels' outer headers.
    pub fn tunnel_numbers(&mut self, tunnel: &TunnelSettings) {
        if tunnel.ttl == 0 {
            self.add("tunnel.ttl", "0 is out of range: give 1 to 255");
        }
        if tunnel.gue_port == 0 {
            self.add("tunnel.gue_port", "0 is out of range: give 1 to 65535");
        }
        if let VlanTags::Set(vlan) = tunnel.vlan
            && !VlanTags::VLANS.contains(&vlan)
        {
            self.add("tunnel.vlan", format!("{vlan} is out of range: give 1 to {}", VlanTags::VLANS.end()));
        }
    }

    /// The tunnels' source addresses.
    pub fn tunnel_sources(&mut self, site: &Site) {
        let sources = &site.tunnel.sources;
        for (i, &source) in sources.iter().enumerate() {
            let path = format!("tunnel.source[{i}]");
            if let Some(why) = form::unusable(source) {
                self.add(&path, format!("{source} cannot be the source of tunnels: {why}"));
            }
            let is = form::family(source);
            if sources.iter().take(i).any(|other| form::family(*other) == is) {
                let advice = "give one of each family at most";
                self.add(&path, format!("{source} is not the first {is} address: {advice}"));
            }
            let mut backends = site.pools.iter().flat_map(|pool| {
                pool.backends.iter().filter(|backend| pool.delivery_of(backend).is_tunnel())
            });
            if let Some(backend) = backends.find(|backend| backend.address == source) {
                let name = quoted(&backend.name);
                let advice = "it takes packets from itself for forged ones, give an address of this host";
                self.add(&path, format!("{source} is the address of backend {name}: {advice}"));
            }
        }
    }

    /// Backends on a segment get the VIP's own packets, and all VIPs of a pool are of one family.
    pub fn one_family(&mut self, pool: &Pool, backend: &Backend, path: &str) {
        if pool.delivery_of(backend) != Delivery::L2 {
            return;
        }
        let Some(first) = first_l2(pool) else { return };
        let (address, is, others) =
            (backend.address, form::family(backend.address), form::family(first.address));
        if is != others {
            let advice = format!(
                "put the {is} backends into a pool of their own, or reach them through a tunnel, delivery = \"ipip\" or \
                 \"gue\""
            );
            let message = format!("{address} is {is}, the pool's first `l2` backend is {others}: {advice}");
            self.add(path, message);
        }
    }

    /// A VIP and the backends that get its packets as they are.
    pub fn same_family(&mut self, vip: &Vip, pool: &Pool, path: &str) {
        let Some(backend) = first_l2(pool) else { return };
        let (is, others) = (form::family(vip.address), form::family(backend.address));
        if is != others {
            let (address, pool) = (vip.address, quoted(&pool.name));
            let advice = format!("servers answer from the VIP itself, so name a pool of {is} backends");
            let message = format!("{address} is {is}, the `l2` backends of {pool} are {others}: {advice}");
            self.add(format!("{path}.pool"), message);
        }
    }
}
