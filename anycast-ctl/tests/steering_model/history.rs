//! What happens: packets, changes of the site, time, sweeps; and the controller that follows them.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use anycast_common::{
    clock::ticks_at_least,
    slot::Slot,
    steer::{FlowMap as _, Kind},
};
use anycast_ctl::{
    condition::{Condition, Marks, Opinions},
    drain::{Found, Remains},
    model::{AdminState, Backend, OnDown, Pool, Seed, Site, UdpPolicy, Vip},
    neighbour::{NextHop, Resolution, Why},
    numbers::{Capacity, Numbers},
    reconcile::{self, Maps, Operation},
    sweep::{Outcome, Sweep, Tables as _},
    transition::{self, Census},
    utc::Utc,
};

use crate::{
    kernel::{Cursor, Kernel, LruMap, PoolTable, SEED},
    oracle::Oracle,
};

/// Seconds of the idle timeout.
const IDLE_SECONDS: u32 = 20;

/// Its ticks.
pub const IDLE: u32 = ticks_at_least(IDLE_SECONDS);

/// Backends a pool may have.
pub const BACKENDS: u8 = 6;

/// One thing that happens. Pool 0 is TCP, pool 1 UDP that is pinned.
#[derive(Clone, Debug)]
pub enum Event {
    Open(u8),
    Packet(u8),
    Close(u8),
    Datagram(u8),
    /// An ICMP error about such a datagram.
    Report(u8),
    Wait(u32),
    Add(u16, u8),
    Remove(u16, u8),
    Weight(u16, u8, u32),
    Drain(u16, u8, Option<u32>),
    Undrain(u16, u8),
    Mark(u16, u8, bool),
    Resolve(u16, u8, bool),
    /// Pieces of a sweep, each of so many entries or slots.
    Sweep(u8, u8),
    /// The filter is cleared, if it may be.
    ClearFilter,
}

/// How the site begins.
#[derive(Clone, Debug)]
pub struct Setting {
    pub slots: u32,
    pub on_down: OnDown,
    pub pins: usize,
    pub embryonic: usize,
}

/// A mistake that someone might make, to see that it would be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    MergeOverwritesBase,
    MergeForgetsBase,
    MergeSettlesWhatComesBack,
    SweepSkipsEmbryonic,
    SweepSkipsPins,
    SweepIgnoresStamps,
    SweepKeepsTheDead,
    StampsNotRenewed,
    RemovedOwnersAreForgotten,
    FilterClearedInTransition,
    DrainTrustsAnySweep,
    DrainForgetsRecords,
    DrainForgetsSlots,
}

/// The whole host.
pub struct Host {
    pub kernel: Kernel,
    pub oracle: Oracle,
    pub flaw: Flaw,
    site: Site,
    numbers: Numbers,
    marks: Marks,
    unresolved: BTreeSet<IpAddr>,
    installed: Maps,
    sweep: Option<Running>,
    found: Found,
}

/// A sweep under way.
struct Running {
    sweep: Sweep,
    began: u32,
    outcome: Outcome,
    phase: Phase,
}

#[derive(Clone)]
enum Phase {
    Flows { pins: bool, cursor: Option<Cursor> },
    Slots(u16, u32),
}

impl Host {
    /// A host with three backends in each pool.
    pub fn new(setting: &Setting, flaw: Flaw) -> Self {
        let pool = |name: &str, udp| Pool {
            slots: setting.slots,
            on_down: setting.on_down,
            udp,
            idle_timeout: Duration::from_secs(IDLE_SECONDS.into()),
            ..Pool::new(name, Vec::new())
        };
        let services = || vec!["tcp/443".parse().unwrap(), "udp/443".parse().unwrap()];
        let vip = |number: u8, pool: &str| {
            Vip::new(pool, Ipv4Addr::new(192, 0, 2, number).into(), services(), pool)
        };
        let mut host = Self {
            kernel: Kernel {
                now: 1000,
                idle_timeout: IDLE,
                pools: vec![PoolTable::default(), PoolTable::default()],
                backends: Default::default(),
                pins: LruMap::new(setting.pins),
                embryonic: LruMap::new(setting.embryonic),
                filter: Default::default(),
            },
            oracle: Oracle::default(),
            flaw,
            site: Site {
                interfaces: vec!["eth0".into()],
                seed: Some(Seed::new(SEED)),
                pools: vec![pool("tcp", UdpPolicy::Stateless), pool("udp", UdpPolicy::Pinned)],
                vips: vec![vip(1, "tcp"), vip(2, "udp")],
                ..Site::default()
            },
            numbers: Numbers::default(),
            marks: Marks::new(),
            unresolved: BTreeSet::new(),
            installed: Maps::default(),
            sweep: None,
            found: Found::since(1000),
        };
        for pool in 0..2 {
            (0..3).for_each(|backend| host.add(pool, backend));
        }
        host.reconcile();
        host
    }

    /// Lets one thing happen.
    pub fn happen(&mut self, event: &Event) -> Result<(), String> {
        match *event {
            Event::Open(client) => {
                self.packet(0, client, Kind::Opens)?;
            }
            Event::Packet(client) => {
                self.packet(0, client, Kind::Continues)?;
            }
            Event::Datagram(client) => {
                self.packet(1, client, Kind::Pinned)?;
            }
            Event::Report(client) => {
                self.packet(1, client, Kind::Reports)?;
            }
            Event::Close(client) => {
                self.packet(0, client, Kind::Ends)?;
                self.oracle.over(0, client);
            }
            Event::Wait(ticks) => self.kernel.now += ticks,
            Event::Add(pool, backend) => self.add(pool, backend),
            Event::Remove(pool, backend) => {
                let (key, backends) = (key(pool, backend), &mut self.site.pools[usize::from(pool)].backends);
                backends.retain(|other| other.address != key.1);
                self.marks.remove(&key);
            }
            Event::Weight(pool, backend, weight) => {
                let (_, address) = key(pool, backend);
                let backends = &mut self.site.pools[usize::from(pool)].backends;
                backends
                    .iter_mut()
                    .filter(|other| other.address == address)
                    .for_each(|it| it.weight = weight);
            }
            Event::Drain(pool, backend, ticks) => {
                let until = ticks.map(|ticks| self.time(self.kernel.now + ticks));
                self.set_state(pool, backend, AdminState::Draining, until);
            }
            Event::Undrain(pool, backend) => {
                self.set_state(pool, backend, AdminState::Active, None);
            }
            Event::Mark(pool, backend, up) => {
                let key = key(pool, backend);
                if up {
                    self.marks.remove(&key)
                } else {
                    self.marks.insert(key)
                };
            }
            Event::Resolve(pool, backend, resolved) => {
                let (_, address) = key(pool, backend);
                if resolved {
                    self.unresolved.remove(&address)
                } else {
                    self.unresolved.insert(address)
                };
            }
            Event::Sweep(pieces, size) => (0..pieces).for_each(|_| {
                self.sweep(size.into());
            }),
            Event::ClearFilter => self.clear_filter(),
        }
        let is_packet = matches!(
            event,
            Event::Open(_) | Event::Packet(_) | Event::Datagram(_) | Event::Report(_) | Event::Close(_)
        );
        if !is_packet {
            self.reconcile();
        }
        self.check_drains()
    }

    /// Backends that are draining and whose deadline has not passed, with index and generation, and whether the last
    /// sweeps say that nothing is left.
    fn drains(&self) -> impl Iterator<Item = (&Backend, (u16, u16), bool)> {
        let now = self.time(self.kernel.now);
        let backends =
            self.site.pools.iter().zip(0_u16..).flat_map(move |(pool, number)| {
                pool.backends.iter().map(move |backend| (pool, number, backend))
            });
        backends.filter_map(move |(pool, number, backend)| {
            let condition = Condition::of(&self.opinions(), pool, backend);
            condition.draining.filter(|_| !condition.is_drained(now))?;
            let seat = self.numbers.get(&pool.name, backend.address)?;
            let census = Census::of(&self.kernel.pools[usize::from(number)].slots);
            let mut remains = Remains::of(seat.index, Some(&census), &self.found);
            match self.flaw {
                Flaw::DrainTrustsAnySweep => remains.seen = true,
                Flaw::DrainForgetsRecords => remains.flows = 0,
                Flaw::DrainForgetsSlots => remains.slots = 0,
                Flaw::None
                | Flaw::MergeOverwritesBase
                | Flaw::MergeForgetsBase
                | Flaw::MergeSettlesWhatComesBack
                | Flaw::SweepSkipsEmbryonic
                | Flaw::SweepSkipsPins
                | Flaw::SweepIgnoresStamps
                | Flaw::SweepKeepsTheDead
                | Flaw::StampsNotRenewed
                | Flaw::RemovedOwnersAreForgotten
                | Flaw::FilterClearedInTransition => {}
            }
            Some((backend, (seat.index, seat.generation), remains.is_nothing()))
        })
    }

    /// Who is said to have no flow left has none.
    fn check_drains(&mut self) -> Result<(), String> {
        let empty = self.drains().filter(|(_, _, empty)| *empty);
        let empty: Vec<_> = empty.map(|(backend, seat, _)| (backend.name.clone(), seat)).collect();
        self.oracle.tally.empty += empty.len() as u64;
        let left = |(name, seat): &(String, (u16, u16))| {
            Some((name.clone(), self.oracle.left(*seat, &self.kernel)?))
        };
        match empty.iter().find_map(left) {
            Some((name, life)) => Err(format!("tick {}: {name} still has {life}", self.kernel.now)),
            None => Ok(()),
        }
    }

    /// Whether every drain is known to be over.
    pub fn are_drains_over(&self) -> bool {
        self.drains().all(|(_, _, empty)| empty)
    }

    /// One packet; where it went.
    pub fn packet(&mut self, pool: u16, client: u8, kind: Kind) -> Result<u16, String> {
        self.oracle.packet(&self.kernel, pool, client, kind).map(|choice| choice.index)
    }

    /// Finishes the sweep under way, and does a whole one.
    pub fn sweep_all(&mut self) {
        while self.sweep.is_some() {
            self.sweep(1000);
        }
        while !self.sweep(1000) {}
    }

    /// Whether a sweep is under way.
    pub fn is_sweeping(&self) -> bool {
        self.sweep.is_some()
    }

    /// Slots that are in transition, all pools together.
    pub fn in_transition(&self) -> usize {
        self.kernel.pools.iter().flat_map(|pool| &pool.slots).filter(|slot| !slot.is_stable()).count()
    }

    fn clear_filter(&self) {
        if self.in_transition() == 0 || self.flaw == Flaw::FilterClearedInTransition {
            self.kernel.filter.iter().for_each(|cell| cell.set(false));
        }
    }

    fn add(&mut self, pool: u16, backend: u8) {
        let (_, address) = key(pool, backend);
        let backends = &mut self.site.pools[usize::from(pool)].backends;
        if backends.iter().all(|other| other.address != address) {
            // The fourth stands in for the three that there are at first.
            let backup = backend >= 3;
            backends.push(Backend { backup, ..Backend::new(format!("b{backend}"), address) });
        }
    }

    /// Nobody is checked here.
    fn opinions(&self) -> Opinions<'_> {
        Opinions { marks: &self.marks, ..Opinions::NONE }
    }

    /// Seconds of the model are ticks.
    fn time(&self, tick: u32) -> Utc {
        Utc::from_unix(tick.into())
    }

    fn set_state(&mut self, pool: u16, backend: u8, state: AdminState, drain_until: Option<Utc>) {
        let (_, address) = key(pool, backend);
        let backends = self.site.pools[usize::from(pool)].backends.iter_mut();
        backends
            .filter(|it| it.address == address)
            .for_each(|it| (it.state, it.drain_until) = (state, drain_until));
    }

    fn reconcile(&mut self) {
        let named: BTreeSet<u16> = self
            .kernel
            .pools
            .iter()
            .flat_map(|pool| Census::of(&pool.slots).named().collect::<Vec<_>>())
            .collect();
        let capacity = Capacity { vips: 64, traffic_counters: 1000, slots: 1 << 20 };
        self.numbers = self.numbers.after(&self.site, &named, &capacity).unwrap();
        let now = self.time(self.kernel.now);
        let addresses = self.site.pools.iter().flat_map(|pool| &pool.backends).map(|backend| backend.address);
        let resolutions: BTreeMap<IpAddr, Resolution> =
            addresses.map(|address| (address, self.resolution(address))).collect();
        let wanted = reconcile::wanted(&self.site, &self.numbers, &self.opinions(), &resolutions, now);
        for operation in reconcile::operations(&self.installed, &wanted) {
            self.apply(&operation);
            self.installed.note(operation);
        }
    }

    fn resolution(&self, address: IpAddr) -> Resolution {
        if self.unresolved.contains(&address) {
            return Resolution::Unresolved(Why::NoRoute { address });
        }
        Resolution::Resolved(NextHop {
            ifindex: 1,
            interface: "eth0".into(),
            neighbour: address,
            mac: [2; 6],
            source_mac: [2; 6],
            mtu: 1500,
            source: None,
        })
    }

    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::SetBackend(index, backend) => {
                self.kernel.backends.insert(*index, *backend);
            }
            Operation::ClearBackend(index) => {
                self.kernel.backends.remove(index);
                self.oracle.gone(*index);
            }
            // Back before the next packet; the model's backends are never reached otherwise than before.
            Operation::SuspendBackend(index) => drop(self.kernel.backends.remove(index)),
            Operation::SetTunnel(..) => {}
            Operation::PublishTable(pool, table) => self.publish(*pool, table),
            Operation::RemoveTable(_)
            | Operation::AddDevice(_)
            | Operation::RemoveDevice(_)
            | Operation::PublishDirectory(_) => {}
        }
    }

    fn publish(&mut self, pool: u16, table: &reconcile::Table) {
        let owners = table.owners(SEED).unwrap();
        let old = &self.kernel.pools[usize::from(pool)];
        let before = Census::of(&old.slots);
        let present = self.numbers.present();
        let mut merged = transition::merge(&old.slots, &owners);
        for (slot, before) in merged.slots.iter_mut().zip(&old.slots) {
            let moved = slot.current() != before.current();
            if self.flaw == Flaw::MergeOverwritesBase && moved && !slot.is_stable() {
                *slot = Slot::in_transition(slot.current(), before.current());
            }
            let removed = before.is_stable() && !present.contains(&before.current());
            if self.flaw == Flaw::MergeForgetsBase
                || self.flaw == Flaw::MergeSettlesWhatComesBack && slot.base() == slot.current()
                || self.flaw == Flaw::RemovedOwnersAreForgotten && moved && removed
            {
                *slot = Slot::stable(slot.current());
            }
        }
        let slots = if merged.is_void() { Vec::new() } else { merged.slots };
        self.found.note_published(&before, &Census::of(&slots), self.kernel.now);
        let stamps: Vec<u32> = old.stamps.iter().map(Cell::get).collect();
        let now = if self.flaw == Flaw::StampsNotRenewed { 0 } else { self.kernel.now };
        let stamps = transition::stamps(&old.slots, &stamps, &slots, now);
        self.kernel.pools[usize::from(pool)] =
            PoolTable { slots, stamps: stamps.into_iter().map(Cell::new).collect() };
    }

    /// A piece of a sweep. Whether it is over.
    fn sweep(&mut self, size: usize) -> bool {
        let scope = reconcile::scope(&self.site, &self.numbers, &self.opinions(), self.time(self.kernel.now));
        let mut running = self.sweep.take().unwrap_or_else(|| Running {
            sweep: Sweep::begin(&scope, SEED, self.kernel.now),
            began: self.kernel.now,
            outcome: Outcome::default(),
            phase: Phase::Flows { pins: false, cursor: None },
        });
        let sweep = &mut running.sweep;
        let next = match running.phase.clone() {
            Phase::Flows { pins, cursor } => {
                let map = if pins { &self.kernel.pins } else { &self.kernel.embryonic };
                let (batch, next) = map.batch(cursor.as_ref(), size.max(1));
                let skipped =
                    self.flaw == if pins { Flaw::SweepSkipsPins } else { Flaw::SweepSkipsEmbryonic };
                for (key, record) in batch.into_iter().filter(|_| !skipped) {
                    let lives =
                        sweep.visit(&scope, &self.kernel, &record.flow(key), record.pin, self.kernel.now);
                    if lives {
                        let Outcome { pins_by_backend, embryonic_by_backend, .. } = &mut running.outcome;
                        let counts = if pins { pins_by_backend } else { embryonic_by_backend };
                        *counts.entry(record.pin.backend()).or_default() += 1;
                    } else if self.flaw != Flaw::SweepKeepsTheDead {
                        map.remove(key);
                    }
                }
                match (pins, next) {
                    (_, Some(next)) => Phase::Flows { pins, cursor: Some(next) },
                    (false, None) => Phase::Flows { pins: true, cursor: None },
                    (true, None) => Phase::Slots(0, 0),
                }
            }
            Phase::Slots(2, _) => {
                self.found.note_swept(running.outcome, running.began);
                return true;
            }
            Phase::Slots(pool, from) => {
                let count = self.kernel.place(pool).slots();
                let end = count.min(from + size.max(1) as u32);
                for number in from..end {
                    if self.flaw == Flaw::SweepIgnoresStamps {
                        self.kernel.pools[usize::from(pool)].stamps[number as usize].set(0);
                    }
                    if let Some(settled) = sweep.settled(&scope, &self.kernel, pool, number) {
                        self.kernel.pools[usize::from(pool)].slots[number as usize] = settled;
                    }
                }
                if end < count { Phase::Slots(pool, end) } else { Phase::Slots(pool + 1, 0) }
            }
        };
        self.sweep = Some(Running { phase: next, ..running });
        false
    }
}

fn key(pool: u16, backend: u8) -> (String, IpAddr) {
    let name = if pool == 0 { "tcp" } else { "udp" };
    (name.to_owned(), Ipv4Addr::new(10, 0, pool as u8, backend + 1).into())
}
