//! How the daemon begins: what is desired by store and file, and the dataplane, taken over from there or made anew.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anycast_common::hash::expand_seed;
use anyhow::{Context as _, anyhow, bail};

use super::commit::check_fixed;
use crate::{
    api::types::XdpMode,
    bpffs::Lock,
    config,
    dataplane::{Dataplane, LoadOptions, PinnedAttachment, PinnedMaps, Pins, PinsError},
    interface::Interface,
    model::{Seed, Site},
    numbers::Carried,
    reconcile::Maps,
    runtime::Runtime,
    store::{Author, Commit, Embedded, Record, Snapshot, Store},
    transition::Census,
    web::Address,
};

/// Where and how the daemon runs.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Name under which program and maps are pinned.
    pub instance: String,
    /// The API's Unix socket.
    pub socket: PathBuf,
    /// The site file; `None`: what is desired is in the store.
    pub config: Option<PathBuf>,
    /// Directory of the store.
    pub state_dir: PathBuf,
    /// Directory of everything that is pinned.
    pub bpffs: PathBuf,
    /// Whether to pin and store nothing: all ends with the daemon.
    pub temporary: bool,
    /// Whether to load anew where maps are pinned already.
    pub replace: bool,
    /// How to attach; `None`: natively where that works.
    pub xdp_mode: Option<XdpMode>,
    /// Whether to take packets in several buffers, if the kernel hands them over.
    pub multi_buffer: bool,
    /// How often the maps are compared with what should be there.
    pub reconcile_every: Duration,
    /// Where to serve metrics and status; `None`: nowhere.
    pub http: Option<Address>,
    /// How many of the last events are kept.
    pub keep_events: usize,
    /// How often the catchment is measured without being asked for; `None`: never.
    pub catchment_every: Option<Duration>,
}

/// A dataplane that is ready to be reconciled, and all that is known of it. Packets meet what they met before.
pub(super) struct Begun {
    pub site: Site,
    pub seed: Seed,
    pub store: Arc<dyn Store>,
    /// The newest revision.
    pub head: Option<Record>,
    pub runtime: Runtime,
    /// What checks had said.
    pub verdicts: Option<Vec<u8>>,
    pub dataplane: Dataplane,
    /// What its maps hold.
    pub installed: Maps,
    /// Whether the maps were there before.
    pub took_over: bool,
    /// Whether the newest revision was made at this start, from the site file.
    pub committed: bool,
    /// Keeps other daemons away.
    pub lock: Option<Lock>,
}

/// Reads what is desired, and takes the dataplane over or loads it.
///
/// # Errors
///
/// Whatever is in the way, with what to do. Nothing was changed then, but for a revision that may have been stored.
pub(super) async fn begin(options: &RunOptions) -> anyhow::Result<Begun> {
    // First of all: a file that cannot be read leaves no trace.
    let text = options.config.as_deref().map(config::read).transpose().context("load the configuration")?;
    let file = options.config.clone().zip(text);
    let (pins, lock, store): (_, _, Arc<dyn Store>) = if options.temporary {
        (None, None, Arc::new(Embedded::temporary()?))
    } else {
        let pins = Pins::of(&options.bpffs, &options.instance)?;
        let lock = pins.lock()?;
        (Some(pins), Some(lock), Arc::new(Embedded::open(&options.state_dir)?))
    };
    let snapshot = store.snapshot()?;
    let mut runtime = Runtime::read(snapshot.runtime.as_deref())?;
    let desired = Desired::read(file, &snapshot)?;
    let seed = seed(&desired.site, &mut runtime)?;
    let found = match &pins {
        Some(pins) => find(pins, &runtime, seed, options.replace)?,
        None => None,
    };
    if found.is_some() {
        let running = desired.stored.as_ref().unwrap_or(&desired.site);
        check_fixed(running, seed, &desired.site).map_err(|why| anyhow!("apply the configuration: {why}"))?;
    }
    check_interfaces(&desired.site, pins.as_ref(), found.is_some()).await?;

    let sizes =
        LoadOptions { multi_buffer: options.multi_buffer, ..LoadOptions::for_site(&desired.site, seed) };
    let took_over = found.is_some();
    let (dataplane, installed) = match (pins, found) {
        (Some(pins), Some(maps)) => {
            let dataplane = Dataplane::adopt(&sizes, &pins, maps)?;
            tracing::info!(directory = %pins.directory().display(), "took over the maps that are pinned");
            warn_of_sizes(&desired.site, &dataplane);
            let installed = dataplane.observe()?;
            (dataplane, installed)
        }
        (pins, _) => {
            let (dataplane, identity) = match pins {
                None => (Dataplane::load(&sizes)?, None),
                Some(pins) => {
                    let (dataplane, identity) = Dataplane::load_pinned(&sizes, &pins, runtime.identity)?;
                    (dataplane, Some(identity))
                }
            };
            runtime.identity = identity;
            runtime.numbers = runtime.numbers.for_fresh_maps();
            // Everything is counted from zero, or totals would be of some counters and not of others.
            runtime.carried = Carried::default();
            (dataplane, Maps::default())
        }
    };
    let named =
        dataplane.pools().flat_map(|pool| Census::of(&dataplane.table(pool)).named().collect::<Vec<_>>());
    runtime.numbers = runtime.numbers.after(&desired.site, &named.collect(), &dataplane.capacity())?;
    let (site, head, committed) = desired.store(&*store, &runtime)?;
    let verdicts = snapshot.verdicts;
    Ok(Begun { site, seed, store, head, runtime, verdicts, dataplane, installed, took_over, committed, lock })
}

/// What is desired, and what has to be written down of it.
struct Desired {
    site: Site,
    /// What was desired before the file, if it says something else.
    stored: Option<Site>,
    head: Option<Record>,
    /// Path and text of the site file, if it says something else than when it was last applied.
    file: Option<(PathBuf, String)>,
    /// Whether that changes the site.
    changed: bool,
}

impl Desired {
    fn read(file: Option<(PathBuf, String)>, snapshot: &Snapshot) -> anyhow::Result<Self> {
        let stored =
            snapshot.head.as_ref().map(|head| config::parse(&head.text, "the store's newest revision"));
        let stored = stored.transpose().context("read the desired state from the store")?;
        let head = snapshot.head.as_ref().map(|head| head.record.clone());
        let file = file.filter(|(_, text)| stored.is_none() || snapshot.applied_file.as_ref() != Some(text));
        let Some((path, text)) = file else {
            return Ok(Self {
                site: stored.unwrap_or_default(),
                stored: None,
                head,
                file: None,
                changed: false,
            });
        };
        let site = config::parse(&text, &path.display().to_string()).context("load the configuration")?;
        let changed = stored.as_ref() != Some(&site);
        Ok(Self { site, stored, head, file: Some((path, text)), changed })
    }

    /// Writes it down, with the runtime document that goes with it; answers whether that made a revision.
    fn store(self, store: &dyn Store, runtime: &Runtime) -> anyhow::Result<(Site, Option<Record>, bool)> {
        let document = runtime.to_document()?;
        let Self { site, stored: _, head, file, changed } = self;
        let (path, text) = match file {
            Some(file) if changed => file,
            unchanged => {
                store.set_runtime(&document)?;
                if let Some((_, text)) = unchanged {
                    // Or the next start would take it for another file, and undo what was changed since.
                    store.set_applied_file(&text)?;
                }
                return Ok((site, head, false));
            }
        };
        let record = store.commit(Commit {
            expected: head.map(|head| head.revision),
            author: Author::File { path: path.display().to_string() },
            summary: format!("apply {}", path.display()),
            text: config::to_toml(&site),
            runtime: document,
            applied_file: Some(text),
        })?;
        Ok((site, Some(record), true))
    }
}

/// The seed of the flow hash: the site's, or the one that was drawn once.
fn seed(site: &Site, runtime: &mut Runtime) -> anyhow::Result<Seed> {
    if let Some(seed) = site.seed {
        return Ok(seed);
    }
    if let Some(seed) = runtime.seed {
        return Ok(seed);
    }
    tracing::warn!("no `seed` in the configuration: drew one, so no other host steers as this one does");
    let seed = Seed::new(random_seed().context("drawing a seed from /dev/urandom")?);
    runtime.seed = Some(seed);
    Ok(seed)
}

/// The pinned maps to take over, if that is what should be done.
fn find(pins: &Pins, runtime: &Runtime, seed: Seed, replace: bool) -> Result<Option<PinnedMaps>, PinsError> {
    let found = pins.find(runtime.identity, &expand_seed(seed.get()));
    if !replace {
        return found;
    }
    if pins.exist()? {
        tracing::warn!(
            "loading anew beside what is pinned: sessions that only remembered flows hold will end, and counters begin at zero"
        );
    }
    Ok(None)
}

/// Makes sure that the program can be attached to every interface, or is attached to it by this instance. Where a
/// dataplane is taken over, an interface that is missing is no reason to leave the others alone.
async fn check_interfaces(site: &Site, pins: Option<&Pins>, adopting: bool) -> anyhow::Result<()> {
    let all = Interface::list().await?;
    let held = pins.map(PinnedAttachment::list).transpose()?.unwrap_or_default();
    let lost =
        held.iter().find(|held| held.ifindex != 0 && !all.iter().any(|interface| held.is_on(interface)));
    if let Some(held) = lost {
        bail!(PinsError::OtherNamespace { pin: held.path.clone() });
    }
    for name in &site.interfaces {
        match Interface::named(name, &all) {
            Ok(interface) if held.iter().any(|held| held.is_on(interface)) => {}
            Ok(interface) => interface.check_attachable()?,
            Err(error) if adopting => tracing::warn!("{error}; going on without it"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Attaches to every interface of the site, from one packet to the next where another program of this instance is, and to
/// no other.
pub(super) fn attach(
    dataplane: &mut Dataplane,
    site: &Site,
    mode: Option<XdpMode>,
    detached: bool,
    all: &[Interface],
) -> anyhow::Result<()> {
    let mut interfaces = Vec::new();
    if detached {
        tracing::warn!("detached since `anycast-ctl detach`: `anycast-ctl attach` begins to steer again");
    } else {
        interfaces = present(site, all);
    }
    dataplane.take_over(&interfaces)?;
    attach_missing(dataplane, &interfaces, mode)?;
    Ok(dataplane.finish_pinning()?)
}

/// Interfaces of the site among those that exist. The others were complained of.
pub(super) fn present(site: &Site, all: &[Interface]) -> Vec<Interface> {
    site.interfaces.iter().filter_map(|name| Interface::named(name, all).ok()).cloned().collect()
}

/// Attaches to those of these interfaces that the program is not attached to.
pub(super) fn attach_missing(
    dataplane: &mut Dataplane,
    interfaces: &[Interface],
    mode: Option<XdpMode>,
) -> anyhow::Result<()> {
    for interface in interfaces {
        let attachment = dataplane.attachments().iter().find(|it| it.interface == interface.name);
        match (attachment.map(|attachment| attachment.mode), mode) {
            (None, _) => dataplane.attach(&interface.name, interface.index, mode)?,
            (Some(is), Some(wanted)) if is != wanted => tracing::warn!(
                interface = interface.name,
                "stays attached in {} mode: `anycast-ctl detach` and `attach` change that",
                is.label()
            ),
            (Some(_), _) => {}
        }
    }
    Ok(())
}

/// Says where `[maps]` asks for other sizes than the maps have that were taken over.
fn warn_of_sizes(site: &Site, dataplane: &Dataplane) {
    let capacity = dataplane.capacity();
    let line = anycast_common::limits::SLOTS_PER_LINE as u32;
    let sizes = [
        ("pins", site.maps.pins, dataplane.pins.capacity()),
        ("embryonic", site.maps.embryonic, dataplane.embryonic.capacity()),
        ("slots", site.maps.slots.map(|slots| slots.next_multiple_of(line)), capacity.slots),
        ("traffic_counters", site.maps.traffic_counters, capacity.traffic_counters),
        ("vips", site.maps.vips, capacity.vips.into()),
    ];
    for (key, wanted, is) in sizes {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != is) {
            tracing::warn!(
                "`{key}` under [maps] is {wanted}, and the maps that are loaded have {is}: a map keeps its size until \
                 `anycast-ctl down` or `run --replace`"
            );
        }
    }
}

#[cfg(test)]
mod tests;

fn random_seed() -> std::io::Result<u64> {
    use std::io::Read as _;
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}
