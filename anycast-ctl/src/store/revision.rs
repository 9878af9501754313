//! Revisions: which, by whom, when and what.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::utc::Utc;

/// Number of a revision: the first is 1, and each change adds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// The first of a store.
    pub const FIRST: Self = Self(1);

    /// From its number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one that follows.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The one before; `None` before the first.
    pub const fn previous(self) -> Option<Self> {
        if self.0 > Self::FIRST.0 { Some(Self(self.0 - 1)) } else { None }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Revision {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Who made a revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Author {
    /// A process that talked to the daemon, as the kernel names it (`SO_PEERCRED`, unix(7)).
    User {
        /// User id it ran with.
        uid: u32,
        /// Group id it ran with; absent where it was not written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gid: Option<u32>,
        /// Name of that user; absent where the host knows none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// Its process id.
        pid: i32,
    },
    /// The daemon, from the site file it was started with.
    File {
        /// Path of that file.
        path: String,
    },
    /// The daemon by itself, as when a backend that was to be removed once it is drained has no flow left.
    Daemon,
}

impl Author {
    /// All that is known of a process, for people to read.
    pub fn credentials(&self) -> String {
        match self {
            Self::User { uid, gid: Some(gid), user, pid } => {
                let user = user.as_deref().unwrap_or("a user without a name");
                format!("{user} (pid {pid}, uid {uid}, gid {gid})")
            }
            Self::User { gid: None, .. } | Self::File { .. } | Self::Daemon => self.to_string(),
        }
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { user: Some(user), pid, .. } => write!(f, "{user} (pid {pid})"),
            Self::User { uid, user: None, pid, .. } => write!(f, "uid {uid} (pid {pid})"),
            Self::File { path } => write!(f, "file {path}"),
            Self::Daemon => f.write_str("anycast-ctl run"),
        }
    }
}

/// A revision without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number.
    pub revision: Revision,
    /// When it was made.
    pub time: Utc,
    /// Who made it.
    pub author: Author,
    /// What was changed, on one line.
    pub summary: String,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { revision, time, author, summary } = self;
        write!(f, "revision {revision} of {time} by {author}: {summary}")
    }
}

/// A revision with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Which it is, who made it, when and what.
    pub record: Record,
    /// The whole site, as canonical TOML. Holds the seed: not for everybody's eyes.
    pub text: String,
}
