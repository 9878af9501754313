//! Loading the embedded object into the kernel.

use std::{path::Path, sync::Arc, time::Instant};

use anycast_common::{
    backend::Backend,
    clock,
    counter::{detail_counter, reason_counter},
    directory::Directory,
    hash::{KEY_WORDS, expand_seed},
    limits::{
        DEFAULT_ARENA_LINES, DEFAULT_EMBRYONIC, DEFAULT_ERRORS_PER_TICK, DEFAULT_PINS,
        DEFAULT_TRAFFIC_COUNTERS, MAX_POOLS, MAX_VIPS, SLOTS_PER_LINE,
    },
    lookups::Lookups,
    slot::Table,
};
use aya::{
    Ebpf, EbpfLoader, include_bytes_aligned,
    maps::{DevMapHash, Map, MapData},
    programs::{ProgramError, Xdp},
};

use crate::{
    model::{Seed, Site},
    numbers::Capacity,
};

use super::{
    Dataplane, DataplaneError, Pinned, PinnedMaps, PinsError,
    arena::Arena,
    counters::Counters,
    directory::ActiveDirectory,
    flows::FlowMap,
    grace,
    lend::Lent,
    mapped::{MappedArray, field},
    shape::{self, IDENTITY, SHAPES},
};

/// The XDP object that `build.rs` compiled.
static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/anycast"));

/// Name of the program in the object that takes packets in several buffers: Linux 5.18.
pub const PROGRAM: &str = "anycast";

/// Name of the one that does not.
const LINEAR_PROGRAM: &str = "anycast_linear";

/// What is settled when the program is loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// Seed of the flow hash.
    pub seed: Seed,
    /// VIPs whose refused packets can be counted.
    pub vips: u16,
    /// Slots all tables may have together, the ones being replaced included.
    pub arena_slots: u32,
    /// (VIP, backend) pairs that can be counted.
    pub traffic_counters: u32,
    /// Flows that can be pinned.
    pub pins: u32,
    /// Flows that can be embryonic.
    pub embryonic: u32,
    /// ICMP errors that a CPU may send in a tick of 1.07 s.
    pub errors_per_tick: u32,
    /// Whether to take packets in several buffers, if the kernel hands them over.
    pub multi_buffer: bool,
}

impl LoadOptions {
    /// Default sizes.
    pub fn new(seed: Seed) -> Self {
        Self {
            seed,
            vips: MAX_VIPS as u16,
            arena_slots: DEFAULT_ARENA_LINES * SLOTS_PER_LINE as u32,
            traffic_counters: DEFAULT_TRAFFIC_COUNTERS,
            pins: DEFAULT_PINS,
            embryonic: DEFAULT_EMBRYONIC,
            errors_per_tick: DEFAULT_ERRORS_PER_TICK,
            multi_buffer: true,
        }
    }

    /// The sizes the site asks for; where it does not, the default ones or more as it needs them.
    pub fn for_site(site: &Site, seed: Seed) -> Self {
        Self {
            seed,
            vips: u16::try_from(site.vip_rows()).unwrap_or(u16::MAX),
            arena_slots: site.arena_slots(),
            traffic_counters: site.traffic_counters(),
            pins: site.maps.pins.unwrap_or(DEFAULT_PINS),
            embryonic: site.maps.embryonic.unwrap_or(DEFAULT_EMBRYONIC),
            errors_per_tick: clock::per_tick(site.icmp.too_big_per_second),
            multi_buffer: true,
        }
    }

    /// With the sizes of maps that are pinned: a map keeps its size for life.
    pub(super) fn of_pinned(self, maps: &PinnedMaps) -> Result<Self, PinsError> {
        let entries = |name| shape::entries(&maps.0, name);
        let rows = entries("REASONS")? / reason_counter(1, 0);
        Ok(Self {
            vips: u16::try_from(rows.saturating_sub(1)).unwrap_or(u16::MAX),
            arena_slots: entries("SLOTS")?.saturating_mul(SLOTS_PER_LINE as u32),
            traffic_counters: entries("TRAFFIC")?,
            pins: entries("PINS")?,
            embryonic: entries("EMBRYONIC")?,
            ..self
        })
    }

    fn arena_lines(&self) -> u32 {
        self.arena_slots.div_ceil(SLOTS_PER_LINE as u32)
    }
}

/// Loads the program onto new maps, or onto those that are pinned.
pub fn load(options: &LoadOptions, pinned: Option<Pinned>) -> Result<Dataplane, DataplaneError> {
    let directory = pinned.as_ref().map(|pinned| pinned.maps.0.as_path());
    let key = expand_seed(options.seed.get());
    let mut options = *options;
    let (mut ebpf, entry) = match object(OBJECT, &options, &key, directory, &[]) {
        Err(DataplaneError::Program(error)) if options.multi_buffer && knows_no_buffers(&error) => {
            tracing::warn!(
                "the kernel takes no XDP program for packets in several buffers (Linux 5.18 does): jumbo frames are not taken"
            );
            options.multi_buffer = false;
            object(OBJECT, &options, &key, directory, &[])?
        }
        loaded => loaded?,
    };
    let lent = Lent::of(&ebpf, pinned.as_ref())?;
    let mapped = |ebpf: &mut Ebpf, name| MappedArray::new(name, &array(ebpf, name)?);
    let lookups = mapped(&mut ebpf, "LOOKUPS")?;
    let tables = lookups.part(field!(Lookups, tables), size_of::<Table>());
    let published: Vec<Table> = (0..MAX_POOLS).map(|pool| Table::from_word(tables.load(pool))).collect();
    Ok(Dataplane {
        hash_key: key,
        options,
        lent,
        identity: mapped(&mut ebpf, IDENTITY)?,
        directory: ActiveDirectory::new(
            lookups.part(field!(Lookups, directories), size_of::<Directory>()),
            lookups.part(field!(Lookups, active_directory), size_of::<u64>()),
        ),
        tables,
        slots: mapped(&mut ebpf, "SLOTS")?,
        stamps: mapped(&mut ebpf, "STAMPS")?,
        pins: FlowMap::new(take(&mut ebpf, "PINS")?, "PINS")?,
        embryonic: FlowMap::new(take(&mut ebpf, "EMBRYONIC")?, "EMBRYONIC")?,
        filter: mapped(&mut ebpf, "FILTER")?,
        backends: lookups.part(field!(Lookups, backends), size_of::<Backend>()),
        tunnels: mapped(&mut ebpf, "TUNNELS")?,
        arena: Arena::holding(options.arena_lines(), &published, grace::wait),
        capacity: Capacity {
            vips: options.vips,
            traffic_counters: options.traffic_counters,
            slots: options.arena_lines().saturating_mul(SLOTS_PER_LINE as u32),
        },
        tables_may_be_read: false,
        tunnels_may_be_read: false,
        devices: DevMapHash::try_from(take(&mut ebpf, "DEVICES")?)
            .map_err(|_| DataplaneError::Missing("DEVICES"))?,
        counters: Arc::new(Counters::new(|name| take(&mut ebpf, name))?),
        attachments: Vec::new(),
        tapped: None,
        pinned,
        entry,
        ebpf,
    })
}

/// An object with one of its programs in the kernel, and that program's name; with constants of its own beside those that all
/// have.
pub fn object(
    bytes: &[u8],
    options: &LoadOptions,
    key: &[u64; KEY_WORDS],
    pinned: Option<&Path>,
    constants: &[(&str, u32)],
) -> Result<(Ebpf, &'static str), DataplaneError> {
    let entry = if options.multi_buffer { PROGRAM } else { LINEAR_PROGRAM };
    let start = Instant::now();
    // Reads the types of the running kernel, wanted or not.
    let mut loader = EbpfLoader::new();
    let types = start.elapsed();
    if let Some(directory) = pinned {
        for shape in SHAPES {
            loader.map_pin_path(shape.name, directory.join(shape.name));
        }
    }
    for (name, value) in constants {
        loader.override_global(name, value, true);
    }
    let mut ebpf = loader
        .override_global("HASH_KEY", &key[..], true)
        .override_global("ERRORS_PER_TICK", &options.errors_per_tick, true)
        .override_global("MULTI_BUFFER", &u32::from(options.multi_buffer), true)
        .map_max_entries("SLOTS", options.arena_lines())
        .map_max_entries("STAMPS", options.arena_lines())
        .map_max_entries("PINS", options.pins)
        .map_max_entries("EMBRYONIC", options.embryonic)
        .map_max_entries("TRAFFIC", options.traffic_counters)
        .map_max_entries("REASONS", reason_counter(options.vips + 1, 0))
        .map_max_entries("DETAILS", detail_counter(options.vips + 1, 0))
        .load(bytes)?;
    let maps = start.elapsed() - types;
    program(&mut ebpf, entry)?.load()?;
    let program = start.elapsed() - types - maps;
    tracing::debug!(?types, ?maps, ?program, "loaded");
    Ok((ebpf, entry))
}

/// Whether the kernel refused a program because it knows no packets in several buffers.
fn knows_no_buffers(error: &ProgramError) -> bool {
    let ProgramError::LoadError { io_error, verifier_log } = error else { return false };
    is_unknown_flag(io_error.raw_os_error(), &verifier_log.to_string())
}

/// Whether the kernel's answer is that to a flag it does not know: it comes before the instructions are looked at, so nothing
/// is said of these.
fn is_unknown_flag(code: Option<i32>, verifier_log: &str) -> bool {
    code == Some(libc::EINVAL) && verifier_log.trim().is_empty()
}

/// An XDP program of the object.
pub fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp, DataplaneError> {
    let program = ebpf.program_mut(name).ok_or(DataplaneError::Missing("program `anycast`"))?;
    program.try_into().map_err(|_| DataplaneError::Missing("XDP program `anycast`"))
}

fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, DataplaneError> {
    ebpf.take_map(name).ok_or(DataplaneError::Missing(name))
}

/// The array of that name. The program keeps the map alive when this handle is dropped.
fn array(ebpf: &mut Ebpf, name: &'static str) -> Result<MapData, DataplaneError> {
    if let Map::Array(map) = take(ebpf, name)? { Ok(map) } else { Err(DataplaneError::Missing(name)) }
}

#[cfg(test)]
mod tests {
    use super::is_unknown_flag;

    #[test]
    fn a_flag_that_is_not_known_is_told_from_a_program_that_is_bad() {
        assert!(is_unknown_flag(Some(libc::EINVAL), ""));
        assert!(!is_unknown_flag(Some(libc::EINVAL), "unknown func bpf_xdp_get_buff_len#188\n"));
        assert!(!is_unknown_flag(Some(libc::EPERM), ""));
        assert!(!is_unknown_flag(None, ""));
    }
}
