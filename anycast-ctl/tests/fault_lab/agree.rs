//! What the kernel's maps hold, read where they are pinned, against the site that is desired. The daemon is not asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    os::fd::AsFd as _,
};

use anycast_common::{
    LAYOUT_VERSION,
    address::Address,
    backend::Backend,
    directory::{Vip, service_key},
    limits::SLOTS_PER_LINE,
    lookups::Lookups,
    slot::{Slot, SlotLine, Table},
};
use anycast_ctl::model::{AdminState, Pool, Site};
use aya::maps::{HashMap, Map, MapData};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};

use crate::host::Host;

/// Who is out of the site's hands: backends, by pool and name, that the operator marked down.
pub type Marked = BTreeSet<(String, String)>;

/// The maps, mapped.
struct Maps {
    lookups: *const Lookups,
    slots: *const SlotLine,
    devices: BTreeSet<u32>,
}

impl Maps {
    /// Maps the pinned ones into this process, for the rest of its life.
    fn open() -> Self {
        let open = |name: &str| {
            MapData::from_pin(format!("/sys/fs/bpf/anycast/edge/anycast/maps-{LAYOUT_VERSION}/{name}"))
                .unwrap()
        };
        let devices = HashMap::<_, u32, [u32; 2]>::try_from(Map::HashMap(open("DEVICES")));
        let devices = devices.unwrap().keys().map(Result::unwrap).collect();
        let mapped = |name: &str, bytes: usize| {
            let data = open(name);
            let length = NonZeroUsize::new(bytes).unwrap();
            // SAFETY: a fresh mapping, at an address of the kernel's choice, of a map that has that many bytes.
            unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_SHARED, data.fd().as_fd(), 0) }
                .unwrap()
        };
        let lines = open("SLOTS").info().unwrap().max_entries() as usize;
        Self {
            lookups: mapped("LOOKUPS", size_of::<Lookups>()).cast().as_ptr(),
            slots: mapped("SLOTS", lines * size_of::<SlotLine>()).cast().as_ptr(),
            devices,
        }
    }

    /// Some of what packets look up. Nobody writes meanwhile but the sweep.
    fn read<T: Copy>(&self, at: impl FnOnce(*const Lookups) -> *const T) -> T {
        // SAFETY: `at` names a field of the mapping, which is plain numbers.
        unsafe { at(self.lookups).read_volatile() }
    }

    fn backend(&self, index: u16) -> Backend {
        // SAFETY: any index lies within the mapping.
        self.read(|it| unsafe { &raw const (*it).backends[usize::from(index)] })
    }

    fn slots(&self, table: Table) -> Vec<Slot> {
        let line = |number: u32| {
            // SAFETY: a table lies within the map, and a line is plain numbers.
            unsafe { self.slots.add((table.first_line() + number) as usize).read_volatile() }.slots
        };
        let lines = (0..table.slots().div_ceil(SLOTS_PER_LINE as u32)).flat_map(line);
        lines.take(table.slots() as usize).collect()
    }
}

/// What differs between the maps and the site; nothing when they agree.
pub fn differences(host: &Host, site: &Site, marked: &Marked) -> Vec<String> {
    let maps = host.inside(|| {
        let maps = Maps::open();
        // Addresses of mappings, from the thread that made them.
        (maps.lookups as usize, maps.slots as usize, maps.devices)
    });
    let maps = Maps { lookups: maps.0 as _, slots: maps.1 as _, devices: maps.2 };
    let mut found = Vec::new();
    let text = host.shell("ip -o link show eth0 | cut -d: -f1");
    let interface: u32 = text.trim().parse().unwrap();
    if maps.devices != BTreeSet::from([interface]) {
        found.push(format!("DEVICES has {:?}, eth0 is {interface}", maps.devices));
    }
    let neighbours = neighbours(host);

    // SAFETY: a field of the mapping.
    let active = maps.read(|it| unsafe { &raw const (*it).active_directory }) as usize;
    // SAFETY: as above; there are two.
    let directory = maps.read(|it| unsafe { &raw const (*it).directories[active & 1].vips });
    // SAFETY: as above.
    let services = maps.read(|it| unsafe { &raw const (*it).directories[active & 1].services });
    let vips: Vec<&Vip> = directory.iter().filter(|vip| vip.number != 0).collect();
    let wanted: BTreeSet<u64> = (site.vips.iter())
        .filter_map(|wanted| {
            let vip = vips.iter().find(|vip| vip.address == Address::from(wanted.address))?;
            Some(
                wanted
                    .services
                    .iter()
                    .map(|service| service_key(vip.number, service.protocol.number(), service.port)),
            )
        })
        .flatten()
        .collect();
    let present: BTreeSet<u64> = services.iter().copied().filter(|key| *key != 0).collect();
    if present != wanted || vips.len() != site.vips.len() {
        found.push(format!(
            "{} VIPs and services {present:x?}, not {} and {wanted:x?}",
            vips.len(),
            site.vips.len()
        ));
    }
    let mut pools: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
    for wanted in &site.vips {
        let Some(vip) = vips.iter().find(|vip| vip.address == Address::from(wanted.address)) else {
            found.push(format!("VIP {} is missing", wanted.name));
            continue;
        };
        if (vip.flags & Vip::ANSWER_ECHO != 0) != wanted.echo {
            found.push(format!("VIP {}: echo is not {}", wanted.name, wanted.echo));
        }
        pools.entry(&wanted.pool).or_default().insert(vip.pool);
    }
    let mut taken = BTreeSet::new();
    for pool in &site.pools {
        let numbers = pools.get(pool.name.as_str()).cloned().unwrap_or_default();
        let [number] = numbers.into_iter().collect::<Vec<_>>()[..] else {
            found.push(format!("pool {} has not one number", pool.name));
            continue;
        };
        taken.insert(number);
        // SAFETY: a field of the mapping, as pool numbers are below its length.
        let table = maps.read(|it| unsafe { &raw const (*it).tables[usize::from(number)] });
        found.extend(table_differences(&maps, pool, table, interface, &neighbours, marked));
    }
    // SAFETY: a field of the mapping.
    let tables = maps.read(|it| unsafe { &raw const (*it).tables });
    let others = tables
        .iter()
        .enumerate()
        .filter(|(number, table)| !table.is_empty() && !taken.contains(&u16::try_from(*number).unwrap()));
    found.extend(others.map(|(number, _)| format!("table {number} is nobody's")));
    found
}

/// The slots of a pool go to its active backends by their weights, and each is reached at its own MAC.
fn table_differences(
    maps: &Maps,
    pool: &Pool,
    table: Table,
    interface: u32,
    neighbours: &BTreeMap<String, String>,
    marked: &Marked,
) -> Vec<String> {
    let is_steered = |backend: &&anycast_ctl::model::Backend| {
        backend.state == AdminState::Active && !marked.contains(&(pool.name.clone(), backend.name.clone()))
    };
    let active: Vec<_> = pool.backends.iter().filter(is_steered).collect();
    let weights: u64 = active.iter().map(|backend| u64::from(backend.weight)).sum();
    let wanted: BTreeMap<String, u64> = (active.iter())
        .map(|backend| {
            let mac = neighbours.get(&backend.address.to_string()).cloned().unwrap_or_default();
            (mac, u64::from(pool.slots) * u64::from(backend.weight) / weights)
        })
        .collect();
    let mut owned: BTreeMap<String, u64> = BTreeMap::new();
    let mut found = Vec::new();
    for slot in maps.slots(table) {
        let backend = maps.backend(slot.current());
        if !wanted.is_empty() && (!backend.is_usable() || backend.ifindex != interface) {
            found.push(format!("pool {}: a slot leads to {backend:?}", pool.name));
            break;
        }
        if backend.is_usable() {
            let mac = backend.destination.map(|byte| format!("{byte:02x}")).join(":");
            *owned.entry(mac).or_default() += 1;
        }
    }
    let is_wanted = owned.len() == wanted.len()
        && owned.iter().zip(&wanted).all(|(is, wanted)| is.0 == wanted.0 && is.1.abs_diff(*wanted.1) <= 1);
    if !is_wanted {
        found.push(format!("pool {}: slots go to {owned:?}, not to {wanted:?}", pool.name));
    }
    found
}

/// MACs by address, as the kernel of the edge has them.
fn neighbours(host: &Host) -> BTreeMap<String, String> {
    let text = host.shell("ip -json neigh show dev eth0");
    let entries: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let entry = |entry: &serde_json::Value| {
        Some((entry["dst"].as_str()?.to_owned(), entry["lladdr"].as_str()?.to_owned()))
    };
    entries.iter().filter_map(entry).collect()
}
