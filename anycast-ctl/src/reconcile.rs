//! What the kernel's maps should hold, and the steps from what they do hold. No IO.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Instant,
};

use anycast_common::{address::Address, backend::Backend as KernelBackend, clock, slot::NO_BACKEND};

use crate::{
    condition::{Condition, Conditions},
    dataplane::DirectoryEntry,
    maglev::{self, MaglevError},
    model::{Backend, OnUnknownPort, Pool, Site, UdpPolicy, Vip},
    neighbour::{NextHop, Resolution},
    seats::{Seat, Seats},
    sweep::{PoolScope, Scope},
};

/// What the maps should hold, or do hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maps {
    /// Backends that can be delivered to, whether new flows or only those they have, by index.
    pub backends: BTreeMap<u16, KernelBackend>,
    /// Interfaces that packets may be redirected to.
    pub devices: BTreeSet<u32>,
    /// Tables by pool index.
    pub tables: BTreeMap<u16, Table>,
    /// VIPs and services.
    pub directory: Vec<DirectoryEntry>,
}

/// What a pool's table is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Slots.
    pub slots: u32,
    /// Backends that take new flows.
    pub members: Vec<Member>,
}

/// One backend that takes new flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its index.
    pub index: u16,
    /// Its address.
    pub address: IpAddr,
    /// Its weight.
    pub weight: u32,
}

/// One step. Steps are applied in order: no slot's owner is a backend that packets cannot be delivered to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Let packets be redirected to an interface.
    AddDevice(u32),
    /// Set how a backend is reached.
    SetBackend(u16, KernelBackend),
    /// Fill and publish the table of a pool.
    PublishTable(u16, Table),
    /// Publish the VIPs and services.
    PublishDirectory(Vec<DirectoryEntry>),
    /// A backend that owns no slot any more cannot be reached: the flows it had are over.
    ClearBackend(u16),
    /// No longer let packets be redirected to an interface.
    RemoveDevice(u32),
}

/// What the maps should hold for a site, given what its backends may do and what is known of the way to them.
pub fn wanted(
    site: &Site,
    seats: &Seats,
    conditions: &Conditions,
    resolutions: &BTreeMap<IpAddr, Resolution>,
    now: Instant,
) -> Maps {
    let mut maps = Maps::default();
    for (number, pool) in (0u16..).zip(&site.pools) {
        let mut table = Table { slots: pool.slots, members: Vec::new() };
        for backend in &pool.backends {
            let condition = condition(conditions, pool, backend);
            let next_hop = resolutions.get(&backend.address).and_then(Resolution::next_hop);
            let (Some(seat), Some(next_hop)) = (seats.get(&pool.name, backend.address), next_hop) else {
                continue;
            };
            if !condition.is_usable(pool.on_down, now) {
                continue;
            }
            maps.backends.insert(seat.index, kernel_backend(seat, next_hop));
            maps.devices.insert(next_hop.ifindex);
            if condition.is_eligible() {
                table.members.push(Member {
                    index: seat.index,
                    address: backend.address,
                    weight: backend.weight,
                });
            }
        }
        maps.tables.insert(number, table);
    }
    maps.directory = directory(site);
    maps
}

/// What a sweep must know of the site. The flows of a backend that is only unreachable, or down, may live on when it comes
/// back; those of one that was removed or is drained may not.
pub fn scope(site: &Site, seats: &Seats, conditions: &Conditions, now: Instant) -> Scope {
    let mut scope = Scope::default();
    for pool in &site.pools {
        scope.pools.push(PoolScope {
            slots: pool.slots,
            idle_timeout: idle_timeout_ticks(pool),
            udp_pinned: pool.udp == UdpPolicy::Pinned,
        });
        for backend in &pool.backends {
            let seat = seats.get(&pool.name, backend.address);
            if let Some(seat) = seat.filter(|_| !condition(conditions, pool, backend).is_drained(now)) {
                scope.backends.insert(seat.index, seat.generation);
            }
        }
    }
    for vip in directory(site) {
        scope.vips.insert(Address::from(vip.address), vip.pool);
    }
    scope
}

impl Table {
    /// The index of each slot's owner; [`NO_BACKEND`] for all of them when there are no members.
    ///
    /// # Errors
    ///
    /// [`MaglevError`], when no table can be made of these members.
    pub fn owners(&self, seed: u64) -> Result<Vec<u16>, MaglevError> {
        if self.members.is_empty() {
            return Ok(vec![NO_BACKEND; self.slots as usize]);
        }
        let members: Vec<maglev::Member> =
            self.members.iter().map(|member| maglev::Member::new(member.address, member.weight)).collect();
        let index =
            |member: u16| self.members.get(usize::from(member)).map_or(NO_BACKEND, |member| member.index);
        Ok(maglev::table(&members, self.slots, seed)?.into_iter().map(index).collect())
    }
}

fn condition(conditions: &Conditions, pool: &Pool, backend: &Backend) -> Condition {
    conditions.get(&(pool.name.clone(), backend.address)).copied().unwrap_or_default()
}

/// A pool's idle timeout, as the program counts it.
fn idle_timeout_ticks(pool: &Pool) -> u32 {
    clock::ticks_at_least(u32::try_from(pool.idle_timeout.as_secs()).unwrap_or(u32::MAX))
}

/// The steps from `installed` to `wanted`.
pub fn operations(installed: &Maps, wanted: &Maps) -> Vec<Operation> {
    let mut operations: Vec<Operation> =
        wanted.devices.difference(&installed.devices).map(|&device| Operation::AddDevice(device)).collect();
    operations
        .extend(changed(&installed.backends, &wanted.backends).map(|(&i, &b)| Operation::SetBackend(i, b)));
    operations.extend(
        changed(&installed.tables, &wanted.tables)
            .map(|(&pool, table)| Operation::PublishTable(pool, table.clone())),
    );
    if installed.directory != wanted.directory {
        operations.push(Operation::PublishDirectory(wanted.directory.clone()));
    }
    let gone = installed.backends.keys().filter(|index| !wanted.backends.contains_key(index));
    operations.extend(gone.map(|&index| Operation::ClearBackend(index)));
    operations
        .extend(installed.devices.difference(&wanted.devices).map(|&device| Operation::RemoveDevice(device)));
    operations
}

impl Maps {
    /// Notes that an operation was carried out.
    pub fn note(&mut self, operation: Operation) {
        match operation {
            Operation::AddDevice(device) => drop(self.devices.insert(device)),
            Operation::SetBackend(index, backend) => drop(self.backends.insert(index, backend)),
            Operation::PublishTable(pool, table) => drop(self.tables.insert(pool, table)),
            Operation::PublishDirectory(directory) => self.directory = directory,
            Operation::ClearBackend(index) => drop(self.backends.remove(&index)),
            Operation::RemoveDevice(device) => drop(self.devices.remove(&device)),
        }
    }
}

/// Place of a VIP among those of its pool.
pub fn ordinal(site: &Site, vip: &Vip) -> u32 {
    let before = site.vips.iter().take_while(|other| other.name != vip.name);
    before.filter(|other| other.pool == vip.pool).map(|_| 1).sum()
}

fn directory(site: &Site) -> Vec<DirectoryEntry> {
    let pool_of = |vip: &Vip| (0u16..).zip(&site.pools).find(|(_, pool)| pool.name == vip.pool);
    (1u16..)
        .zip(&site.vips)
        .filter_map(|(number, vip)| {
            let (pool_index, pool) = pool_of(vip)?;
            Some(DirectoryEntry {
                address: vip.address,
                number,
                pool: pool_index,
                ordinal: ordinal(site, vip),
                drop_unknown_port: vip.on_unknown_port == OnUnknownPort::Drop,
                answer_echo: vip.echo,
                udp: pool.udp,
                idle_timeout_ticks: idle_timeout_ticks(pool),
                services: vip.services.clone(),
            })
        })
        .collect()
}

fn kernel_backend(seat: Seat, next_hop: &NextHop) -> KernelBackend {
    KernelBackend {
        destination: next_hop.mac,
        state: KernelBackend::USABLE,
        source: next_hop.source_mac,
        generation: seat.generation,
        ifindex: next_hop.ifindex,
        first_counter: seat.first_counter,
        mtu: u16::try_from(next_hop.mtu).unwrap_or(u16::MAX),
        ..KernelBackend::default()
    }
}

fn changed<'a, K: Ord, V: PartialEq>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    new.iter().filter(|(key, value)| old.get(key) != Some(value))
}

#[cfg(test)]
mod tests;
