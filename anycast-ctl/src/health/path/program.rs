//! The program on the way out of `lo`, and its maps.

use anycast_common::probe::{Outcome, Probe};
use aya::{
    Ebpf, EbpfLoader, include_bytes_aligned,
    maps::{HashMap, MapData, PerCpuArray},
    programs::{
        LinkOrder, ProgramError, ProgramInfo, SchedClassifier, TcAttachType,
        links::Link as _,
        tc::{NlOptions, SchedClassifierLink, TcAttachOptions, TcHandle, qdisc_add_clsact},
    },
};

use super::{
    CheckPathError,
    error::{backend, program},
};
use crate::preflight;

/// The object that `build.rs` compiled.
static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/probe"));

/// Name of the program in the object.
const PROGRAM: &str = "probe";

/// Interface it is attached to.
const LOOPBACK: &str = "lo";

/// A filter's handle: the only one of its priority, which is the instance's.
const HANDLE: TcHandle = TcHandle::new(0, 1);

/// How the program is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attachment {
    /// By a link if the kernel has such, else by a filter.
    #[default]
    Any,
    /// By a link, which ends with the process. Minimum kernel version: 6.6.
    Link,
    /// By a filter of the `clsact` queueing discipline, which stays until it is removed.
    Filter,
}

/// The loaded and attached program.
pub struct Program {
    probes: HashMap<MapData, u32, Probe>,
    outcomes: PerCpuArray<MapData, u64>,
    /// Keeps program and attachment.
    ebpf: Ebpf,
}

impl Program {
    /// Loads and attaches it, for marks with that upper half, in the place of what is left of an earlier one.
    pub fn load(magic: u16, attachment: Attachment) -> Result<Self, CheckPathError> {
        for warning in preflight::check()? {
            tracing::debug!("{warning}");
        }
        let mut loader = EbpfLoader::new();
        let loader = loader.override_global("MAGIC", &magic, true);
        let mut ebpf = loader.load(OBJECT).map_err(program("loading the program that delivers checks"))?;
        let mut take = |name| ebpf.take_map(name).ok_or(CheckPathError::Missing(name));
        let (probes, outcomes) = (take("PROBES")?, take("OUTCOMES")?);
        let probes = HashMap::try_from(probes).map_err(|_| CheckPathError::Missing("PROBES"))?;
        let outcomes = PerCpuArray::try_from(outcomes).map_err(|_| CheckPathError::Missing("OUTCOMES"))?;
        let mut loaded = Self { probes, outcomes, ebpf };
        let classifier = loaded.classifier()?;
        classifier.load().map_err(program("loading the program that delivers checks into the kernel"))?;
        Self::remove_left(magic);
        attach(classifier, magic, attachment)
            .map_err(|error| CheckPathError::Attach { error: error.into() })?;
        Ok(loaded)
    }

    /// Removes the filter of that instance, if there is one. The queueing discipline stays: others may use it.
    pub fn remove_left(magic: u16) {
        let left = SchedClassifierLink::attached(LOOPBACK, TcAttachType::Egress, magic, HANDLE, None);
        // The kernel has several answers to a question for a filter that is not there, and if one is, attaching tells.
        let _ = left.map_err(ProgramError::from).and_then(SchedClassifierLink::detach);
    }

    /// Sets a backend's way.
    pub fn set(&mut self, index: u16, mark: u32, probe: Probe) -> Result<(), CheckPathError> {
        self.probes.insert(mark, probe, 0).map_err(backend(index))
    }

    /// Clears it.
    pub fn clear(&mut self, index: u16, mark: u32) -> Result<(), CheckPathError> {
        self.probes.remove(&mark).map_err(backend(index))
    }

    /// Packets of each outcome, all CPUs together.
    pub fn counters(&self) -> Result<Vec<(Outcome, u64)>, CheckPathError> {
        let count = |outcome: &Outcome| {
            let values = self.outcomes.get(&outcome.code(), 0);
            let values = values.map_err(program("reading the counters of checks"))?;
            Ok((*outcome, values.iter().sum()))
        };
        Outcome::ALL.iter().map(count).collect()
    }

    /// The kernel's account of it.
    pub fn info(&self) -> Result<ProgramInfo, CheckPathError> {
        let missing = || CheckPathError::Missing("program `probe`");
        let classifier: &SchedClassifier =
            self.ebpf.program(PROGRAM).ok_or_else(missing)?.try_into().map_err(|_| missing())?;
        classifier.info().map_err(program("asking about the program that delivers checks"))
    }

    fn classifier(&mut self) -> Result<&mut SchedClassifier, CheckPathError> {
        let missing = CheckPathError::Missing("program `probe`");
        let Some(program) = self.ebpf.program_mut(PROGRAM) else { return Err(missing) };
        program.try_into().map_err(|_| missing)
    }
}

/// In front of other programs: what they make of `lo` is not meant for checks.
fn attach(classifier: &mut SchedClassifier, magic: u16, attachment: Attachment) -> Result<(), ProgramError> {
    let mut attach = |options| classifier.attach_with_options(LOOPBACK, TcAttachType::Egress, options);
    let linked = match attachment {
        Attachment::Any | Attachment::Link => attach(TcAttachOptions::TcxOrder(LinkOrder::first())),
        Attachment::Filter => Err(ProgramError::NotAttached),
    };
    match linked {
        Ok(_) => Ok(()),
        Err(error) if attachment == Attachment::Link => Err(error),
        Err(_) => {
            // It may be there already.
            let _ = qdisc_add_clsact(LOOPBACK);
            let options = NlOptions { priority: magic, handle: HANDLE, classid: None };
            attach(TcAttachOptions::Netlink(options)).map(drop)
        }
    }
}
