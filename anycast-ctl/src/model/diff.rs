//! What differs between two sites, for people and for programs. The order of entries makes no difference.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::Site;

mod facts;
#[cfg(test)]
mod tests;

use facts::Fact;

/// Everything that differs between two sites: the site itself first, then pools with their backends, then VIPs, each in
/// the order of the sites, removed ones last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct SiteDiff {
    /// One entry for each thing that was added, removed or changed.
    pub differences: Vec<Difference>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Difference {
    /// What became of it.
    pub change: Change,
    /// What it is.
    #[serde(flatten)]
    pub subject: Subject,
    /// What it is made of, if it was added or removed; what became otherwise, if it was changed.
    pub fields: Vec<Field>,
}

/// What became of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is otherwise.
    Changed,
}

/// A thing that a site has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Subject {
    /// The site itself: interfaces, seed, maps, tunnels, ICMP.
    Site,
    /// A pool, apart from its backends.
    Pool {
        /// Its name.
        pool: String,
    },
    /// A backend of a pool.
    Backend {
        /// Name of the pool.
        pool: String,
        /// Its name.
        backend: String,
    },
    /// A VIP.
    Vip {
        /// Its name.
        vip: String,
    },
}

/// One field of a thing. Secrets are not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Field {
    /// As site files call it.
    pub key: String,
    /// What it was; absent when it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl SiteDiff {
    /// What became otherwise from one site to another.
    pub fn between(before: &Site, after: &Site) -> Self {
        let mut diff = Self::default();
        let (before, after) = (facts::things(before), facts::things(after));
        let old: BTreeMap<_, _> = before.iter().map(|(subject, thing)| (subject, thing)).collect();
        let mut there = BTreeSet::new();
        for (subject, thing) in &after {
            there.insert(subject);
            match old.get(subject) {
                Some(earlier) if *earlier == thing => (),
                Some(earlier) => {
                    diff.note(Change::Changed, subject, fields(&earlier.facts(), &thing.facts()));
                }
                None => diff.note(Change::Added, subject, fields(&[], &thing.facts())),
            }
        }
        for (subject, thing) in before.iter().filter(|(subject, _)| !there.contains(subject)) {
            diff.note(Change::Removed, subject, fields(&thing.facts(), &[]));
        }
        diff
    }

    fn note(&mut self, change: Change, subject: &Subject, fields: Vec<Field>) {
        if change != Change::Changed || !fields.is_empty() {
            self.differences.push(Difference { change, subject: subject.clone(), fields });
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }
}

/// What differs between the facts of one thing.
fn fields(before: &[Fact], after: &[Fact]) -> Vec<Field> {
    let value = |facts: &[Fact], key: &str| {
        facts.iter().find(|fact| fact.key == key).and_then(|fact| fact.value.clone())
    };
    // What a table that is gone had is there before alone.
    let is_gone = |fact: &&Fact| after.iter().all(|other| other.key != fact.key);
    let keys = after.iter().chain(before.iter().filter(is_gone));
    let changed = keys.filter_map(|Fact { key, secret, .. }| {
        let (before, after) = (value(before, key), value(after, key));
        if before == after {
            return None;
        }
        let shown = |value: Option<String>, secret_text: &str| {
            value.map(|value| if *secret { secret_text.to_owned() } else { value })
        };
        let both = before.is_some() && after.is_some();
        Some(Field {
            key: (*key).to_owned(),
            before: shown(before, "(secret)"),
            after: shown(after, if both { "(another secret)" } else { "(secret)" }),
        })
    });
    changed.collect()
}

/// `+ vip www: address 192.0.2.1, services tcp/80, pool web`, `~ pool web: backend web-2 weight 1 → 2`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { change, subject, fields } = self;
        let sign = match change {
            Change::Added => '+',
            Change::Removed => '-',
            Change::Changed => '~',
        };
        write!(f, "{sign} ")?;
        match subject {
            Subject::Site => f.write_str("site:")?,
            Subject::Pool { pool } => write!(f, "pool {pool}:")?,
            Subject::Backend { pool, backend } => write!(f, "pool {pool}: backend {backend}")?,
            Subject::Vip { vip } => write!(f, "vip {vip}:")?,
        }
        let mut separator = " ";
        for Field { key, before, after } in fields {
            f.write_str(separator)?;
            separator = ", ";
            let none = || "none".to_owned();
            match (change, before, after) {
                (Change::Added, _, value) | (Change::Removed, value, _) => {
                    write!(f, "{key} {}", value.clone().unwrap_or_else(none))?;
                }
                (Change::Changed, before, after) => {
                    let (before, after) =
                        (before.clone().unwrap_or_else(none), after.clone().unwrap_or_else(none));
                    write!(f, "{key} {before} → {after}")?;
                }
            }
        }
        Ok(())
    }
}

/// One line for each difference; nothing when there is none.
impl fmt::Display for SiteDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.differences.iter().try_for_each(|difference| writeln!(f, "{difference}"))
    }
}
