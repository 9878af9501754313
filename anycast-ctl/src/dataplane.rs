//! The loaded XDP program and its maps.
//!
//! What packets read is never changed half-way: a table or directory is written where no packet looks, published with one
//! store, and its old place left alone until no running program can still be in it.

mod arena;
mod attach;
mod batch;
mod clock;
mod counters;
mod directory;
mod error;
mod filter;
mod flows;
mod grace;
mod lend;
mod link;
mod load;
mod mapped;
mod observe;
#[cfg(feature = "packet-log")]
mod packet_log;
mod percpu;
mod persist;
mod pins;
mod shape;
mod tables;
mod tapped;
mod taps;
mod trace;

use std::{collections::BTreeSet, sync::Arc};

use anycast_common::{backend::Backend, counter::Traffic, hash::KEY_WORDS, reason::Reason, tunnel::Tunnel};
use aya::{
    Ebpf,
    maps::{DevMapHash, MapData, MapError},
};

pub(crate) use self::attach::explain;
use self::{arena::Arena, directory::ActiveDirectory, lend::Lent, mapped::MappedArray};

use crate::numbers::Capacity;

pub use self::{
    attach::{AttachError, Attachment},
    batch::Batch,
    clock::now_ticks,
    counters::{Counted, Counters, Reach},
    directory::{DirectoryEntry, DirectoryError},
    error::PinsError,
    flows::{FlowMap, FlowReader},
    lend::prepare as prepare_to_lend,
    link::PinnedAttachment,
    load::{LoadOptions, PROGRAM},
    percpu::{Count, PerCpuCounters},
    persist::{Pinned, attach_pinned, clean_up, detach_pinned},
    pins::{PinnedMaps, Pins},
    tables::Published,
    tapped::Tapped,
    taps::{Record, Records, Taps},
    trace::{TraceSource, Traced, Tracer},
};

/// What can go wrong between the controller and the kernel.
#[derive(Debug, thiserror::Error)]
pub enum DataplaneError {
    /// The embedded object does not load.
    #[error("loading the XDP program: {0}")]
    Object(#[from] aya::EbpfError),
    /// The kernel refuses the program.
    #[error("loading the XDP program into the kernel: {0}")]
    Program(#[from] aya::programs::ProgramError),
    /// The embedded object lacks a map or program, or has another one of that name.
    #[error("the embedded XDP object has no {0}: this build is broken")]
    Missing(&'static str),
    /// A map cannot be mapped into memory.
    #[error("mapping {map} into memory: {error}")]
    Mmap {
        /// Name of the map.
        map: &'static str,
        /// Why not.
        error: nix::Error,
    },
    /// A map operation failed.
    #[error("{doing}: {}", with_cause(.error.as_ref()))]
    Map {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Counters cannot be cleared.
    #[error("somebody reads the counters: they can be cleared afterwards")]
    CountersAreRead,
    /// No room for another slot table.
    #[error(
        "no room for a table of {slots} slots: the slot arena holds {capacity} in all; give pools fewer slots"
    )]
    ArenaFull {
        /// Slots wanted.
        slots: u32,
        /// Slots of the whole arena.
        capacity: u32,
    },
    /// The directory cannot hold the site.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Something is wrong with what is pinned.
    #[error(transparent)]
    Pins(#[from] PinsError),
    /// Packets cannot be tapped on this kernel.
    #[error("showing packets takes Linux 5.18: the program for older kernels cannot")]
    NoTaps,
    /// Maps without pins cannot be lent to another program.
    #[error(
        "a --temporary dataplane that was started without CAP_SYS_ADMIN takes no captures, and explains nothing: start it as \
         root, or without --temporary"
    )]
    Temporary,
    /// The program cannot be attached.
    #[error(transparent)]
    Attach(#[from] AttachError),
}

/// The loaded program. Dropping it detaches the program and frees its maps, unless they are pinned.
pub struct Dataplane {
    ebpf: Ebpf,
    hash_key: [u64; KEY_WORDS],
    /// As they were settled: with the sizes that the maps have, and what the kernel takes.
    options: LoadOptions,
    /// Its maps, for other objects.
    lent: Lent,
    /// The loaded program's name.
    entry: &'static str,
    attachments: Vec<Attachment>,
    /// In the program's place on the interfaces while somebody taps packets.
    tapped: Option<Tapped>,
    /// Where it outlasts this process, if it does.
    pinned: Option<Pinned>,
    identity: MappedArray,
    directory: ActiveDirectory,
    tables: MappedArray,
    slots: MappedArray,
    stamps: MappedArray,
    filter: MappedArray,
    /// Flows born during a transition.
    pub pins: FlowMap,
    /// Those of which only the opening packet was seen.
    pub embryonic: FlowMap,
    backends: MappedArray,
    tunnels: MappedArray,
    arena: Arena,
    capacity: Capacity,
    /// Whether a packet may still be reading a table that was replaced.
    tables_may_be_read: bool,
    /// Whether a packet may still be on its way to a tunnel's backend that was suspended or cleared.
    tunnels_may_be_read: bool,
    devices: DevMapHash<MapData>,
    counters: Arc<Counters>,
}

impl Dataplane {
    /// Loads the embedded program onto maps that end with this process. Nothing is attached yet.
    pub fn load(options: &LoadOptions) -> Result<Self, DataplaneError> {
        load::load(options, None)
    }

    /// The object, for what tests and benchmarks want of it.
    pub fn ebpf_mut(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }

    /// Sets where packets for the backend with that index go.
    ///
    /// Its first word says whether it is usable: it comes last when it is and first when it is not, so that nobody takes
    /// the rest of another backend, or its generation, for this one's.
    pub fn set_backend(&mut self, index: u16, backend: Backend) {
        self.wait_for_tunnels();
        let [first, rest @ ..] = backend.to_words();
        let index = usize::from(index);
        if !backend.is_usable() {
            self.backends.store(index, &[first]);
        }
        self.backends.store_from(index, 1, &rest);
        self.backends.store(index, &[first]);
    }

    /// Ends deliveries to the backend with that index for as long as it takes to set it anew. Slots may name it: its packets are
    /// dropped, and those of flows that may also go to another backend do.
    pub fn suspend_backend(&mut self, index: u16) {
        let [first, ..] = Backend { state: 0, ..self.backend(index) }.to_words();
        self.backends.store(index.into(), &[first]);
        self.tunnels_may_be_read = true;
    }

    /// Sets the outer headers of packets for the backend with that index. A packet reads them word by word: if more than one
    /// word changes, the backend must be suspended first.
    pub fn set_tunnel(&mut self, index: u16, tunnel: Tunnel) {
        self.wait_for_tunnels();
        self.tunnels.store(usize::from(index), &tunnel.to_words());
    }

    /// Ends deliveries to the backend with that index. No published table may name it as the owner of a slot; packets that
    /// found it in the table before are delivered first.
    pub fn clear_backend(&mut self, index: u16) {
        if std::mem::take(&mut self.tables_may_be_read) {
            grace::wait();
        }
        let had_tunnel = self.backend(index).overhead > 0;
        self.set_backend(index, Backend::default());
        self.tunnels_may_be_read |= had_tunnel;
    }

    /// Waits until no packet uses what the last backend that was suspended or cleared was reached by.
    fn wait_for_tunnels(&mut self) {
        if std::mem::take(&mut self.tunnels_may_be_read) {
            grace::wait();
        }
    }

    /// What the map has.
    fn backend(&self, index: u16) -> Backend {
        let first = usize::from(index) * Backend::WORDS;
        Backend::from_words(std::array::from_fn(|word| self.backends.load_word(first + word)))
    }

    /// Publishes the VIPs and services. Readers see the old ones or the new ones, never a mixture.
    pub fn publish_directory(&mut self, vips: &[DirectoryEntry]) -> Result<(), DataplaneError> {
        Ok(self.directory.publish(vips)?)
    }

    /// Lets packets be redirected to an interface.
    pub fn add_device(&mut self, ifindex: u32) -> Result<(), DataplaneError> {
        self.devices
            .insert(ifindex, ifindex, None, 0)
            .map_err(while_doing("allowing redirects to an interface"))
    }

    /// The interfaces that packets may be redirected to, as the map has them: the kernel takes out those that go.
    pub fn devices(&self) -> Result<BTreeSet<u32>, DataplaneError> {
        let devices: Result<_, MapError> = self.devices.keys().collect();
        devices.map_err(while_doing("listing the interfaces packets may be redirected to"))
    }

    /// No longer lets packets be redirected to an interface. One that is gone is no error.
    pub fn remove_device(&mut self, ifindex: u32) -> Result<(), DataplaneError> {
        match self.devices.remove(ifindex) {
            Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
            Err(error) => Err(while_doing("ending redirects to an interface")(error)),
        }
    }

    /// The counters, to be read on any thread. For as long as somebody has them none is cleared.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The counters, to be cleared: nobody may be reading them.
    fn counters_mut(&mut self) -> Result<&mut Counters, DataplaneError> {
        Arc::get_mut(&mut self.counters).ok_or(DataplaneError::CountersAreRead)
    }

    /// Whether somebody has the counters to read them.
    pub fn counters_are_read(&self) -> bool {
        Arc::strong_count(&self.counters) > 1
    }

    /// Delivered traffic of one (VIP, backend) pair, all CPUs together.
    pub fn traffic(&self, counter: u32) -> Result<Traffic, DataplaneError> {
        Ok(self.counters.read(&Reach::of([counter], []))?.traffic(counter))
    }

    /// Packets not delivered for that reason, all CPUs together. VIP 0: those that were no VIP's.
    pub fn refused(&self, vip: u16, reason: Reason) -> Result<u64, DataplaneError> {
        Ok(self.counters.read(&Reach::of([], [vip]))?.refused(vip, reason))
    }

    /// Sets a traffic counter back to zero, before another pair gets it.
    pub fn clear_traffic(&mut self, counter: u32) -> Result<(), DataplaneError> {
        self.counters_mut()?.clear_traffic(counter)
    }

    /// Sets the reason and detail counters of a VIP's number back to zero, before another one gets it.
    pub fn clear_vip(&mut self, vip: u16) -> Result<(), DataplaneError> {
        self.counters_mut()?.clear_vip(vip)
    }

    /// Returns when every packet that is being steered at the call has been steered and counted.
    pub fn wait_for_packets(&self) {
        grace::wait();
    }

    /// The key of the flow hash.
    pub fn hash_key(&self) -> [u64; KEY_WORDS] {
        self.hash_key
    }

    /// What the maps have room for.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Whether packets in several buffers are taken.
    pub fn takes_multi_buffer(&self) -> bool {
        self.entry == PROGRAM
    }

    /// Name of the program that is loaded, in the object.
    pub fn program_name(&self) -> &'static str {
        self.entry
    }

    /// Slots all tables may have together.
    pub fn arena_slots(&self) -> u64 {
        self.arena.slots()
    }

    /// Where the program is attached.
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }
}

/// An error of a system call tells its name, and only its source tells what the kernel answered.
fn with_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    let cause = error.source().map(ToString::to_string).filter(|cause| !text.contains(cause));
    cause.map_or_else(|| text.clone(), |cause| format!("{text}: {cause}"))
}

fn while_doing<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    doing: &'static str,
) -> impl Fn(E) -> DataplaneError {
    move |error| DataplaneError::Map { doing, error: error.into() }
}
