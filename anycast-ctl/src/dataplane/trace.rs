//! The program that notes what it does: compiled of the same source as the one that packets meet, and run on the same maps.
//!
//! It is loaded *dry*: a constant, frozen before the verifier sees it, forbids every store to a map that is shared, so that
//! the verifier takes those stores out as code that is never reached.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use anycast_common::{hash::KEY_WORDS, walk::Walk};
use aya::{
    Ebpf, include_bytes_aligned,
    maps::{MapData, PerCpuArray, PerCpuValues},
    programs::{ProgramInfo, TestRun as _, TestRunOptions},
};

use super::{Dataplane, DataplaneError, LoadOptions, lend::Lent, load, while_doing};

/// The object that `build.rs` compiled.
static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/trace"));

/// Bytes by which a packet may grow.
const GROWTH: usize = 256;

/// All that is needed to load it beside a dataplane, on any thread.
#[derive(Clone)]
pub struct TraceSource {
    pub(super) options: LoadOptions,
    pub(super) key: [u64; KEY_WORDS],
    pub(super) maps: Lent,
}

impl fmt::Debug for TraceSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TraceSource").field("options", &self.options).finish_non_exhaustive()
    }
}

/// The loaded program. No packet of an interface meets it.
pub struct Tracer {
    running: Mutex<Running>,
}

struct Running {
    ebpf: Ebpf,
    entry: &'static str,
    walk: PerCpuArray<MapData, Walk>,
}

/// What the program would do with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Step by step.
    pub walk: Walk,
    /// The frame afterwards.
    pub frame: Vec<u8>,
}

impl Dataplane {
    /// What a [`Tracer`] of this dataplane is loaded from.
    pub fn trace_source(&self) -> TraceSource {
        TraceSource { options: self.options, key: self.hash_key, maps: self.lent.clone() }
    }
}

impl Tracer {
    /// Loads it, dry, onto the maps of a dataplane; takes as long as a start.
    ///
    /// # Errors
    /// What the kernel refuses. A dataplane that is not pinned needs CAP_SYS_ADMIN for it.
    pub fn load(source: &TraceSource) -> Result<Self, DataplaneError> {
        let TraceSource { options, key, maps } = source;
        let (mut ebpf, entry) =
            maps.lend(|directory| load::object(OBJECT, options, key, Some(directory), &[("DRY", 1)]))?;
        let walk = ebpf.take_map("WALK").ok_or(DataplaneError::Missing("WALK"))?;
        let walk = walk.try_into().map_err(while_doing("taking over the map of walks"))?;
        Ok(Self { running: Mutex::new(Running { ebpf, entry, walk }) })
    }

    /// Runs a frame that is taken to come in by an interface of this network namespace, by kernel index.
    ///
    /// # Errors
    /// The kernel does not run it: it is shorter than an Ethernet header, longer than the program takes, or there is no
    /// such interface.
    pub fn run(&self, frame: &[u8], ifindex: u32) -> Result<Traced, DataplaneError> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).run(frame, ifindex)
    }

    /// The kernel's account of the program.
    ///
    /// # Errors
    /// The kernel does not give it.
    pub fn info(&self) -> Result<ProgramInfo, DataplaneError> {
        let running = &mut *self.running.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(load::program(&mut running.ebpf, running.entry)?.info()?)
    }
}

impl Running {
    fn run(&mut self, frame: &[u8], ifindex: u32) -> Result<Traced, DataplaneError> {
        let cpus = aya::util::nr_cpus().map_err(|(_, error)| while_doing("counting CPUs")(error))?;
        let none = PerCpuValues::try_from(vec![Walk::default(); cpus]);
        let none = none.map_err(while_doing("forgetting the last walk"))?;
        self.walk.set(0, none, 0).map_err(while_doing("forgetting the last walk"))?;

        let mut output = vec![0; frame.len() + GROWTH];
        let context = context(frame.len() as u32, ifindex);
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut output),
            ctx_in: Some(&context),
            ..TestRunOptions::new()
        };
        let result = load::program(&mut self.ebpf, self.entry)?.test_run(options)?;
        output.truncate(result.data_size_out as usize);

        // It ran on one CPU, of which this thread knows nothing.
        let walks = self.walk.get(&0, 0).map_err(while_doing("reading a walk"))?;
        let walk = walks.iter().find(|walk| walk.frame_bytes > 0).copied().unwrap_or_default();
        Ok(Traced { walk, frame: output })
    }
}

/// `struct xdp_md` (include/uapi/linux/bpf.h): data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
fn context(length: u32, ifindex: u32) -> [u8; 24] {
    zerocopy::transmute!([0, length, 0, ifindex, 0, 0])
}
