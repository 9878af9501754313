//! Bringing GoBGP to what is wanted.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use ipnet::IpNet;

use super::{
    super::{DriverError, Failures, Level, Wanted},
    Gobgp, Held,
    attributes::{Attributes, family},
    connection::{ADD_PATH, Connection, DELETE_PATH},
    fault::Fault,
    message::{AddPathRequest, AddPathResponse, DeletePathRequest, Empty, GLOBAL},
    table,
};

/// Calls that are under way at the same time.
const CONCURRENT_CALLS: usize = 16;

/// A route that is to become another.
struct Change {
    /// Its VIP; of a prefix that no VIP has any more, the prefix.
    name: String,
    prefix: IpNet,
    level: Level,
    /// What it gets; nothing, where it is withdrawn.
    attributes: Option<Attributes>,
}

impl Gobgp {
    pub(super) async fn bring_to(&mut self, wanted: &Wanted) -> Result<Failures, DriverError> {
        self.connection.begin();
        self.learn(wanted).await?;
        let changes = self.changes(wanted);
        if changes.is_empty() {
            // Nothing to do is no news of a gobgpd that has died meanwhile.
            self.asn = self.connection.asn().await?;
            return Ok(Failures::new());
        }
        let mut failures = Failures::new();
        let mut announced = Vec::new();
        let connection = &self.connection;
        let mut done = stream::iter(changes)
            .map(|change| async move { (make(connection, &change).await, change) })
            .buffer_unordered(CONCURRENT_CALLS);
        while let Some((result, change)) = done.next().await {
            match result {
                Ok(()) if change.attributes.is_some() => announced.push(change),
                Ok(()) => {
                    self.held.insert(change.prefix, Held { level: Some(Level::Withdrawn), shown: None });
                }
                Err(Fault::Lost(error)) => return Err(error),
                Err(Fault::Said(words)) => {
                    // What it is now is looked up before the next attempt.
                    self.held.remove(&change.prefix);
                    let attempt = change.attempt();
                    failures.insert(change.name, format!("{attempt}: {words}: see its log"));
                }
            }
        }
        drop(done);
        self.confirm(announced, &mut failures).await?;
        self.forget(wanted);
        Ok(failures)
    }

    /// Looks up the prefixes that nothing is known of: what an earlier daemon left, or somebody else made.
    async fn learn(&mut self, wanted: &Wanted) -> Result<(), DriverError> {
        let unknown: BTreeSet<IpNet> = wanted
            .values()
            .map(|route| route.prefix.trunc())
            .filter(|prefix| !self.held.contains_key(prefix))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut found = table::own(&self.connection, unknown.iter().copied()).await?;
        for prefix in unknown {
            self.note(prefix, found.remove(&prefix).map(|own| own.attributes));
        }
        Ok(())
    }

    /// What differs from what is wanted; withdrawals come first.
    fn changes(&self, wanted: &Wanted) -> Vec<Change> {
        let mut prefixes = BTreeSet::new();
        let mut changes = Vec::new();
        for (vip, route) in wanted {
            let prefix = route.prefix.trunc();
            prefixes.insert(prefix);
            if self.held.get(&prefix).and_then(|held| held.level) != Some(route.level) {
                changes.push(self.change(vip.clone(), prefix, route.level));
            }
        }
        let left =
            self.held.iter().filter(|(prefix, held)| !prefixes.contains(prefix) && held.shown.is_some());
        changes.extend(left.map(|(prefix, _)| self.change(prefix.to_string(), *prefix, Level::Withdrawn)));
        changes.sort_by_key(|change| change.level);
        changes
    }

    fn change(&self, name: String, prefix: IpNet, level: Level) -> Change {
        Change { name, prefix, level, attributes: self.attributes_at(level) }
    }

    /// Looks whether the table has what gobgpd took: policies are asked after its answer is decided.
    async fn confirm(&mut self, announced: Vec<Change>, failures: &mut Failures) -> Result<(), DriverError> {
        if announced.is_empty() {
            return Ok(());
        }
        let mut found = table::own(&self.connection, announced.iter().map(|change| change.prefix)).await?;
        for change in announced {
            let shown = found.remove(&change.prefix).map(|own| own.attributes);
            if shown.is_none() {
                failures.insert(
                    change.name.clone(),
                    format!(
                        "{}: gobgpd took it, but its table does not have it: let the import policy of its \
                         [global.apply-policy] accept the route (`gobgp global policy`)",
                        change.attempt()
                    ),
                );
            }
            let level = if shown.is_some() { change.level } else { Level::Withdrawn };
            self.held.insert(change.prefix, Held { level: Some(level), shown });
        }
        Ok(())
    }

    /// Forgets withdrawn prefixes that no VIP has any more.
    fn forget(&mut self, wanted: &Wanted) {
        let wanted: BTreeSet<IpNet> = wanted.values().map(|route| route.prefix.trunc()).collect();
        self.held.retain(|prefix, held| held.shown.is_some() || wanted.contains(prefix));
    }
}

impl Change {
    fn attempt(&self) -> String {
        let verb = if self.attributes.is_some() { "announce" } else { "withdraw" };
        format!("{verb} {}", self.prefix)
    }
}

async fn make(connection: &Connection, change: &Change) -> Result<(), Fault> {
    let Change { prefix, attributes, .. } = change;
    match attributes {
        Some(attributes) => {
            let path = Some(attributes.path_to(*prefix));
            let question = AddPathRequest { table_type: GLOBAL, path };
            connection.call(ADD_PATH, question).await.map(|AddPathResponse {}| ())
        }
        None => {
            let path = Some(Attributes::default().path_to(*prefix));
            let question = DeletePathRequest { table_type: GLOBAL, family: Some(family(*prefix)), path };
            connection.call(DELETE_PATH, question).await.map(|Empty {}| ())
        }
    }
}
