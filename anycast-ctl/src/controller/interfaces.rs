//! Keeps the program on the interfaces of the site while these go away, come back, and change their names.
//!
//! ```text
//!            comes ──────────────────────────► attach
//!            has another index ──────────────► attach, end the old attachment
//!            has our program already ────────► adopt: it came back from another network namespace
//!            lost our program ───────────────► attach: somebody detached it
//!            is gone ────────────────────────► say so, wait
//!            has another name ───────────────► stay: its packets are steered on; say so
//!            is no longer the site's ────────► detach
//! ```

use tokio::sync::watch;

use super::Controller;
use crate::{
    api::types::XdpMode,
    dataplane::DataplaneError,
    interface::{Interface, Interfaces},
};

/// The interfaces there are, and what is wrong with those of the site.
pub(super) struct Ports {
    present: watch::Receiver<Interfaces>,
    /// How the operator wants the program attached.
    pub(super) mode: Option<XdpMode>,
    /// Why an interface of the site is not steered, or may not be soon: name and words.
    problems: Vec<(String, String)>,
    /// Whether an attachment failed, and is to be tried again.
    unsettled: bool,
    /// An interface of the site that the program is not attached to, and why.
    unattached: Option<String>,
}

impl Ports {
    pub(super) fn new(present: watch::Receiver<Interfaces>, mode: Option<XdpMode>) -> Self {
        Self { present, mode, problems: Vec::new(), unsettled: false, unattached: None }
    }

    /// The interfaces that there are now, as far as the kernel tells.
    pub(super) async fn list(&mut self) -> Vec<Interface> {
        let noted = self.present.borrow_and_update().clone();
        // No notification tells of a program that was attached since: what was noted may not have ours yet.
        match Interface::list().await {
            Ok(present) => present,
            Err(error) => {
                tracing::warn!(%error, "listing interfaces; going by the last list");
                noted.to_vec()
            }
        }
    }

    /// Waits for the next change.
    pub(super) async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        self.present.changed().await
    }

    /// Whether something is to be tried again.
    pub(super) const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Whether the program is on every interface of the site, or was before the interface went away.
    ///
    /// # Errors
    ///
    /// The first that it could not be attached to, and why.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.unattached.clone().map_or(Ok(()), |problem| Err(anyhow::Error::msg(problem)))
    }

    /// What is wrong with an interface of the site.
    pub(super) fn problem(&self, interface: &str) -> Option<&str> {
        self.problems.iter().find(|(name, _)| name == interface).map(|(_, problem)| problem.as_str())
    }
}

/// What is to be done about one interface of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing.
    Keep,
    /// It has another index, and our program.
    Adopt(u32),
    /// It is there, and has not our program.
    Attach(u32),
    /// It is attached, and has that name by now.
    Renamed(String),
    /// There is none.
    Gone,
}

/// `attached`: the index under which it was attached; `program`: the kernel id of ours.
fn step(name: &str, attached: Option<u32>, present: &[Interface], program: Option<u32>) -> Step {
    let is_ours = |interface: &Interface| {
        interface.xdp.is_some_and(|xdp| program.is_none_or(|program| xdp.program_id == program))
    };
    match (Interface::named(name, present).ok(), attached) {
        (Some(interface), Some(index)) if interface.index == index && is_ours(interface) => Step::Keep,
        (Some(interface), Some(_)) if is_ours(interface) => Step::Adopt(interface.index),
        (Some(interface), _) => Step::Attach(interface.index),
        (None, Some(index)) => match present.iter().find(|it| it.index == index) {
            Some(interface) => Step::Renamed(interface.name.clone()),
            None => Step::Gone,
        },
        (None, None) => Step::Gone,
    }
}

impl Controller {
    /// Brings the attachments to what interfaces there are. What fails is shown in the status and tried again.
    pub(super) async fn tend_interfaces(&mut self) {
        self.announcements.are_stale = true;
        if self.detached {
            (self.ports.problems, self.ports.unsettled, self.ports.unattached) = (Vec::new(), false, None);
            return;
        }
        let present = self.ports.list().await;
        let program = self.dataplane.program_id();
        let mut problems = Vec::new();
        let left = self.leave_interfaces();
        self.ports.unsettled = left.is_err();
        if let Err(error) = left {
            tracing::error!("{error}; trying again");
        }
        for name in self.site.interfaces.clone() {
            let attachment = self.dataplane.attachments().iter().find(|it| it.interface == name);
            let attached = attachment.map(|it| it.ifindex);
            match step(&name, attached, &present, program) {
                Step::Keep => {}
                Step::Adopt(index) => {
                    tracing::info!(interface = name, index, "the interface is back, with the program on it");
                    self.dataplane.set_index(&name, index);
                }
                Step::Attach(index) => {
                    if let Err(error) = self.dataplane.attach_again(&name, index, self.ports.mode) {
                        problems.push((name, format!("{error}; tried again every second")));
                        self.ports.unsettled = true;
                    }
                }
                Step::Renamed(now) => problems.push((
                    name,
                    format!("it is called {now} by now, and still steered: name it so under `interfaces`"),
                )),
                Step::Gone => {
                    problems.push((
                        name,
                        "it is gone; the program is attached again when it comes back".to_owned(),
                    ));
                }
            }
        }
        for (name, problem) in &problems {
            if self.ports.problem(name) != Some(problem) {
                tracing::error!(interface = name, "{problem}");
            }
        }
        let attached = |name: &String| self.dataplane.attachments().iter().any(|it| it.interface == *name);
        let unattached = problems.iter().find(|(name, _)| !attached(name));
        self.ports.unattached = unattached.map(|(name, problem)| format!("interface {name}: {problem}"));
        self.ports.problems = problems;
        let is_as_told = self.ports.check().is_ok() == self.progress.borrow().behind.is_none();
        // With an interface go its redirects, and its index may be another's.
        match self.dataplane.devices() {
            Ok(devices)
                if devices == self.installed.devices
                    && !self.behind
                    && is_as_told
                    && !self.ports.unsettled => {}
            Ok(devices) => {
                self.installed.devices = devices;
                self.reconcile_for("interfaces");
            }
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Detaches from interfaces that are no longer the site's.
    fn leave_interfaces(&mut self) -> Result<(), DataplaneError> {
        let attached: Vec<String> =
            self.dataplane.attachments().iter().map(|it| it.interface.clone()).collect();
        for name in attached.iter().filter(|name| !self.site.interfaces.contains(name)) {
            self.dataplane.detach(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::AttachedXdp;

    fn interface(name: &str, index: u32, program: Option<u32>) -> Interface {
        let xdp = program.map(|program_id| AttachedXdp { program_id, mode: XdpMode::Native });
        Interface {
            index,
            name: name.into(),
            alternative_names: vec!["uplink".into()],
            mac: Some([2, 0, 0, 0, 0, 1]),
            mtu: 1500,
            up: true,
            rx_queues: 1,
            xdp,
        }
    }

    #[test]
    fn each_thing_that_can_happen_has_its_answer() {
        let ours = Some(7);
        for (attached, present, expected) in [
            (Some(2), vec![interface("eth0", 2, ours)], Step::Keep),
            (Some(2), vec![interface("eth0", 9, None)], Step::Attach(9)),
            (None, vec![interface("eth0", 9, None)], Step::Attach(9)),
            (Some(2), vec![interface("eth0", 9, ours)], Step::Adopt(9)),
            (Some(2), vec![interface("eth0", 2, None)], Step::Attach(2)),
            (Some(2), vec![interface("eth0", 2, Some(8))], Step::Attach(2)),
            (Some(2), vec![interface("eth7", 2, ours)], Step::Renamed("eth7".into())),
            (Some(2), vec![interface("eth7", 2, ours), interface("eth0", 9, None)], Step::Attach(9)),
            (Some(2), vec![interface("eth7", 3, None)], Step::Gone),
            (None, vec![], Step::Gone),
        ] {
            assert_eq!(step("eth0", attached, &present, ours), expected, "{attached:?} {present:?}");
        }
        let present = [interface("eth0", 2, ours)];
        assert_eq!(step("uplink", Some(2), &present, ours), Step::Keep, "by another of its names");
    }
}
