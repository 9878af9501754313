//! What a process of this program may do: the capabilities it keeps, each with what it is for, and the end of all others.
//!
//! ```text
//!   started with ─▶ [`confine`] ─▶ effective, permitted: of the needs, those it was given
//!                                  bounding: the same, if it may say so      ambient, inheritable: none
//!                                  no_new_privs: nothing that it starts gets more
//! ```
//!
//! Capabilities are a thread's (capabilities(7)), and a thread has those of the one that started it: so this comes before
//! the first thread is started.

use std::fmt;

use caps::{CapSet, Capability, CapsHashSet};
use nix::{
    sys::prctl,
    unistd::{Gid, Uid, User},
};

/// One capability, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The capability.
    pub capability: Capability,
    /// What does not work without it, as the rest of "for …".
    pub purpose: &'static str,
    /// Whether the process is of no use without it.
    pub vital: bool,
}

/// What the daemon always keeps. The purposes are those of docs/security.md, where each was taken away to see what fails.
pub const DAEMON: [Need; 4] = [
    vital(Capability::CAP_BPF, "loading programs, making maps and opening pinned ones"),
    vital(Capability::CAP_NET_ADMIN, "XDP on interfaces, routes, and checks through the dataplane"),
    vital(Capability::CAP_PERFMON, "programs that calculate with pointers into packets"),
    optional(Capability::CAP_NET_RAW, "checks of type icmp"),
];

/// What drives a routing daemon, or the kernel's own routes, keeps.
pub const ROUTES: [Need; 1] = [optional(Capability::CAP_NET_ADMIN, "routes of the kernel's own tables")];

/// Root without it is but the user that owns most files: it could not reach the sockets of routing daemons, which belong to
/// their users, nor what a daemon that ran as another user has left.
const AS_ROOT: Need =
    optional(Capability::CAP_DAC_OVERRIDE, "files and sockets of other users, as it runs as root");

/// Includes what CAP_BPF and CAP_PERFMON allow, where those were not given: a container's runtime may not know them.
const INSTEAD: Need = optional(Capability::CAP_SYS_ADMIN, "what CAP_BPF and CAP_PERFMON are for, not given");

/// For `--http` with such a port.
const LOW_PORT: Need = optional(Capability::CAP_NET_BIND_SERVICE, "an HTTP port below 1024");

const fn vital(capability: Capability, purpose: &'static str) -> Need {
    Need { capability, purpose, vital: true }
}

const fn optional(capability: Capability, purpose: &'static str) -> Need {
    Need { capability, purpose, vital: false }
}

/// What a daemon needs that serves HTTP on that port, if it does.
pub fn of_daemon(http_port: Option<u16>) -> Vec<Need> {
    let low = http_port.is_some_and(|port| (1..1024).contains(&port));
    DAEMON.into_iter().chain(low.then_some(LOW_PORT)).collect()
}

/// The system refused to have rights taken away.
#[derive(Debug, thiserror::Error)]
#[error("give up {what}: {why}")]
pub struct PrivilegeError {
    what: &'static str,
    why: String,
}

/// Who a process is, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Effective user.
    pub uid: Uid,
    /// Its name; `None`: this host knows none.
    pub user: Option<String>,
    /// Effective group.
    pub gid: Gid,
    /// What it holds.
    pub held: Vec<Need>,
    /// What it would have kept, and was not given.
    pub missing: Vec<Need>,
    /// Whether nothing that it starts can get more: prctl(2), `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privs: bool,
}

/// Keeps what is needed of what this process was given, and gives up everything else, for good.
///
/// # Errors
/// The kernel refused. Rights may be fewer than before.
pub fn confine(needs: &[Need]) -> Result<Rights, PrivilegeError> {
    let uid = Uid::effective();
    let mut needs = needs.to_vec();
    needs.extend(uid.is_root().then_some(AS_ROOT));
    let given = caps::read(None, CapSet::Permitted).map_err(refused("capabilities"))?;
    let (mut held, missing): (Vec<Need>, Vec<Need>) =
        needs.into_iter().partition(|need| given.contains(&need.capability));
    let stands_in = |need: &Need| matches!(need.capability, Capability::CAP_BPF | Capability::CAP_PERFMON);
    if missing.iter().any(stands_in) && given.contains(&INSTEAD.capability) {
        held.push(INSTEAD);
    }
    keep(&held.iter().map(|need| need.capability).collect())?;
    prctl::set_no_new_privs().map_err(|errno| refused("new privileges")(errno))?;
    let user = User::from_uid(uid).ok().flatten().map(|user| user.name);
    Ok(Rights { uid, user, gid: Gid::effective(), held, missing, no_new_privs: true })
}

/// Gives up everything, the bounding set included where that is allowed.
///
/// # Errors
/// The kernel refused. Rights may be fewer than before.
pub fn give_up() -> Result<(), PrivilegeError> {
    keep(&CapsHashSet::new())?;
    prctl::set_no_new_privs().map_err(|errno| refused("new privileges")(errno))
}

/// The user that this process runs as, if that is a service's: not root, and with capabilities.
pub fn service_user() -> Option<Uid> {
    let own = Uid::effective();
    let holds = caps::read(None, CapSet::Effective).is_ok_and(|held| !held.is_empty());
    (holds && !own.is_root()).then_some(own)
}

fn keep(kept: &CapsHashSet) -> Result<(), PrivilegeError> {
    caps::clear(None, CapSet::Ambient).map_err(refused("ambient capabilities"))?;
    caps::clear(None, CapSet::Inheritable).map_err(refused("inheritable capabilities"))?;
    bound(kept)?;
    caps::set(None, CapSet::Effective, kept).map_err(refused("effective capabilities"))?;
    caps::set(None, CapSet::Permitted, kept).map_err(refused("permitted capabilities"))
}

/// What no program that is started can have, whatever its file says. Only who holds CAP_SETPCAP may take from it; for others
/// the service manager did (`CapabilityBoundingSet=`), and no_new_privs says the same.
fn bound(kept: &CapsHashSet) -> Result<(), PrivilegeError> {
    let error = refused("capabilities of the bounding set");
    if !caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).map_err(&error)? {
        return Ok(());
    }
    for capability in caps::read(None, CapSet::Bounding).map_err(&error)?.difference(kept) {
        caps::drop(None, CapSet::Bounding, *capability).map_err(&error)?;
    }
    Ok(())
}

fn refused<E: fmt::Display>(what: &'static str) -> impl Fn(E) -> PrivilegeError {
    move |error| PrivilegeError { what, why: error.to_string() }
}

impl Rights {
    /// Tells the log who this is and what it holds, and what is missing that it can do without.
    pub fn tell(&self) {
        let held: Vec<String> = self.held.iter().map(ToString::to_string).collect();
        let held = if held.is_empty() { "no capability".to_owned() } else { held.join(", ") };
        tracing::info!("runs as {}, with {held}", self.who());
        for need in self.missing.iter().filter(|need| !need.vital) {
            tracing::info!(
                "runs without {need}: give it AmbientCapabilities={} where that is wanted",
                need.name()
            );
        }
    }

    /// The user, for people to read.
    pub fn who(&self) -> String {
        match &self.user {
            Some(user) => format!("{user} (uid {})", self.uid),
            None => format!("uid {}", self.uid),
        }
    }
}

impl Need {
    /// `CAP_…`, as in capabilities(7).
    pub fn name(&self) -> String {
        self.capability.to_string()
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (for {})", self.capability, self.purpose)
    }
}

#[cfg(test)]
mod tests;
