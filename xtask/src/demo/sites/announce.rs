//! Who announces: the daemons, or, where they do not, the demo in their place, by BIRD's own command line.

use anyhow::Result;

use super::{A, B};
use crate::lab::{Family, Process, sites::SitesLab};

/// Whether the daemons act on `[announce]`. As long as they do not, what needs it is left out of the scenario.
pub const BY_DAEMON: bool = false;

/// In `[announce]`: short times, so that all is over in a minute.
const SETTINGS: &str = "lease = \"5s\"\nhold_up = \"1s\"\nquiet = \"3s\"";

/// How far the demo announces in the daemons' place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Withdrawn,
    ShuttingDown,
    Announced,
}

/// What the site file of an edge has to say of it.
pub fn table(sites: &SitesLab, edge: &str) -> Result<String> {
    if BY_DAEMON { sites.announce(edge, SETTINGS) } else { Ok(String::new()) }
}

/// Has every VIP announced everywhere, and starts a watchdog on each edge.
pub fn begin(sites: &SitesLab) -> Result<Vec<Process>> {
    let mut watchdogs = Vec::new();
    for edge in A.into_iter().chain(B) {
        if BY_DAEMON {
            watchdogs.push(sites.start_ctl(edge, &["announce", "watchdog"])?);
        } else {
            by_hand(sites, edge, Level::Announced)?;
        }
    }
    Ok(watchdogs)
}

/// Announces both VIPs from an edge, in the daemon's place. What is enabled comes first: no change leaves a gap.
pub fn by_hand(sites: &SitesLab, edge: &str, level: Level) -> Result<()> {
    for vip in Family::ALL.map(Family::vip_name) {
        let (route, shutdown) = (format!("anycast_{vip}"), format!("anycast_{vip}_shutdown"));
        let tell = |verb: &str, protocol: &str| sites.birdc(edge, &format!("{verb} {protocol}")).map(drop);
        match level {
            Level::Withdrawn => {}
            Level::ShuttingDown => tell("enable", &shutdown)?,
            Level::Announced => tell("enable", &route)?,
        }
        if level != Level::Announced {
            tell("disable", &route)?;
        }
        if level != Level::ShuttingDown {
            tell("disable", &shutdown)?;
        }
    }
    Ok(())
}
