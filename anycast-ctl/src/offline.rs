//! What can be done to a dataplane that no daemon keeps.

use std::path::PathBuf;

use crate::{
    api::types::{HookState, HookStatus},
    config,
    dataplane::{self, PinnedAttachment, Pins},
    health,
    interface::Interface,
    model::Site,
    runtime::Runtime,
    store::{Embedded, Store as _},
};

/// Where an instance's pins and store are.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name.
    pub instance: String,
    /// Directory of everything that is pinned.
    pub bpffs: PathBuf,
    /// Directory of the store.
    pub state_dir: PathBuf,
}

impl Place {
    /// Brings the program as a whole to that state. Being there already is no error.
    ///
    /// # Errors
    ///
    /// `InUse` while a daemon runs; what cannot be read, written, attached or removed.
    pub async fn bring(&self, state: HookState) -> anyhow::Result<HookStatus> {
        let pins = Pins::of(&self.bpffs, &self.instance)?;
        // Taking the lock makes the directory: what is not there needs none.
        let is_there = pins.exist()?;
        let changed = match state {
            HookState::Down if !is_there => false,
            HookState::Down => {
                let _lock = pins.lock()?;
                // Of a daemon that was killed.
                health::path::clean_up(&self.instance).await?;
                dataplane::clean_up(&pins).await?
            }
            HookState::Attached | HookState::Detached => {
                let _lock = pins.lock()?;
                let (site, changed) = self.note(state == HookState::Detached)?;
                if state == HookState::Detached {
                    dataplane::detach_pinned(&pins)?;
                } else {
                    attach(&pins, &site).await?;
                }
                if !is_there {
                    pins.remove()?;
                }
                changed
            }
        };
        Ok(HookStatus { state, changed })
    }

    /// Writes down for the next start what the operator wants. Returns what is desired, and whether that is new.
    fn note(&self, detached: bool) -> anyhow::Result<(Site, bool)> {
        let store = Embedded::open(&self.state_dir)?;
        let snapshot = store.snapshot()?;
        let mut runtime = Runtime::read(snapshot.runtime.as_deref())?;
        let changed = runtime.detached != detached;
        runtime.detached = detached;
        store.set_runtime(&runtime.to_document()?)?;
        let text = snapshot.head.map(|head| head.text);
        let site = text.map(|text| config::parse(&text, "the store's newest revision")).transpose()?;
        Ok((site.unwrap_or_default(), changed))
    }
}

/// Attaches the pinned program where it is not. Nothing is pinned: the next start attaches.
async fn attach(pins: &Pins, site: &Site) -> anyhow::Result<()> {
    if !pins.program().exists() {
        return Ok(());
    }
    let held = PinnedAttachment::list(pins)?;
    for name in &site.interfaces {
        let interface = Interface::find(name).await?;
        if !held.iter().any(|held| held.is_on(&interface)) {
            interface.check_attachable()?;
            dataplane::attach_pinned(pins, &interface)?;
        }
    }
    Ok(())
}
