//! Starting, changing and ending.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use anycast_common::receive::Config;
use aya::programs::{
    ProgramInfo,
    links::{FdLink, PinnedLink},
    xdp::XdpLink,
};

use super::{
    ReceiveError, Receiver, Sender,
    attach::{attach, mode_of, network_namespace},
    kernel,
    maps::Maps,
    pins::Pins,
};
use crate::{api::types::XdpMode, interface::Interface, preflight::Surroundings};

/// How long the kernel may take to detach a program that is no longer pinned.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);

/// What to receive, and where.
#[derive(Clone, Debug)]
pub struct Start {
    /// Directory of the pins of all interfaces.
    pub bpffs: PathBuf,
    /// Name of the interface.
    pub interface: String,
    /// Who may send.
    pub senders: BTreeSet<Sender>,
    /// UDP port of GUE; `None`: no GUE.
    pub gue_port: Option<u16>,
    /// How to attach; `None`: natively, or generically if the driver cannot.
    pub mode: Option<XdpMode>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Started {
    /// Nobody received on that interface before.
    pub began: bool,
    /// Another program took the place of the one that was attached.
    pub replaced_program: bool,
    /// What is odd, but no reason to stop.
    pub warning: Option<String>,
}

/// Starts to receive, or changes the settings where that was done before: without a gap.
///
/// # Errors
/// See [`ReceiveError`]; what was running goes on as before, except where it says otherwise.
pub async fn start(start: &Start) -> Result<Started, ReceiveError> {
    Surroundings::gather()?.check_capabilities()?;
    let interface = Interface::find(&start.interface).await?;
    let _lock = Pins::lock(&start.bpffs)?;
    let pins = Pins::of(&start.bpffs, &interface.name)?;
    match Attached::find(&pins, &interface)? {
        Some(attached) => change(start, &interface, &pins, attached),
        None => {
            interface.check_attachable()?;
            // What an interface that is gone, or a run that was killed, has left.
            pins.remove()?;
            begin(start, &interface, &pins).inspect_err(|_| {
                // What cannot be removed is in the way of nobody: the next run removes it, and its error says why.
                let _ = pins.remove();
            })
        }
    }
}

/// Detaches the program and removes its pins. Afterwards no packet meets it.
///
/// # Errors
/// `NothingToStop`, or `File` when a pin cannot be removed.
pub async fn stop(bpffs: &Path, interface: &str) -> Result<(), ReceiveError> {
    Surroundings::gather()?.check_capabilities()?;
    let pins = Pins::of(bpffs, interface)?;
    if !pins.directory().exists() {
        return Err(ReceiveError::NothingToStop(interface.to_owned()));
    }
    let _lock = Pins::lock(bpffs)?;
    let pinned = ProgramInfo::from_pin(pins.program()).ok();
    pins.remove()?;
    if let Some(pinned) = pinned {
        wait_until_detached(pinned.id()).await?;
    }
    Ok(())
}

/// The kernel lets go of an unpinned link in its own time, mostly milliseconds (`bpf_free_inode` in kernel/bpf/inode.c waits for
/// readers, `bpf_link_put` for a worker).
async fn wait_until_detached(program_id: u32) -> Result<(), ReceiveError> {
    let start = Instant::now();
    while Interface::list().await?.iter().any(|interface| mode_of(interface, program_id).is_some()) {
        if start.elapsed() > PATIENCE {
            return Err(ReceiveError::StillAttached(program_id));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// A pinned attachment that works.
pub struct Attached {
    /// The attachment.
    pub link: FdLink,
    /// Kernel id of the attached program.
    pub program_id: u32,
    /// How it is attached.
    pub mode: XdpMode,
}

impl Attached {
    /// That of the interface; `None` when nothing is pinned, or only what an interface left that is gone.
    pub fn find(pins: &Pins, interface: &Interface) -> Result<Option<Self>, ReceiveError> {
        if !pins.link().exists() {
            return Ok(None);
        }
        let link = PinnedLink::from_pin(pins.link()).map_err(kernel("opening the pinned attachment"))?;
        let link = FdLink::from(link);
        let program_id = link.info().map_err(kernel("reading the pinned attachment"))?.program_id();
        if let Some(mode) = mode_of(interface, program_id) {
            return Ok(Some(Self { link, program_id, mode }));
        }
        if pins.maps().exists() {
            let config = Maps::open(&pins.maps())?.config()?;
            if config.network_namespace != own_namespace()? {
                return Err(ReceiveError::OtherNamespace {
                    interface: interface.name.clone(),
                    directory: pins.directory().to_owned(),
                });
            }
        }
        Ok(None)
    }
}

fn begin(start: &Start, interface: &Interface, pins: &Pins) -> Result<Started, ReceiveError> {
    let mut receiver = load(start, interface, pins)?;
    let warning = attach(&mut receiver, interface, start.mode, pins)?;
    Ok(Started { began: true, replaced_program: false, warning })
}

fn change(
    start: &Start,
    interface: &Interface,
    pins: &Pins,
    attached: Attached,
) -> Result<Started, ReceiveError> {
    if start.mode.is_some_and(|mode| mode != attached.mode) {
        return Err(ReceiveError::OtherMode {
            interface: interface.name.clone(),
            attached: attached.mode.label(),
        });
    }
    let mut receiver = load(start, interface, pins)?;
    let program = receiver.program()?;
    let is_same = ProgramInfo::from_pin(pins.program())
        .is_ok_and(|pinned| pinned.id() == attached.program_id && is_equal(program, &pinned));
    if !is_same {
        // Atomic: each packet meets the one program or the other.
        let link = XdpLink::try_from(attached.link).map_err(kernel("opening the pinned attachment"))?;
        program
            .attach_to_link(link)
            .map_err(kernel("putting another program in the place of the attached one"))?;
        pins.replace_program(|path| program.pin(path).map_err(kernel("pinning the program")))?;
    }
    pins.remove_other_maps()?;
    Ok(Started { began: false, replaced_program: !is_same, warning: None })
}

/// The same instructions on the same maps: maps of another layout are other maps.
fn is_equal(program: &aya::programs::Xdp, pinned: &ProgramInfo) -> bool {
    let maps = |info: &ProgramInfo| {
        let mut ids = info.map_ids().ok().flatten().unwrap_or_default();
        ids.sort_unstable();
        ids
    };
    program.info().is_ok_and(|info| info.tag() == pinned.tag() && maps(&info) == maps(pinned))
}

/// The program on the interface's pinned maps, with all settings made: nothing is left to do but to attach it.
fn load(start: &Start, interface: &Interface, pins: &Pins) -> Result<Receiver, ReceiveError> {
    pins.create()?;
    let mut receiver = Receiver::load_for_this_kernel(&pins.maps())?;
    let mut config = receiver.maps.config()?;
    if config.since_seconds == 0 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        config = Config { since_seconds: since.as_secs(), ..config };
    }
    let network_namespace = own_namespace()?;
    receiver.maps.set_config(Config { ifindex: interface.index, network_namespace, ..config })?;
    receiver.configure(&start.senders, start.gue_port)?;
    Ok(receiver)
}

fn own_namespace() -> Result<u64, ReceiveError> {
    network_namespace().map_err(kernel("telling network namespaces apart; is /proc mounted?"))
}
