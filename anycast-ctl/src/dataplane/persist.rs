//! A dataplane that outlasts its process: made anew beside what is pinned, or taken over from there.

use std::{io::Read as _, time::Duration};

use anycast_common::identity::Identity;

use super::{
    Dataplane, DataplaneError, LoadOptions, PinsError,
    lend::Lent,
    link::{self, PinnedAttachment},
    load,
    pins::{PinnedMaps, Pins},
};
use crate::{bpffs, interface::Interface};

/// How long the kernel may take to detach a program that is no longer pinned.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);

/// Where a dataplane is pinned.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// The pins of its instance.
    pub pins: Pins,
    /// The maps in use.
    pub maps: PinnedMaps,
}

impl Dataplane {
    /// Loads the program onto new maps, which stay when this process ends. Returns their identity: what is written down of
    /// them says so. Nothing is attached yet, and the maps that were written down as `in_use` are left as they are.
    pub fn load_pinned(
        options: &LoadOptions,
        pins: &Pins,
        in_use: Option<u64>,
    ) -> Result<(Self, u64), DataplaneError> {
        let pinned = Pinned { pins: pins.clone(), maps: pins.begin(in_use)? };
        let dataplane = load::load(options, Some(pinned))?;
        let identity = draw().map_err(super::while_doing("drawing an identity from /dev/urandom"))?;
        dataplane.identity.store(0, &Identity::new(identity, &dataplane.hash_key).to_words());
        Ok((dataplane, identity))
    }

    /// Loads the program onto pinned maps. Their sizes go before those of the options. Nothing is attached yet; packets meet
    /// the program that is attached as before, and nothing in the maps is changed.
    pub fn adopt(options: &LoadOptions, pins: &Pins, maps: PinnedMaps) -> Result<Self, DataplaneError> {
        let options = options.of_pinned(&maps)?;
        load::load(&options, Some(Pinned { pins: pins.clone(), maps }))
    }

    /// Makes this program and its maps the only ones that are pinned. Every attachment has it.
    ///
    /// # Errors
    ///
    /// What cannot be pinned: the next start does it again.
    pub fn finish_pinning(&mut self) -> Result<(), DataplaneError> {
        let Some(Pinned { pins, maps }) = self.pinned.clone() else { return Ok(()) };
        let program = load::program(&mut self.ebpf, self.entry)?;
        bpffs::replace(&pins.program(), |path| {
            program.pin(path).map_err(|error| PinsError::Pin { path: path.to_owned(), error })
        })?;
        let maps = pins.finish(&maps)?;
        self.lent = Lent::Pinned(maps.clone());
        self.pinned = Some(Pinned { pins, maps });
        Ok(())
    }

    /// Where it is pinned; `None` when it ends with this process.
    pub fn pins(&self) -> Option<&Pins> {
        self.pinned.as_ref().map(|pinned| &pinned.pins)
    }
}

/// Ends what an instance has pinned: no packet meets its program afterwards. Whether there was anything.
///
/// # Errors
///
/// `Bpffs` when a pin cannot be removed.
pub async fn clean_up(pins: &Pins) -> Result<bool, PinsError> {
    let (attachments, exist) = (PinnedAttachment::list(pins)?, pins.exist()?);
    pins.remove()?;
    // The kernel lets go of a link in its own time, mostly milliseconds (`bpf_free_inode` in kernel/bpf/inode.c waits for
    // readers, `bpf_link_put` for a worker).
    let start = std::time::Instant::now();
    while !attachments.is_empty() && start.elapsed() < PATIENCE {
        let interfaces = Interface::list().await.unwrap_or_default();
        if !attachments.iter().any(|held| interfaces.iter().any(|interface| held.is_on(interface))) {
            break;
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(exist)
}

/// Takes the pinned program off every interface.
///
/// # Errors
///
/// `Bpffs` when a pin cannot be removed.
pub fn detach_pinned(pins: &Pins) -> Result<(), PinsError> {
    for (_, path) in pins.links()? {
        bpffs::remove(&path)?;
    }
    Ok(())
}

/// Attaches the pinned program to an interface: natively, or generically if the driver cannot.
///
/// # Errors
///
/// What the kernel refuses.
pub fn attach_pinned(pins: &Pins, interface: &Interface) -> Result<(), PinsError> {
    let path = pins.link(&interface.name);
    bpffs::remove(&path)?;
    link::attach(&pins.program(), interface.index, &path)
        .map_err(|error| PinsError::Link { pin: path, error })
}

fn draw() -> std::io::Result<u64> {
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    // Zero says that maps are not finished.
    Ok(u64::from_ne_bytes(bytes).max(1))
}
