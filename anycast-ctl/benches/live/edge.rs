//! The loaded program on the lab's edge, with the lab's backends behind it.

use anycast_common::{backend::Backend, slot::Slot};
use anycast_ctl::{
    dataplane::{Dataplane, DirectoryEntry, LoadOptions},
    maglev::{self, Member},
    model::{HashPolicy, OnEmpty, Seed, UdpPolicy},
};
use anyhow::Context as _;
use nix::net::if_::if_nametoindex;
use xtask::lab::{Family, INTERFACE, OwnedLab, server::HTTP_PORT};

use crate::generator::Stream;

const SLOTS: u32 = 65_537;

/// One pool of each family's VIP.
pub struct Edge {
    pub dataplane: Dataplane,
    owners: Vec<u16>,
    backends: u16,
    in_transition: Option<bool>,
}

impl Edge {
    pub fn new(lab: &OwnedLab) -> anyhow::Result<Self> {
        let mut dataplane = Dataplane::load(&LoadOptions::new(Seed::new(0x0123_4567_89ab_cdef)))?;
        let ifindex =
            lab.inside("edge", || if_nametoindex(INTERFACE).context("finding the edge's interface"))?;
        let mut members = Vec::new();
        for (index, host) in (0..).zip(&lab.plan().backends) {
            let address = host.addresses.v4;
            let backend = Backend {
                destination: [2, 0, 0, 0, 2, address.octets()[3]],
                state: Backend::USABLE,
                source: [2, 0, 0, 0, 2, lab.plan().edge.addresses.v4.octets()[3]],
                generation: 0,
                ifindex,
                first_counter: u32::from(index) * 2,
                mtu: u16::MAX,
                ..Backend::default()
            };
            dataplane.set_backend(index, backend);
            members.push(Member::new(address.into(), 1));
        }
        let owners = maglev::table(&members, SLOTS, 7)?;
        let vips = lab.plan().vips;
        let directory: Vec<DirectoryEntry> = (0_u16..)
            .zip(Family::ALL)
            .map(|(ordinal, family)| {
                anyhow::Ok(DirectoryEntry {
                    address: vips.of(family),
                    number: ordinal + 1,
                    pool: 0,
                    ordinal: ordinal.into(),
                    drop_unknown_port: false,
                    answer_echo: true,
                    hash: HashPolicy::FiveTuple,
                    udp: UdpPolicy::Stateless,
                    on_empty: OnEmpty::Drop,
                    idle_timeout_ticks: 300,
                    services: vec![format!("tcp/{HTTP_PORT}").parse()?],
                })
            })
            .collect::<Result<_, _>>()?;
        dataplane.publish_directory(&directory)?;
        let backends = u16::try_from(members.len())?;
        Ok(Self { dataplane, owners, backends, in_transition: None })
    }

    /// Brings the slots into the stream's state.
    pub fn prepare(&mut self, stream: &Stream) -> anyhow::Result<()> {
        if self.in_transition != Some(stream.in_transition) {
            let slot = |owner: u16| match stream.in_transition {
                true => Slot::in_transition(owner, (owner + 1) % self.backends),
                false => Slot::stable(owner),
            };
            let slots: Vec<Slot> = self.owners.iter().map(|&owner| slot(owner)).collect();
            self.dataplane.publish_table(0, &slots)?;
            self.in_transition = Some(stream.in_transition);
        }
        Ok(())
    }

    /// Packets the program has delivered.
    pub fn delivered(&self) -> anyhow::Result<u64> {
        let counters = 0..u32::from(self.backends) * 2;
        counters.map(|counter| Ok(self.dataplane.traffic(counter)?.packets)).sum()
    }
}
