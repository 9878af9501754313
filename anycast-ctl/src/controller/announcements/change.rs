//! What operators decide about announcements: single VIPs by hand, and the site as a whole.

use std::sync::Arc;

use super::{super::Controller, Announcements};
use crate::{
    announce::orders::{ByHand, Hand, Maintenance},
    api::{
        request::{AnnounceChange, MaintenanceTerms, RequestError},
        types::{AnnounceEvent, Event},
    },
    spelling::unknown,
    utc::Utc,
};

impl Controller {
    /// Takes note of what an operator wants of announcements.
    ///
    /// # Errors
    /// There is no such VIP, nothing to announce with, or no room to write it down: nothing is changed then.
    pub(in crate::controller) async fn change_announcements(
        &mut self,
        change: AnnounceChange,
        by: String,
    ) -> Result<(), RequestError> {
        let noted = |it: &Announcements| (it.maintenance.clone(), it.by_hand.clone(), it.is_returning);
        let before = noted(&self.announcements);
        let text = match change {
            AnnounceChange::Hand { vip, hand } => self.set_hand(&vip, hand, &by)?,
            AnnounceChange::Maintenance(begins) => self.set_maintenance(begins, &by)?,
        };
        if noted(&self.announcements) == before {
            return Ok(());
        }
        let stored = match self.document(&self.numbers) {
            Ok(document) => self.with_store(move |store| store.set_runtime(&document)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            let Announcements { maintenance, by_hand, is_returning, .. } = &mut self.announcements;
            (*maintenance, *by_hand, *is_returning) = before;
            self.note_uncertainty(&error);
            return Err(error);
        }
        let text = format!("{text}, as {by} wants it");
        let what = "maintenance".to_owned();
        let (vip, before, after, level) = (None, None, None, None);
        self.tell(Event::Announce(AnnounceEvent { what, bad: false, text, vip, before, after, level }));
        self.divert();
        // Whoever hears that it is done asks the announcer how things are: it must know by then.
        self.order_announcements();
        Ok(())
    }

    /// Has new flows go to backups while the site is drained, and no longer.
    fn divert(&mut self) {
        self.note_diverted();
        self.reconcile_for("the site's maintenance");
    }

    /// Has new flows come back when the routes have: flows that other sites opened meanwhile find the owners they had there.
    pub(in crate::controller) fn return_if_back(&mut self) {
        if self.announcements.is_returning && self.announcements.announcing.said().is_back {
            self.announcements.is_returning = false;
            self.divert();
        }
    }

    /// Notes which pools are diverted to their backups: all that have any, while the site is drained or not back yet.
    pub(in crate::controller) fn note_diverted(&mut self) {
        let Announcements { maintenance, is_returning, .. } = &self.announcements;
        let is_diverted = maintenance.is_some() || *is_returning;
        let pools = self.site.pools.iter().filter(|_| is_diverted);
        let with_backups = pools.filter(|pool| pool.backends.iter().any(|backend| backend.backup));
        self.diverted = Arc::new(with_backups.map(|pool| pool.name.clone()).collect());
    }

    fn set_hand(
        &mut self,
        vip: &str,
        hand: Option<(Hand, Option<Utc>)>,
        by: &str,
    ) -> Result<String, RequestError> {
        if self.site.vip(vip).is_none() {
            let names = self.site.vips.iter().map(|vip| vip.name.as_str());
            return Err(RequestError::NotFound(unknown("VIP", vip, names)));
        }
        if self.site.announce.is_none() {
            return Err(RequestError::Conflict(format!(
                "VIP {vip} is nobody's to announce: add [announce] with the table of a routing daemon to the site"
            )));
        }
        let by_hand = &mut self.announcements.by_hand;
        Ok(match hand {
            Some((what, until)) => {
                by_hand.insert(vip.to_owned(), ByHand { what, until, by: by.to_owned() });
                let word = match what {
                    Hand::Now => "announced",
                    Hand::Withdraw | Hand::WithdrawAtOnce => "withdrawn",
                };
                let until = until.map_or_else(String::new, |until| format!(" until {until}"));
                format!("VIP {vip} is to be {word} by hand{until}")
            }
            None => {
                by_hand.remove(vip);
                format!("VIP {vip} is announced by its health again")
            }
        })
    }

    fn set_maintenance(&mut self, terms: Option<MaintenanceTerms>, by: &str) -> Result<String, RequestError> {
        let has_backups =
            self.site.pools.iter().flat_map(|pool| &pool.backends).any(|backend| backend.backup);
        if terms.is_some() && self.site.announce.is_none() && !has_backups {
            return Err(RequestError::Conflict(
                "there is nowhere to send clients: no pool has backups, and the site has no [announce] to withdraw by"
                    .to_owned(),
            ));
        }
        let maintenance = &mut self.announcements.maintenance;
        Ok(match terms {
            Some(MaintenanceTerms { until, holds }) => {
                let before = maintenance.as_ref();
                let since = before.map_or_else(Utc::now, |before| before.since);
                // Who lets go of a drain that was held need not repeat its deadline.
                let until = until.or(before.and_then(|before| before.until));
                *maintenance = Some(Maintenance { since, until, holds, by: by.to_owned() });
                self.announcements.is_returning = false;
                "the site is drained".to_owned()
            }
            None => {
                let was_drained = maintenance.take().is_some();
                self.announcements.is_returning |= was_drained && self.site.announce.is_some();
                "the site is in service again".to_owned()
            }
        })
    }
}
