//! What is worth telling of announcements.

use std::{fmt, sync::Arc};

use super::machine::Phase;
use crate::api::types::AnnounceEvent;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A VIP's announcement is elsewhere.
    Moved {
        /// Name of the VIP.
        vip: String,
        /// Where it was.
        before: Phase,
        /// Where it is.
        after: Phase,
        /// Why.
        why: Arc<str>,
        /// Whether that is for want of health, or of steering.
        is_bad: bool,
    },
    /// Something is wrong with a VIP's route, or no longer.
    Trouble {
        /// Name of the VIP.
        vip: String,
        /// What; `None`: nothing any more.
        why: Option<String>,
    },
    /// The routing daemon was reached, or lost.
    Daemon {
        /// What it calls itself, or why it cannot be driven.
        said: Result<String, String>,
    },
}

impl Happening {
    /// Whether somebody should look.
    pub fn is_bad(&self) -> bool {
        match self {
            Self::Moved { is_bad, .. } => *is_bad,
            Self::Trouble { why, .. } => why.is_some(),
            Self::Daemon { said } => said.is_err(),
        }
    }

    /// What watchers are told.
    pub fn event(&self) -> AnnounceEvent {
        let (what, vip, phases) = match self {
            Self::Moved { vip, before, after, .. } => ("phase", Some(vip), Some((*before, *after))),
            Self::Trouble { vip, .. } => ("trouble", Some(vip), None),
            Self::Daemon { .. } => ("daemon", None, None),
        };
        AnnounceEvent {
            what: what.to_owned(),
            bad: self.is_bad(),
            text: self.to_string(),
            vip: vip.cloned(),
            before: phases.map(|(before, _)| before),
            after: phases.map(|(_, after)| after),
            level: phases.map(|(_, after)| after.level()),
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { vip, before, after, why, .. } => {
                write!(f, "VIP {vip} is {}, it was {}: {why}", after.label(), before.label())
            }
            Self::Trouble { vip, why: Some(why) } => write!(f, "the route of VIP {vip}: {why}"),
            Self::Trouble { vip, why: None } => write!(f, "the route of VIP {vip} is as it should be again"),
            Self::Daemon { said: Ok(name) } => write!(f, "the routing daemon is driven: {name}"),
            Self::Daemon { said: Err(why) } => {
                write!(f, "the routing daemon cannot be driven, what it announces stays as it is: {why}")
            }
        }
    }
}
