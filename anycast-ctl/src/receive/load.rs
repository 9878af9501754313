//! Loading the embedded object.

use std::{collections::BTreeSet, fs, net::IpAddr, path::Path};

use anycast_common::receive::{Config, Outcome};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned, programs::Xdp};

use super::{
    ReceiveError, Sender, kernel,
    maps::{Maps, NAMES},
};
use crate::preflight::{KernelRelease, MULTI_BUFFER_KERNEL};

/// The XDP object that `build.rs` compiled.
static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/receive"));

/// Names of the programs in the object: for packets in several buffers, and for kernels that have none of these.
pub const PROGRAMS: [&str; 2] = ["receive", "receive_linear"];

/// The loaded program and its maps. Unless pinned they go when this is dropped.
pub struct Receiver {
    ebpf: Ebpf,
    name: &'static str,
    pub(super) maps: Maps,
}

impl Receiver {
    /// Loads one of the [`PROGRAMS`]. With a directory on a bpffs, its maps are those pinned there, or are made and pinned.
    ///
    /// # Errors
    /// `Kernel` when it refuses the program, `Missing` when the object is not what it ought to be.
    pub fn load(name: &'static str, pins: Option<&Path>) -> Result<Self, ReceiveError> {
        let mut loader = EbpfLoader::new();
        if let Some(directory) = pins {
            for name in NAMES {
                loader.map_pin_path(name, directory.join(name));
            }
        }
        let mut ebpf = loader.load(OBJECT).map_err(kernel("loading the XDP object"))?;
        let maps =
            Maps::new(|name| ebpf.take_map(name).ok_or(ReceiveError::Missing("a map of the XDP object")))?;
        let mut receiver = Self { ebpf, name, maps };
        receiver.program()?.load().map_err(kernel("loading the XDP program into the kernel"))?;
        Ok(receiver)
    }

    /// Loads the program that suits this kernel.
    pub(super) fn load_for_this_kernel(pins: &Path) -> Result<Self, ReceiveError> {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let is_old =
            release.trim().parse::<KernelRelease>().is_ok_and(|release| release < MULTI_BUFFER_KERNEL);
        let [frags, linear] = PROGRAMS;
        Self::load(if is_old { linear } else { frags }, Some(pins))
    }

    /// The program.
    ///
    /// # Errors
    /// `Missing` when the object has none of that name.
    pub fn program(&mut self) -> Result<&mut Xdp, ReceiveError> {
        let missing = ReceiveError::Missing("program `receive`");
        let Some(program) = self.ebpf.program_mut(self.name) else { return Err(missing) };
        program.try_into().map_err(|_| missing)
    }

    /// Who may send, and the UDP port of GUE, `None` for no GUE.
    ///
    /// # Errors
    /// `TooManySenders`, or `Kernel` when it refuses.
    pub fn configure(
        &mut self,
        senders: &BTreeSet<Sender>,
        gue_port: Option<u16>,
    ) -> Result<(), ReceiveError> {
        self.maps.set_senders(senders)?;
        let config = self.maps.config()?;
        self.maps.set_config(Config { gue_port: gue_port.map_or(0, u32::from), ..config })
    }

    /// The last unknown sender that each CPU saw.
    ///
    /// # Errors
    /// `Kernel` when it refuses.
    pub fn strangers(&self) -> Result<BTreeSet<IpAddr>, ReceiveError> {
        self.maps.strangers()
    }

    /// Packets that came to that, all CPUs together.
    ///
    /// # Errors
    /// `Kernel` when it refuses.
    pub fn packets(&self, outcome: Outcome) -> Result<u64, ReceiveError> {
        self.maps.packets(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::NAMES;

    #[test]
    fn every_map_of_the_program_is_pinned() {
        let declarations = include_str!("../../../anycast-ebpf/src/receive/maps.rs").lines();
        let names: Vec<&str> = declarations
            .filter_map(|line| Some(line.strip_prefix("pub static ")?.split_once(':')?.0))
            .collect();
        assert_eq!(names, NAMES);
    }
}
