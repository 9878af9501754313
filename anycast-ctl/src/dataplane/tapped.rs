//! The program that also shows packets: loaded while somebody taps them, it takes the other one's place on the interfaces, from one
//! packet to the next, and gives it back. While nobody does, packets meet no instruction of it.

use std::{fmt, path::Path};

use aya::{
    Ebpf, include_bytes_aligned,
    programs::{
        Xdp,
        links::{FdLink, PinnedLink},
        xdp::XdpLink,
    },
};

use super::{
    Attachment, Dataplane, DataplaneError, TraceSource,
    attach::Hold,
    load,
    taps::{Records, Taps},
};

/// The object that `build.rs` compiled.
static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/tapped"));

/// The loaded program.
pub struct Tapped {
    ebpf: Ebpf,
    entry: &'static str,
}

impl fmt::Debug for Tapped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tapped").field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl Tapped {
    /// Loads it onto the maps of a dataplane, on any thread; takes as long as a start.
    ///
    /// # Errors
    /// `NoTaps`, or what the kernel refuses.
    pub fn load(source: &TraceSource) -> Result<(Self, Taps, Records), DataplaneError> {
        let TraceSource { options, key, maps } = source;
        if !options.multi_buffer {
            return Err(DataplaneError::NoTaps);
        }
        let (mut ebpf, entry) =
            maps.lend(|directory| load::object(OBJECT, options, key, Some(directory), &[]))?;
        let (taps, records) = Taps::of(&mut ebpf)?;
        Ok((Self { ebpf, entry }, taps, records))
    }

    /// The program, for tests and benchmarks.
    pub fn program(&mut self) -> Result<&mut Xdp, DataplaneError> {
        load::program(&mut self.ebpf, self.entry)
    }
}

impl Dataplane {
    /// Puts that program on every interface in the place of this one.
    ///
    /// # Errors
    /// What the kernel refuses: the interfaces have this program then.
    pub fn begin_to_show(&mut self, tapped: Tapped) -> Result<(), DataplaneError> {
        let swapped = self.swap_all(tapped, true);
        tracing::info!("interfaces have the program that shows packets, for as long as somebody looks");
        if swapped.is_err() {
            // What has the other program already, gets this one back. Of two errors the first says more.
            drop(self.end_to_show());
        }
        swapped
    }

    /// Puts this program back on every interface.
    ///
    /// # Errors
    /// What the kernel refuses: that interface keeps the program it has.
    pub fn end_to_show(&mut self) -> Result<(), DataplaneError> {
        match self.tapped.take() {
            Some(tapped) => {
                tracing::info!("nobody looks at packets: interfaces have the ordinary program again");
                self.swap_all(tapped, false)
            }
            None => Ok(()),
        }
    }

    /// Gives each attachment the program that shows packets, or takes it away. All of them are tried.
    fn swap_all(&mut self, mut tapped: Tapped, to_tapped: bool) -> Result<(), DataplaneError> {
        let mut outcome = Ok(());
        let own = load::program(&mut self.ebpf, self.entry)?;
        for Attachment { interface, ifindex, mode, hold } in std::mem::take(&mut self.attachments) {
            let shows = tapped.program()?;
            let (from, to) = if to_tapped { (&mut *own, shows) } else { (shows, &mut *own) };
            let mut hold = Some(hold);
            outcome = outcome.and(swap(from, to, &mut hold));
            // Without a hold it is attached no longer, and will be again.
            let kept = hold.map(|hold| Attachment { interface, ifindex, mode, hold });
            self.attachments.extend(kept);
        }
        self.tapped = to_tapped.then_some(tapped);
        outcome
    }

    /// Whether packets are shown.
    pub const fn is_showing(&self) -> bool {
        self.tapped.is_some()
    }

    /// The program that interfaces have, or get.
    pub(super) fn program_in_place(&mut self) -> Result<&mut Xdp, DataplaneError> {
        match &mut self.tapped {
            Some(tapped) => tapped.program(),
            None => load::program(&mut self.ebpf, self.entry),
        }
    }
}

/// Gives an attachment another program. If that fails, one that this process holds is ended.
fn swap(from: &mut Xdp, to: &mut Xdp, hold: &mut Option<Hold>) -> Result<(), DataplaneError> {
    match hold.take() {
        Some(Hold::Pin(path)) => {
            let replaced = replace(to, &path);
            *hold = Some(Hold::Pin(path));
            replaced
        }
        Some(Hold::Process(link)) => {
            let link = from.take_link(link)?;
            *hold = Some(Hold::Process(to.attach_to_link(link)?));
            Ok(())
        }
        None => Ok(()),
    }
}

/// Gives a pinned attachment another program.
fn replace(to: &mut Xdp, pin: &Path) -> Result<(), DataplaneError> {
    let opened = |error| DataplaneError::Map { doing: "opening a pinned attachment", error };
    let link = PinnedLink::from_pin(pin).map_err(|error| opened(error.into()))?;
    let link = XdpLink::try_from(FdLink::from(link)).map_err(|error| opened(error.into()))?;
    let link = to.attach_to_link(link)?;
    // The pin holds it.
    drop(to.take_link(link)?);
    Ok(())
}
