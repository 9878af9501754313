//! How far a failure reaches: one backend, a pool, or all that this host checks. No IO.

use std::fmt;

/// A pool as its judges see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool<'a> {
    /// Its name.
    pub name: &'a str,
    /// Members that are bad: down, failed their last check, or did not answer when asked.
    pub bad: u32,
    /// All members that are checked and active, and no backups.
    pub of: u32,
    /// Whether it is in panic.
    pub is_panicking: bool,
    /// Whether all its members are down, and its backups take over.
    pub is_relieved: bool,
}

/// How far a failure reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Nothing fails.
    #[default]
    Nothing,
    /// Backends fail, in no pool too many of them.
    Single {
        /// How many.
        bad: u32,
        /// Of how many.
        of: u32,
    },
    /// One pool is in panic: whatever its backends share has failed, or the way to them.
    Pool {
        /// Its name.
        name: String,
        /// Its members that are bad.
        bad: u32,
        /// All its members.
        of: u32,
    },
    /// A pool has nobody left but its backups.
    Relieved {
        /// Its name.
        name: String,
        /// Its members, all of which are bad.
        bad: u32,
    },
    /// Several pools are in panic, or most backends of several pools are bad: the site has failed, or this host is cut off
    /// from it.
    Site {
        /// Pools in panic, in the order they were given.
        pools: Vec<String>,
        /// Backends of all pools that are bad.
        bad: u32,
        /// Backends of all pools.
        of: u32,
    },
}

impl Extent {
    /// How far what these pools see reaches.
    pub fn of(pools: &[Pool<'_>]) -> Self {
        let (bad, of) = pools.iter().fold((0_u32, 0_u32), |(bad, of), pool| {
            (bad.saturating_add(pool.bad), of.saturating_add(pool.of))
        });
        let panicking: Vec<&Pool<'_>> = pools.iter().filter(|pool| pool.is_panicking).collect();
        let failing = pools.iter().filter(|pool| pool.bad > 0).count();
        let are_most_bad = failing > 1 && u64::from(bad) * 2 > u64::from(of);
        match panicking.as_slice() {
            pools if pools.len() > 1 || are_most_bad => {
                Self::Site { pools: pools.iter().map(|pool| pool.name.to_owned()).collect(), bad, of }
            }
            [pool, ..] => Self::Pool { name: pool.name.to_owned(), bad: pool.bad, of: pool.of },
            [] if let Some(pool) = pools.iter().find(|pool| pool.is_relieved) => {
                Self::Relieved { name: pool.name.to_owned(), bad: pool.bad }
            }
            [] if bad > 0 => Self::Single { bad, of },
            [] => Self::Nothing,
        }
    }
}

impl Extent {
    /// Whether somebody should look at once.
    pub const fn is_alarming(&self) -> bool {
        match self {
            Self::Nothing | Self::Single { .. } => false,
            Self::Pool { .. } | Self::Relieved { .. } | Self::Site { .. } => true,
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no backend fails"),
            Self::Single { bad, of } => write!(f, "{bad} of {of} backends fail, in no pool too many"),
            Self::Pool { name, bad, of } => write!(
                f,
                "{bad} of {of} backends of pool {name} fail at once: they share what failed, or the way to them did; \
                 those it had are kept"
            ),
            Self::Relieved { name, bad } => {
                write!(f, "all {bad} backends of pool {name} fail: its backups take over")
            }
            Self::Site { pools, bad, of } => {
                write!(
                    f,
                    "{bad} of {of} backends of this host fail at once: the site has failed, or this host is cut off"
                )?;
                if pools.is_empty() { Ok(()) } else { write!(f, "; pools in panic: {}", pools.join(", ")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn pool(name: &str, bad: u32, of: u32, is_panicking: bool) -> Pool<'_> {
        Pool { name, bad, of, is_panicking, is_relieved: false }
    }

    #[test]
    fn failures_are_told_apart() {
        for (pools, words) in [
            (vec![], "no backend fails"),
            (vec![pool("web", 0, 4, false)], "no backend fails"),
            (
                vec![pool("web", 1, 4, false), pool("dns", 1, 8, false)],
                "2 of 12 backends fail, in no pool too many",
            ),
            (
                vec![pool("web", 3, 4, true), pool("dns", 0, 8, false)],
                "3 of 4 backends of pool web fail at once: they share what failed, or the way to them did; those it \
                 had are kept",
            ),
            (
                vec![pool("web", 3, 4, true)],
                "3 of 4 backends of pool web fail at once: they share what failed, or the way to them did; those it \
                 had are kept",
            ),
            (
                vec![pool("web", 3, 4, true), pool("api", 0, 9, false), pool("dns", 5, 8, true)],
                "8 of 21 backends of this host fail at once: the site has failed, or this host is cut off; pools in \
                 panic: web, dns",
            ),
            (
                vec![
                    pool("dns", 0, 4, false),
                    Pool { name: "web", bad: 4, of: 4, is_panicking: false, is_relieved: true },
                ],
                "all 4 backends of pool web fail: its backups take over",
            ),
            (
                vec![pool("web", 3, 5, false), pool("dns", 3, 5, false)],
                "6 of 10 backends of this host fail at once: the site has failed, or this host is cut off",
            ),
            (
                // Most of them, but of one pool.
                vec![pool("web", 30, 40, true), pool("dns", 0, 8, false)],
                "30 of 40 backends of pool web fail at once: they share what failed, or the way to them did; those it \
                 had are kept",
            ),
        ] {
            assert_eq!(Extent::of(&pools).to_string(), words);
        }
    }
}
