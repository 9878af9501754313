//! What can be wrong with pins, and what to do about it.

use std::path::PathBuf;

use anycast_common::LAYOUT_VERSION;

use crate::bpffs::BpffsError;

/// Why what is pinned cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PinsError {
    /// Files on the bpffs.
    #[error(transparent)]
    Bpffs(#[from] BpffsError),
    /// Somebody else has the lock.
    #[error(
        "instance `{instance}` is in use by another process: a daemon runs already (`anycast-ctl --instance {instance} \
         status`), or another command changes it at the moment; give another daemon another --instance"
    )]
    InUse {
        /// The instance.
        instance: String,
    },
    /// Another version's maps.
    #[error(
        "{directory} was pinned by a version with another map layout, this one has layout {LAYOUT_VERSION}: packets are \
         steered by it as before, and its maps were left alone; {}", ways(.instance)
    )]
    OtherLayout {
        /// The instance.
        instance: String,
        /// The maps.
        directory: PathBuf,
    },
    /// Maps that the store knows nothing of.
    #[error(
        "what is pinned in {directory} does not belong to this state directory: the numbers in its maps mean nothing here, \
         and it was left alone; start with the state directory it belongs to (--state-dir), or {}", ways(.instance)
    )]
    Foreign {
        /// The instance.
        instance: String,
        /// The pins.
        directory: PathBuf,
    },
    /// Maps that were filled by another hash.
    #[error(
        "the dataplane of instance `{instance}` runs with another seed than the configuration has: its tables and remembered \
         flows mean nothing with this one; set the old seed again, or {}", ways(.instance)
    )]
    OtherKey {
        /// The instance.
        instance: String,
    },
    /// A map that is missing or is something else.
    #[error(
        "{path} is not the map that belongs there ({error}): remove what is pinned with `anycast-ctl down`, and start again"
    )]
    Shape {
        /// The pin.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// What is pinned could not be looked at.
    #[error("reading {path}: {error}; nothing was changed, and packets are steered as before: start again")]
    Read {
        /// The pin.
        path: PathBuf,
        /// The kernel's answer.
        error: String,
    },
    /// The attachments are to interfaces elsewhere.
    #[error(
        "{pin} attaches the program to an interface of another network namespace: run this there, or give this daemon another \
         --instance"
    )]
    OtherNamespace {
        /// The pin.
        pin: PathBuf,
    },
    /// An attachment cannot be looked at.
    #[error("reading the attachment {pin}: {error}")]
    Link {
        /// The pin.
        pin: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The kernel has no links for XDP.
    #[error(
        "this kernel cannot keep the program attached when the daemon ends: XDP links need Linux 5.9; boot a newer kernel, or \
         use `anycast-ctl run --temporary`"
    )]
    NoLink,
    /// The kernel refuses to pin something.
    #[error("pinning {path}: {error}")]
    Pin {
        /// Where to.
        path: PathBuf,
        /// Why not.
        error: aya::pin::PinError,
    },
}

/// What gets rid of pins that cannot be used.
fn ways(instance: &str) -> String {
    let option = if instance == "anycast" { String::new() } else { format!(" --instance {instance}") };
    format!(
        "`anycast-ctl{option} run --replace` loads anew beside it and swaps without a gap, which ends sessions that only \
         remembered flows hold and begins counters at zero; `anycast-ctl{option} down` removes it"
    )
}
