//! The routes that came by the relay, and until when it leaves them.

use std::{collections::BTreeSet, time::Duration};

use ipnet::IpNet;
use tokio::time::Instant;

use crate::announce::driver::exabgp::command;

/// Routes under a lease.
#[derive(Debug)]
pub struct Held {
    routes: BTreeSet<IpNet>,
    lease: Duration,
    heard: Instant,
}

impl Held {
    /// None yet.
    pub const fn new(lease: Duration, now: Instant) -> Self {
        Self { routes: BTreeSet::new(), lease, heard: now }
    }

    /// Routes that others announced.
    pub fn take(&mut self, routes: impl IntoIterator<Item = IpNet>) {
        self.routes.extend(routes);
    }

    /// What they are.
    pub const fn routes(&self) -> &BTreeSet<IpNet> {
        &self.routes
    }

    /// How many they are, in words.
    pub fn count(&self) -> Option<String> {
        match self.routes.len() {
            0 => None,
            1 => Some("1 route".to_owned()),
            more => Some(format!("{more} routes")),
        }
    }

    /// The daemon lives, and wants that lease.
    pub const fn heard(&mut self, lease: Duration, now: Instant) {
        (self.lease, self.heard) = (lease, now);
    }

    /// The lease; zero is for ever.
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// When the routes must go.
    pub fn deadline(&self) -> Option<Instant> {
        let due = !self.lease.is_zero() && !self.routes.is_empty();
        due.then(|| self.heard.checked_add(self.lease)).flatten()
    }

    /// Notes what commands are about to announce.
    pub fn before(&mut self, commands: &[String]) {
        let routes = commands.iter().filter_map(|it| command::route(it));
        self.routes.extend(routes.filter(|(_, announces)| *announces).map(|(prefix, _)| prefix));
    }

    /// Notes what commands have withdrawn.
    pub fn after(&mut self, commands: &[String]) {
        for (prefix, announces) in commands.iter().filter_map(|it| command::route(it)) {
            if announces {
                self.routes.insert(prefix);
            } else {
                self.routes.remove(&prefix);
            }
        }
    }

    /// The commands that withdraw them all.
    pub fn withdrawals(&self) -> Vec<String> {
        self.routes.iter().map(|prefix| command::withdraw(*prefix)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_go_when_nothing_was_heard_for_the_lease() {
        let start = Instant::now();
        let mut held = Held::new(Duration::from_secs(30), start);
        assert_eq!(held.deadline(), None, "there is nothing to withdraw");
        let commands =
            ["announce route 192.0.2.1/32 next-hop self", "announce route 192.0.2.2/32 next-hop self"];
        held.before(&commands.map(str::to_owned));
        assert_eq!(held.deadline(), Some(start + Duration::from_secs(30)));

        let later = start + Duration::from_secs(20);
        held.heard(Duration::from_secs(10), later);
        assert_eq!(held.deadline(), Some(later + Duration::from_secs(10)));
        held.after(&["withdraw route 192.0.2.1/32 next-hop self".to_owned()]);
        assert_eq!(held.withdrawals(), ["withdraw route 192.0.2.2/32 next-hop self"]);

        held.heard(Duration::ZERO, later);
        assert_eq!(held.deadline(), None, "without a lease they stay");
    }
}
