//! Taking the program off the interfaces, and the whole dataplane down.

use std::path::Path;

use anyhow::Context as _;

use super::{Controller, start};
use crate::{
    api::{
        request::{Order, Proposal},
        types::{Committed, DaemonStep, HookState, HookStatus},
    },
    config, dataplane,
    model::{Edit, SiteDiff},
    numbers::{Carried, Numbers},
    runtime::Runtime,
    store::Author,
};

impl Controller {
    /// Does what an operator wants of the program as a whole.
    pub(super) async fn hook(&mut self, state: HookState) -> anyhow::Result<HookStatus> {
        let changed = match state {
            HookState::Attached => self.set_detached(false).await?,
            HookState::Detached => self.set_detached(true).await?,
            HookState::Down => {
                self.take_down().await?;
                self.down = true;
                true
            }
        };
        Ok(HookStatus { state, changed })
    }

    /// Written down first: what is on the interfaces follows at the next start at the latest.
    async fn set_detached(&mut self, detached: bool) -> anyhow::Result<bool> {
        let changed = detached != self.detached;
        self.detached = detached;
        self.persist()?;
        if detached {
            self.dataplane.detach_all()?;
        } else {
            let interfaces = start::present(&self.site, &self.ports.list().await);
            start::attach_missing(&mut self.dataplane, &interfaces, self.ports.mode)?;
        }
        Ok(changed)
    }

    /// Ends the dataplane: no packet meets its program afterwards.
    async fn take_down(&mut self) -> anyhow::Result<()> {
        self.dataplane.detach_all().context("detaching the XDP program")?;
        let Some(pins) = self.dataplane.pins().cloned() else { return Ok(()) };
        // What is written down still fits what is pinned, if this process ends in between.
        dataplane::clean_up(&pins).await?;
        self.identity = None;
        self.detached = false;
        self.persist()?;
        self.tell_interfaces();
        self.tell_step(DaemonStep::Down);
        Ok(())
    }

    /// Ends with the daemon what should end with it.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        // First: what checks say from here on is no reason to withdraw anything.
        self.end_announcements().await;
        self.finish_checks().await;
        if self.dataplane.pins().is_none() {
            self.dataplane.detach_all().context("detaching the XDP program")?;
            self.tell_interfaces();
        } else if !self.down {
            // Whoever looked at packets goes with the daemon.
            self.dataplane.end_to_show().context("putting the ordinary program back")?;
            tracing::info!("packets are steered on without the daemon; `anycast-ctl down` ends that");
        }
        Ok(())
    }

    /// Writes down everything beside the desired state.
    pub(super) fn persist(&self) -> anyhow::Result<()> {
        Ok(self.store.set_runtime(&self.runtime(Numbers::clone(&self.numbers)).to_document()?)?)
    }

    /// What is to be written down beside the desired state, with these numbers.
    pub(super) fn runtime(&self, numbers: Numbers) -> Runtime {
        Runtime {
            identity: self.identity,
            seed: self.drawn_seed,
            numbers,
            carried: Carried::clone(&self.carried),
            marked_down: self.marks.clone(),
            detached: self.detached,
            maintenance: self.announcements.maintenance.clone(),
            by_hand: self.announcements.by_hand.clone(),
        }
    }

    /// Applies the site file again, if it says something else than when it was last applied.
    pub(super) async fn apply_file(&mut self, path: Option<&Path>) -> Result<(), String> {
        let Some(path) = path else {
            tracing::warn!("SIGHUP: no --config was given, so there is nothing to apply");
            return Ok(());
        };
        match self.read_file(path).await {
            Ok(committed) => {
                tracing::info!(
                    revision = committed.revision,
                    changed = committed.changed,
                    "SIGHUP: applied {}",
                    path.display()
                );
                Ok(())
            }
            Err(error) => {
                tracing::error!("SIGHUP: {error:#}; nothing was changed");
                Err(format!("{error:#}"))
            }
        }
    }

    async fn read_file(&mut self, path: &Path) -> anyhow::Result<Committed> {
        let text = config::read(path)?;
        if self.store.snapshot()?.applied_file.as_deref() == Some(&text) {
            return Ok(Committed { revision: self.revision(), changed: false, diff: SiteDiff::default() });
        }
        let site = config::parse(&text, &path.display().to_string())?;
        let order = Order {
            proposal: Proposal::Edit(Edit::Replace {
                site: Box::new(site),
                what: format!("apply {}", path.display()),
            }),
            expected: None,
            author: Author::File { path: path.display().to_string() },
            applied_file: Some(text),
        };
        Ok(self.change(order).await?)
    }
}
