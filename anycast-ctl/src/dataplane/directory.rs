//! Placing VIPs and services in the directory, and publishing it.

use std::{collections::BTreeMap, net::IpAddr};

use anycast_common::{
    address::Address,
    directory::{Directory, Vip, service_key, service_places, vip_places},
    hash::mix64,
    limits::{MAX_SERVICES, MAX_VIPS},
};
use zerocopy::{FromBytes as _, FromZeros, IntoBytes, TryFromBytes};

use super::{grace, mapped::MappedArray};
use crate::model::{HashPolicy, OnEmpty, Protocol, Service, UdpPolicy};

/// Seeds tried before giving up. At full occupancy, a quarter of the buckets, nearly every first one fits.
const ATTEMPTS: u64 = 64;

/// Moves before an insertion counts as a cycle.
const MAX_MOVES: usize = 500;

/// A VIP to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The anycast address.
    pub address: IpAddr,
    /// Number of the VIP, from 1.
    pub number: u16,
    /// Index of its pool.
    pub pool: u16,
    /// Its place among the VIPs of its pool, from 0.
    pub ordinal: u32,
    /// Whether packets no service names are dropped.
    pub drop_unknown_port: bool,
    /// Whether the program answers echo requests.
    pub answer_echo: bool,
    /// What of a packet decides which slot of its pool it falls into.
    pub hash: HashPolicy,
    /// How UDP flows of its pool are remembered.
    pub udp: UdpPolicy,
    /// What becomes of packets while nobody of its pool is left.
    pub on_empty: OnEmpty,
    /// Ticks after which a flow of its pool that shows no packet is taken for ended.
    pub idle_timeout_ticks: u32,
    /// Its services, in order.
    pub services: Vec<Service>,
}

impl DirectoryEntry {
    fn flags(&self) -> u32 {
        let unknown_port = if self.drop_unknown_port { Vip::DROP_UNKNOWN_PORT } else { 0 };
        let udp = match self.udp {
            UdpPolicy::Stateless => 0,
            UdpPolicy::Pinned => Vip::UDP_PINNED,
            UdpPolicy::Quic => Vip::UDP_QUIC,
        };
        let hash = match self.hash {
            HashPolicy::FiveTuple => 0,
            HashPolicy::SourceAddress => Vip::HASH_SOURCE,
            HashPolicy::SourceAndDestination => Vip::HASH_ADDRESSES,
        };
        let empty = match self.on_empty {
            OnEmpty::Drop => 0,
            OnEmpty::Pass => Vip::PASS_EMPTY,
            OnEmpty::Reset => Vip::REFUSE_EMPTY,
        };
        let echo = if self.answer_echo { Vip::ANSWER_ECHO } else { 0 };
        let services = self.services.iter().fold(0, |flags, service| match service.protocol {
            Protocol::Tcp => flags | Vip::SERVES_TCP,
            Protocol::Udp => flags | Vip::SERVES_UDP,
        });
        unknown_port | udp | hash | empty | echo | services
    }

    /// As a directory has it.
    fn read(vip: &Vip, mut services: Vec<Service>) -> Self {
        let has = |flag| vip.flags & flag != 0;
        services.sort_unstable();
        Self {
            address: vip.address.into(),
            number: vip.number,
            pool: vip.pool,
            ordinal: vip.ordinal,
            drop_unknown_port: has(Vip::DROP_UNKNOWN_PORT),
            answer_echo: has(Vip::ANSWER_ECHO),
            hash: if has(Vip::HASH_SOURCE) {
                HashPolicy::SourceAddress
            } else if has(Vip::HASH_ADDRESSES) {
                HashPolicy::SourceAndDestination
            } else {
                HashPolicy::FiveTuple
            },
            udp: if has(Vip::UDP_PINNED) {
                UdpPolicy::Pinned
            } else if has(Vip::UDP_QUIC) {
                UdpPolicy::Quic
            } else {
                UdpPolicy::Stateless
            },
            on_empty: if has(Vip::PASS_EMPTY) {
                OnEmpty::Pass
            } else if has(Vip::REFUSE_EMPTY) {
                OnEmpty::Reset
            } else {
                OnEmpty::Drop
            },
            idle_timeout_ticks: vip.idle_timeout,
            services,
        }
    }
}

/// The number of the VIP and its service that a key stands for; see [`service_key`].
fn read_service(key: u64) -> Option<(u16, Service)> {
    let number = (key >> 16) as u8;
    let protocol = [Protocol::Tcp, Protocol::Udp].into_iter().find(|it| it.number() == number)?;
    (key != 0).then_some(((key >> 24) as u16, Service { protocol, port: key as u16 }))
}

/// The site does not fit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// More VIPs or services than there is room for.
    #[error(
        "{vips} vips with {services} services: one host holds {MAX_VIPS} vips and {MAX_SERVICES} services"
    )]
    TooMany {
        /// VIPs wanted.
        vips: usize,
        /// Services wanted.
        services: usize,
    },
    /// No seed places every entry.
    #[error("no seed places {vips} vips and {services} services: {ATTEMPTS} tried")]
    NoPlace {
        /// VIPs wanted.
        vips: usize,
        /// Services wanted.
        services: usize,
    },
}

/// A directory with these VIPs.
pub fn build(entries: &[DirectoryEntry]) -> Result<Box<Directory>, DirectoryError> {
    let (vips, services) = (entries.len(), entries.iter().map(|entry| entry.services.len()).sum());
    if vips > MAX_VIPS || services > MAX_SERVICES {
        return Err(DirectoryError::TooMany { vips, services });
    }
    (1..=ATTEMPTS)
        .find_map(|attempt| place(entries, mix64(attempt)))
        .ok_or(DirectoryError::NoPlace { vips, services })
}

fn place(entries: &[DirectoryEntry], seed: u64) -> Option<Box<Directory>> {
    // Zeroed on the heap: at a quarter of a megabyte it should not pass through the stack.
    let mut directory = Directory::new_box_zeroed().ok()?;
    directory.seed = seed;
    for entry in entries {
        let vip = Vip {
            address: Address::from(entry.address),
            number: entry.number,
            pool: entry.pool,
            ordinal: entry.ordinal,
            flags: entry.flags(),
            idle_timeout: entry.idle_timeout_ticks,
        };
        insert(&mut directory.vips, vip, |vip| vip.number == 0, |vip| vip_places(seed, &vip.address))?;
        for service in &entry.services {
            let key = service_key(entry.number, service.protocol.number(), service.port);
            insert(&mut directory.services, key, |&key| key == 0, |&key| service_places(seed, key))?;
        }
    }
    Some(directory)
}

/// Cuckoo insertion: whoever is in the way moves to its other place. `None` when that goes on for too long.
fn insert<T: Copy>(
    buckets: &mut [T],
    mut entry: T,
    is_empty: impl Fn(&T) -> bool,
    places: impl Fn(&T) -> (usize, usize),
) -> Option<()> {
    let (mut place, _) = places(&entry);
    for _ in 0..MAX_MOVES {
        let bucket = buckets.get_mut(place)?;
        std::mem::swap(bucket, &mut entry);
        if is_empty(&entry) {
            return Some(());
        }
        let (first, second) = places(&entry);
        place = if place == first { second } else { first };
    }
    None
}

/// The two directories of the maps, one of which packets use.
pub struct ActiveDirectory {
    directories: MappedArray,
    active: MappedArray,
    /// Whether a packet may still be reading the idle copy.
    idle_may_be_read: bool,
}

impl ActiveDirectory {
    /// The maps of a freshly loaded program.
    pub fn new(directories: MappedArray, active: MappedArray) -> Self {
        Self { directories, active, idle_may_be_read: false }
    }

    /// Fills the idle copy and switches to it.
    pub fn publish(&mut self, entries: &[DirectoryEntry]) -> Result<(), DirectoryError> {
        let directory = build(entries)?;
        self.wait_for_readers();
        let idle = 1 - (self.active.load(0) & 1);
        let words = <[u64]>::try_ref_from_bytes(directory.as_bytes()).unwrap_or_default();
        self.directories.store(idle as usize, words);
        self.active.store(0, &[idle]);
        self.idle_may_be_read = true;
        Ok(())
    }

    /// The VIPs and services that packets find, in the order of their numbers.
    pub fn entries(&self) -> Vec<DirectoryEntry> {
        const WORDS: usize = size_of::<Directory>() / size_of::<u64>();
        let first = (self.active.load(0) & 1) as usize * WORDS;
        let words: Vec<u64> = (first..first + WORDS).map(|word| self.directories.load_word(word)).collect();
        let Ok(directory) = Directory::ref_from_bytes(words.as_bytes()) else { return Vec::new() };
        let mut services: BTreeMap<u16, Vec<Service>> = BTreeMap::new();
        for (vip, service) in directory.services.iter().filter_map(|&key| read_service(key)) {
            services.entry(vip).or_default().push(service);
        }
        let mut entries: Vec<DirectoryEntry> = directory
            .vips
            .iter()
            .filter(|vip| vip.number != 0)
            .map(|vip| DirectoryEntry::read(vip, services.remove(&vip.number).unwrap_or_default()))
            .collect();
        entries.sort_by_key(|entry| entry.number);
        entries
    }

    /// Returns when no packet reads the directory before the published one.
    pub fn wait_for_readers(&mut self) {
        if std::mem::take(&mut self.idle_may_be_read) {
            grace::wait();
        }
    }
}

#[cfg(test)]
mod tests;
