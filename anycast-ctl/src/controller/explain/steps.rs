//! The steps of a walk, in names.

mod counted;
mod effect;
mod why;

use std::net::IpAddr;

use anycast_common::{
    backend::Delivery,
    clock,
    steer::{Kind, Why},
    walk::Walk,
};

use super::{names::Names, reason};
use crate::{
    api::types::{
        ExplainedBackend, ExplainedDelivery, ExplainedFlow, ExplainedPacket, ExplainedPin, ExplainedReason,
        ExplainedSlot, ExplainedVip,
    },
    dataplane::now_ticks,
    model::{Protocol, Service, Vip},
};

/// A walk and the names of what it met.
pub struct Steps<'a> {
    pub names: &'a Names,
    pub walk: &'a Walk,
}

impl Steps<'_> {
    /// Why the packet is not delivered.
    pub fn reason(&self) -> Option<ExplainedReason> {
        reason(self.walk).map(|reason| ExplainedReason {
            code: reason.code(),
            reason: reason.label().to_owned(),
            description: reason.description().to_owned(),
        })
    }

    /// The VIP, and the service that takes the packet.
    pub fn vip(&self) -> Option<ExplainedVip> {
        if !self.walk.has(Walk::VIP) {
            return None;
        }
        let Some(vip) = self.names.vip(self.walk.vip) else {
            let (name, pool) = (format!("number {}", self.walk.vip), self.names.pool(self.walk.pool));
            let pool = pool.map(|pool| pool.name.clone());
            return Some(ExplainedVip { name, address: None, pool, service: None });
        };
        Some(ExplainedVip {
            name: vip.name.clone(),
            address: Some(vip.address),
            pool: Some(vip.pool.clone()),
            service: self.service(vip),
        })
    }

    /// The service with the flow's port, or else the one for any port.
    fn service(&self, vip: &Vip) -> Option<Service> {
        let flow = self.walk.flow()?;
        let protocol = [Protocol::Tcp, Protocol::Udp].into_iter().find(|it| it.number() == flow.protocol)?;
        let serving = |port| vip.services.iter().copied().find(|it| *it == Service { protocol, port });
        serving(flow.destination_port).or_else(|| serving(0))
    }

    /// The flow.
    pub fn flow(&self) -> Option<ExplainedFlow> {
        let flow = self.walk.flow()?;
        let protocol = match flow.protocol {
            6 => "tcp".to_owned(),
            17 => "udp".to_owned(),
            other => other.to_string(),
        };
        let kind = match self.kind()? {
            Kind::Continues => "continues",
            Kind::Ends => "ends",
            Kind::Opens => "opens",
            Kind::Datagram => "datagram",
            Kind::Pinned => "pinned",
            Kind::Reports => "reports",
        };
        Some(ExplainedFlow {
            protocol,
            source: IpAddr::from(flow.source),
            source_port: flow.source_port,
            destination: IpAddr::from(flow.destination),
            destination_port: flow.destination_port,
            quoted: self.walk.has(Walk::QUOTED),
            kind: kind.to_owned(),
        })
    }

    fn kind(&self) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.code() == self.walk.kind)
    }

    fn reached_why(&self) -> Option<Why> {
        let chosen = self.walk.has(Walk::CHOICE);
        Why::ALL.iter().copied().find(|why| why.code() == self.walk.why).filter(|_| chosen)
    }

    /// The slot.
    pub fn slot(&self) -> Option<ExplainedSlot> {
        let owners = self.walk.owners()?;
        Some(ExplainedSlot {
            hash: format!("{:016x}", self.walk.hash),
            slot: self.walk.slot,
            slots: self.walk.slots,
            in_transition: !owners.is_stable(),
            current: self.names.owner(owners.current()),
            base: self.names.owner(owners.base()),
        })
    }

    /// What is remembered of the flow, and why it is not followed if it is not.
    pub fn pin(&self) -> Option<ExplainedPin> {
        let pin = self.walk.pin()?;
        let idle = clock::since(pin.last_seen(), now_ticks());
        let timeout = self.names.pool(self.walk.pool).map(|pool| pool.idle_timeout.as_secs());
        let expired = timeout
            .is_some_and(|seconds| idle > clock::ticks_at_least(u32::try_from(seconds).unwrap_or(u32::MAX)));
        let followed = self.reached_why() == Some(Why::Pinned);
        let void = if followed {
            None
        } else if expired {
            Some(format!("it is older than the idle timeout of {} s", timeout.unwrap_or_default()))
        } else {
            let named = self.names.backend(pin.backend());
            let is_same = named.is_some_and(|named| named.seat.generation == pin.generation());
            let what = if is_same { "is not usable" } else { "was removed since" };
            Some(format!("its backend {what}"))
        };
        Some(ExplainedPin {
            map: if self.walk.has(Walk::EMBRYONIC) { "embryonic" } else { "pins" }.to_owned(),
            backend: self.names.owner(pin.backend())?,
            idle_seconds: u64::from(idle) * (1 << clock::TICK_SHIFT) / 1_000_000_000,
            void,
        })
    }

    /// The backend.
    pub fn backend(&self) -> Option<ExplainedBackend> {
        let usable = self.walk.has(Walk::BACKEND);
        if !usable && !self.walk.has(Walk::CHOICE) {
            return None;
        }
        let owner = self.names.owner(self.walk.backend)?;
        let Some(named) = self.names.backend(self.walk.backend) else {
            let (name, address) = (owner.name, owner.address);
            return Some(ExplainedBackend { pool: None, name, address, usable, state: None, detail: None });
        };
        let (state, detail) = self.names.state(&named);
        Some(ExplainedBackend {
            pool: Some(named.pool.name.clone()),
            name: owner.name,
            address: owner.address,
            usable,
            state: Some(state),
            detail,
        })
    }

    /// How the packet gets there. Addresses are those of the frame that leaves.
    pub fn delivery(&self, after: Option<&ExplainedPacket>) -> Option<ExplainedDelivery> {
        if !self.walk.has(Walk::BACKEND) {
            return None;
        }
        let delivery = Delivery::ALL.into_iter().find(|it| it.code() == self.walk.delivery)?;
        let mode = match delivery {
            Delivery::L2 => "l2",
            Delivery::Local => "local",
            Delivery::IpipV4 => "ipip4",
            Delivery::IpipV6 => "ipip6",
            Delivery::GueV4 => "gue4",
            Delivery::GueV6 => "gue6",
        };
        let delivered = after.filter(|_| self.walk.reason == 0);
        let ethernet = delivered.and_then(|after| after.layers.first());
        let address = |name: &str| {
            let field = ethernet?.fields.iter().find(|field| field.field == name)?;
            Some(field.value.clone())
        };
        Some(ExplainedDelivery {
            mode: mode.to_owned(),
            mtu: (delivery != Delivery::Local).then_some(self.walk.mtu),
            interface: interface_name(self.walk.egress_ifindex),
            source_mac: address("source"),
            destination_mac: address("destination"),
        })
    }

    /// What is not as it looks.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.walk.does(anycast_common::walk::Effect::ErrorSpent) {
            notes.push(
                "how many ICMP errors may still be sent is counted per CPU: another CPU may answer while this one may not"
                    .to_owned(),
            );
        }
        notes
    }
}

/// The name of an interface, if there is one of that index.
fn interface_name(index: u32) -> Option<String> {
    if index == 0 {
        return None;
    }
    // nix 0.31 takes the null pointer of a failure for success, and answers with an empty name.
    let name = nix::net::if_::if_indextoname(index).ok()?;
    Some(name.into_string().ok().filter(|name| !name.is_empty()).unwrap_or_else(|| format!("index {index}")))
}
