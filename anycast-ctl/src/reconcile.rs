//! What the kernel's maps should hold, and the steps from what they do hold. No IO.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use anycast_common::{
    address::Address, backend::Backend as KernelBackend, clock, slot::NO_BACKEND, tunnel::Tunnel,
};

use crate::{
    condition::{Condition, Opinions},
    dataplane::DirectoryEntry,
    health::weight,
    maglev::{self, MaglevError},
    model::{Backend, OnUnknownPort, Pool, Seed, Site, UdpPolicy},
    neighbour::Resolution,
    numbers::{Numbers, VipNumbers},
    sweep::{BackendScope, PoolScope, Scope},
    utc::Utc,
    way::Way,
};

pub mod inherit;
pub mod observe;

/// What the maps should hold, or do hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maps {
    /// Backends that can be delivered to, whether new flows or only those they have, by index.
    pub backends: BTreeMap<u16, KernelBackend>,
    /// Outer headers of those of them that are reached through a tunnel.
    pub tunnels: BTreeMap<u16, Tunnel>,
    /// Interfaces that packets may be redirected to.
    pub devices: BTreeSet<u32>,
    /// Tables by pool number.
    pub tables: BTreeMap<u16, Table>,
    /// VIPs and services.
    pub directory: Vec<DirectoryEntry>,
}

/// What a pool's table is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Slots.
    pub slots: u32,
    /// Its own seed; `None`: the site's.
    pub seed: Option<Seed>,
    /// Backends that take new flows.
    pub members: Vec<Member>,
}

/// One backend that may take new flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its index.
    pub index: u16,
    /// Its address.
    pub address: IpAddr,
    /// Its weight.
    pub weight: u32,
    /// The share of its weight that it gets at the moment, per mille.
    pub share: u16,
    /// Whether it only does while nobody may that is no backup.
    pub backup: bool,
}

/// One step. Steps are applied in order: no slot's owner is a backend that packets cannot be delivered to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Let packets be redirected to an interface.
    AddDevice(u32),
    /// A backend cannot be reached for a moment, while what changes is more than a packet reads at once. It keeps its slots.
    SuspendBackend(u16),
    /// Set the outer headers of a backend's packets.
    SetTunnel(u16, Tunnel),
    /// Set how a backend is reached.
    SetBackend(u16, KernelBackend),
    /// Fill and publish the table of a pool.
    PublishTable(u16, Table),
    /// Publish the VIPs and services.
    PublishDirectory(Vec<DirectoryEntry>),
    /// A pool that no VIP names any more has no table, and forgets its transitions.
    RemoveTable(u16),
    /// A backend that owns no slot any more cannot be reached: the flows it had are over.
    ClearBackend(u16),
    /// No longer let packets be redirected to an interface.
    RemoveDevice(u32),
}

/// What the maps should hold for a site, given what its backends may do and what is known of the way to them.
pub fn wanted(
    site: &Site,
    numbers: &Numbers,
    opinions: &Opinions<'_>,
    resolutions: &BTreeMap<IpAddr, Resolution>,
    now: Utc,
) -> Maps {
    let mut maps = Maps::default();
    for pool in &site.pools {
        let Some(number) = numbers.pool(&pool.name) else { continue };
        let mut table = Table { slots: pool.slots, seed: pool.seed, members: Vec::new() };
        let mut diverted = Vec::new();
        for backend in &pool.backends {
            let condition = Condition::of(opinions, pool, backend);
            let resolution = resolutions.get(&backend.address);
            let way = Way::find(pool.delivery_of(backend), backend.address, resolution, &site.tunnel);
            let (Some(seat), Ok(way)) = (numbers.get(&pool.name, backend.address), way) else {
                continue;
            };
            if !condition.is_usable(pool.on_down, now) {
                continue;
            }
            let entry = KernelBackend {
                generation: seat.generation,
                first_counter: seat.first_counter,
                ..way.kernel_backend()
            };
            maps.backends.insert(seat.index, entry);
            maps.devices.extend(way.next_hop.map(|hop| hop.ifindex));
            maps.tunnels.extend(way.tunnel.map(|tunnel| (seat.index, tunnel)));
            let member = Member::of(backend, &condition, seat.index);
            if condition.is_eligible() {
                table.admit(member);
            } else if condition.is_diverted() {
                diverted.push(member);
            }
        }
        if table.members.is_empty() {
            // Backups are fit, but there is no way to any of them: to divert flows to nobody would help nobody.
            table.members = diverted;
        }
        maps.tables.insert(number, table);
    }
    maps.directory = directory(site, numbers);
    maps
}

/// What a sweep must know of the site. The flows of a backend that is only unreachable, or down, may live on when it comes
/// back; those of one that was removed or is drained may not.
pub fn scope(site: &Site, numbers: &Numbers, opinions: &Opinions<'_>, now: Utc) -> Scope {
    let mut scope = Scope::default();
    for pool in &site.pools {
        let Some(number) = numbers.pool(&pool.name) else { continue };
        let pool_scope = PoolScope {
            slots: pool.slots,
            idle_timeout: idle_timeout_ticks(pool),
            hash: pool.hash,
            udp_pinned: pool.udp == UdpPolicy::Pinned,
        };
        scope.pools.insert(number, pool_scope);
        for backend in &pool.backends {
            let seat = numbers.get(&pool.name, backend.address);
            if let Some(seat) = seat.filter(|_| !Condition::of(opinions, pool, backend).is_drained(now)) {
                scope.backends.insert(seat.index, BackendScope { generation: seat.generation, pool: number });
            }
        }
    }
    for vip in directory(site, numbers) {
        scope.vips.insert(Address::from(vip.address), vip.pool);
    }
    scope
}

impl Member {
    /// A backend of that index, as its condition has it.
    pub fn of(backend: &Backend, condition: &Condition, index: u16) -> Self {
        let Backend { address, weight, backup, .. } = *backend;
        Self { index, address, weight, share: condition.share, backup }
    }
}

impl Table {
    /// Has a backend take new flows that may. Backups do only while nobody else does, and then all of them: whoever is
    /// admitted in which order, the members are the same.
    pub fn admit(&mut self, member: Member) {
        let present = self.members.first().map(|first| first.backup);
        if present == Some(true) && !member.backup {
            self.members.clear();
        }
        if present != Some(false) || !member.backup {
            self.members.push(member);
        }
    }

    /// The index of each slot's owner, `seed` being the site's; [`NO_BACKEND`] for all of them when there are no members.
    ///
    /// # Errors
    ///
    /// [`MaglevError`], when no table can be made of these members.
    pub fn owners(&self, seed: u64) -> Result<Vec<u16>, MaglevError> {
        if self.members.is_empty() {
            return Ok(vec![NO_BACKEND; self.slots as usize]);
        }
        let shares: Vec<(u32, u16)> =
            self.members.iter().map(|member| (member.weight, member.share)).collect();
        let members: Vec<maglev::Member> = self
            .members
            .iter()
            .zip(weight::apply(&shares))
            .map(|(member, weight)| maglev::Member::new(member.address, weight))
            .collect();
        let index =
            |member: u16| self.members.get(usize::from(member)).map_or(NO_BACKEND, |member| member.index);
        let seed = self.seed.map_or(seed, Seed::get);
        Ok(maglev::table(&members, self.slots, seed)?.into_iter().map(index).collect())
    }
}

/// A pool's idle timeout, as the program counts it.
fn idle_timeout_ticks(pool: &Pool) -> u32 {
    clock::ticks_at_least(u32::try_from(pool.idle_timeout.as_secs()).unwrap_or(u32::MAX))
}

/// The steps from `installed` to `wanted`.
pub fn operations(installed: &Maps, wanted: &Maps) -> Vec<Operation> {
    let used: BTreeSet<u32> = installed.backends.values().map(|backend| backend.ifindex).collect();
    let left = installed.devices.difference(&wanted.devices).copied();
    let (left, foreign): (Vec<u32>, Vec<u32>) = left.partition(|device| used.contains(device));
    // First, as they may take the room of those that are to come.
    let mut operations: Vec<Operation> = foreign.into_iter().map(Operation::RemoveDevice).collect();
    operations
        .extend(wanted.devices.difference(&installed.devices).map(|&device| Operation::AddDevice(device)));
    let suspended = wanted.backends.keys().filter(|&&index| must_suspend(installed, wanted, index));
    operations.extend(suspended.map(|&index| Operation::SuspendBackend(index)));
    operations
        .extend(changed(&installed.tunnels, &wanted.tunnels).map(|(&i, &t)| Operation::SetTunnel(i, t)));
    let resumed = |index: &u16| must_suspend(installed, wanted, *index);
    let differs = |(index, backend): &(&u16, &KernelBackend)| {
        installed.backends.get(index) != Some(backend) || resumed(index)
    };
    operations.extend(
        wanted.backends.iter().filter(differs).map(|(&i, &backend)| Operation::SetBackend(i, backend)),
    );
    operations.extend(
        changed(&installed.tables, &wanted.tables)
            .map(|(&pool, table)| Operation::PublishTable(pool, table.clone())),
    );
    if installed.directory != wanted.directory {
        operations.push(Operation::PublishDirectory(wanted.directory.clone()));
    }
    let gone = installed.tables.keys().filter(|pool| !wanted.tables.contains_key(pool));
    operations.extend(gone.map(|&pool| Operation::RemoveTable(pool)));
    let gone = installed.backends.keys().filter(|index| !wanted.backends.contains_key(index));
    operations.extend(gone.map(|&index| Operation::ClearBackend(index)));
    operations.extend(left.into_iter().map(Operation::RemoveDevice));
    operations
}

/// Whether a packet that reads a backend's entry and outer headers while they change could get some of both versions, and
/// be garbled by that. A packet reads words: what changes in one of them, it has from one version.
fn must_suspend(installed: &Maps, wanted: &Maps, index: u16) -> bool {
    let (Some(old), Some(new)) = (installed.backends.get(&index), wanted.backends.get(&index)) else {
        return false;
    };
    let changed_words = match (installed.tunnels.get(&index), wanted.tunnels.get(&index)) {
        (Some(old), Some(new)) => {
            old.to_words().iter().zip(new.to_words()).filter(|(a, b)| **a != *b).count()
        }
        (None | Some(_), None) | (None, Some(_)) => 0,
    };
    old.delivery != new.delivery || changed_words > 1
}

impl Maps {
    /// Notes that an operation was carried out.
    pub fn note(&mut self, operation: Operation) {
        match operation {
            Operation::AddDevice(device) => drop(self.devices.insert(device)),
            Operation::SuspendBackend(index) => drop(self.backends.remove(&index)),
            Operation::SetTunnel(index, tunnel) => drop(self.tunnels.insert(index, tunnel)),
            Operation::SetBackend(index, backend) => {
                self.backends.insert(index, backend);
                if backend.overhead == 0 {
                    self.tunnels.remove(&index);
                }
            }
            Operation::PublishTable(pool, table) => drop(self.tables.insert(pool, table)),
            Operation::PublishDirectory(directory) => self.directory = directory,
            Operation::RemoveTable(pool) => drop(self.tables.remove(&pool)),
            Operation::ClearBackend(index) => {
                self.backends.remove(&index);
                self.tunnels.remove(&index);
            }
            Operation::RemoveDevice(device) => drop(self.devices.remove(&device)),
        }
    }
}

fn directory(site: &Site, numbers: &Numbers) -> Vec<DirectoryEntry> {
    let pools: BTreeMap<&str, &Pool> = site.pools.iter().map(|pool| (pool.name.as_str(), pool)).collect();
    let mut entries: Vec<DirectoryEntry> = site
        .vips
        .iter()
        .filter_map(|vip| {
            let pool = pools.get(vip.pool.as_str())?;
            let VipNumbers { number, ordinal } = numbers.vip(&vip.name, &vip.pool)?;
            let mut services = vip.services.clone();
            services.sort_unstable();
            Some(DirectoryEntry {
                address: vip.address,
                number,
                pool: numbers.pool(&vip.pool)?,
                ordinal,
                drop_unknown_port: vip.on_unknown_port == OnUnknownPort::Drop,
                answer_echo: vip.echo,
                hash: pool.hash,
                udp: pool.udp,
                on_empty: pool.on_empty,
                idle_timeout_ticks: idle_timeout_ticks(pool),
                services,
            })
        })
        .collect();
    // Packets know no order: a site written in another one is the same.
    entries.sort_by_key(|entry| entry.number);
    entries
}

fn changed<'a, K: Ord, V: PartialEq>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    new.iter().filter(|(key, value)| old.get(key) != Some(value))
}

#[cfg(test)]
mod tests;
