//! What is remembered about one address between two lookups, and when the next one is due.

use std::{net::IpAddr, time::Duration};

use tokio::time::Instant;
use tracing::debug;

use super::{
    Resolution, Why,
    lookup::{Neighbour, Route},
};
use crate::interface::Interface;

/// How often an address is looked up without a cause and its neighbour asked. Well below the kernel's
/// `gc_stale_time` (60 s), and such that a dead neighbour is noticed within this plus some 3 s of kernel probes, and
/// one that changed its link-layer address without a word is found again a second after that.
pub(super) const REFRESH: Duration = Duration::from_secs(15);

/// First pause before an unresolved neighbour is asked again; it doubles up to [`REFRESH`].
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// One address.
#[derive(Debug)]
pub(super) struct Watched {
    /// `None` until it was looked up.
    pub(super) resolution: Option<Resolution>,
    /// Interface and neighbour its route led to.
    pub(super) via: Option<(u32, IpAddr)>,
    /// When it is looked up without a cause, and its neighbour asked.
    pub(super) due: Instant,
    /// The pause before the question after that, while there is no next hop.
    pub(super) retry: Duration,
}

impl Watched {
    /// Not looked up yet, and due; with what was inherited.
    pub(super) const fn new(now: Instant, resolution: Option<Resolution>) -> Self {
        Self { resolution, via: None, due: now, retry: RETRY }
    }

    /// Notes interface and neighbour that the route leads to: whether it led elsewhere before, or nobody knows where.
    pub(super) fn lead(&mut self, ifindex: u32, neighbour: IpAddr) -> bool {
        match (self.via.replace((ifindex, neighbour)), &self.resolution) {
            // The maps do not say which neighbour it was.
            (None, Some(Resolution::Inherited(Some(last)))) => last.ifindex != ifindex,
            (before, _) => before != Some((ifindex, neighbour)),
        }
    }

    /// Whether the neighbour was asked already, and further questions are for the timer.
    pub(super) const fn waits(&self) -> bool {
        matches!(self.resolution, Some(Resolution::Unresolved(Why::Asking { .. } | Why::NoAnswer { .. })))
    }

    /// The address to go on with while the kernel has none for the neighbour, or why there is none.
    ///
    /// An entry that was flushed or collected is asked for at once and mostly answers within a millisecond: until the
    /// kernel gives up, the last address is as good as any, and taking the backend out would move its flows.
    /// A neighbour that was silent once is called silent until it answers, although the kernel keeps asking.
    /// That the kernel gave up before it was asked is not held against what was inherited: `first` is the first look.
    pub(super) fn unanswered(
        &self,
        via: &Route,
        neighbour: Option<Neighbour>,
        interface: &Interface,
        (moved, first): (bool, bool),
    ) -> Result<[u8; 6], Why> {
        let (interface, failed) =
            (interface.name.clone(), neighbour.is_some_and(|neighbour| neighbour.failed));
        let neighbour = via.neighbour;
        match &self.resolution {
            Some(Resolution::Unresolved(Why::NoAnswer { .. })) if !moved => {
                Err(Why::NoAnswer { neighbour, interface })
            }
            Some(_) if failed && !moved && !first => Err(Why::NoAnswer { neighbour, interface }),
            Some(Resolution::Resolved(last) | Resolution::Inherited(Some(last))) if !moved => Ok(last.mac),
            Some(_) | None => Err(Why::Asking { neighbour, interface }),
        }
    }

    /// Whether that is news.
    pub(super) fn learn(&mut self, address: IpAddr, resolution: Resolution) -> bool {
        if self.resolution.as_ref() == Some(&resolution) {
            return false;
        }
        debug!(%address, ?resolution, "next hop");
        if matches!(resolution, Resolution::Resolved(_)) {
            self.retry = RETRY;
        }
        self.resolution = Some(resolution);
        true
    }

    /// Sets the next lookup without a cause, once the last one is over.
    pub(super) fn reschedule(&mut self, now: Instant) {
        let resolved = matches!(self.resolution, Some(Resolution::Resolved(_)));
        let pause = if resolved { REFRESH } else { self.retry };
        if self.due <= now {
            self.due = now + pause;
            if !resolved {
                self.retry = (self.retry * 2).min(REFRESH);
            }
        } else {
            // What became unresolved before its time is asked again sooner.
            self.due = self.due.min(now + pause);
        }
    }
}
