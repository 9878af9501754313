//! Checks through the dataplane: what the program that delivers them and the controller must agree on.
//!
//! A check's socket connects to the VIP's address. Its mark says for which backend its packets are:
//!
//! ```text
//!  31             16 15              0
//! ┌─────────────────┬─────────────────┐
//! │ instance: magic │  backend index  │
//! └─────────────────┴─────────────────┘
//! ```

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    backend::Backend,
    numbered::{numbered, verdicts},
    tunnel::Tunnel,
};

/// Entries of the map of backends: as many as there are indices.
pub const MAX_PROBES: u32 = crate::limits::MAX_BACKENDS as u32;

/// Entries of the outcome counters: room for codes to come.
pub const MAX_OUTCOMES: u32 = 16;

/// In a mark's place for the backend's index: whichever backend is this host itself. No backend has it as its index.
pub const THIS_HOST: u16 = u16::MAX;

/// TTL or hop limit of checks, whatever the socket has. A socket with 1 makes a packet that misses the program die at the first
/// router, instead of reaching the VIP at another site.
pub const HOP_LIMIT: u8 = 64;

/// A socket's mark.
pub const fn mark(magic: u16, backend: u16) -> u32 {
    (magic as u32) << 16 | backend as u32
}

/// The instance a mark is of.
#[inline(always)]
pub const fn magic_of(mark: u32) -> u16 {
    (mark >> 16) as u16
}

/// The backend a mark names.
#[inline(always)]
pub const fn backend_of(mark: u32) -> u16 {
    mark as u16
}

/// The way to a backend.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Probe {
    /// As the program that steers has it; what that has for pins and counters means nothing here.
    pub backend: Backend,
    /// Outer headers, if packets get some.
    pub tunnel: Tunnel,
}

const _: () = assert!(size_of::<Probe>() == 80);

verdicts! {
    /// What becomes of a check's packet.
    Verdict {
        /// It leaves by the backend's interface.
        Redirect = "redirect";
        /// It goes on to this host's own stack.
        Pass = "pass";
        /// It ends here.
        Drop = "drop";
    }
}

numbered! {
    /// What a check's packet came to: each changes exactly one of these counters. Codes are numbered once and never reused.
    Outcome {
        /// Its frame was addressed to the backend, or its gateway.
        L2 = 1, "l2", Redirect;
        /// It got an outer IP header.
        Ipip = 2, "ipip", Redirect;
        /// It got outer IP and UDP headers.
        Gue = 3, "gue", Redirect;
        /// It is for this host as a backend.
        Local = 4, "local", Pass;
        /// Its mark names a backend that there is no way to.
        NoTarget = 5, "no_target", Drop;
        /// It does not fit the way to its backend: the socket's segments are too large, or its datagram is.
        TooBig = 6, "too_big", Drop;
        /// It is no IP packet, or the kernel did not let it be changed.
        Failed = 7, "failed", Drop;
    }
}

const _: () = assert!(Outcome::ALL.len() < MAX_OUTCOMES as usize);

#[cfg(test)]
mod tests {
    use super::{Outcome, backend_of, magic_of, mark};

    #[test]
    fn codes_are_dense_and_labels_unique() {
        for (position, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(outcome.code() as usize, position + 1, "{}", outcome.label());
            assert!(Outcome::ALL[..position].iter().all(|other| other.label() != outcome.label()));
        }
    }

    #[test]
    fn marks_have_an_instance_and_a_backend() {
        for (magic, backend) in [(0x8000, 0), (0xffff, 65_534), (0xbeef, 7)] {
            let mark = mark(magic, backend);
            assert_eq!((magic_of(mark), backend_of(mark)), (magic, backend));
        }
    }
}
