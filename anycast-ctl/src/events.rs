//! What happens, told in one place: numbered, kept for a while, logged, and passed on to whoever watches.
//!
//! ```text
//!   controller ─┐             ┌─▶ a line of the log, with fields
//!   checks      ├─▶ [`Teller`]┼─▶ [`ring::Ring`]: the last 10,000
//!   announcer   │             └─▶ watchers
//!   api        ─┘
//! ```

pub mod capacity;
pub mod drops;
pub mod ring;
pub mod since;
pub mod teller;
mod words;

pub use self::{
    since::Since,
    teller::{Subscription, Teller},
    words::Subject,
};

/// Events that are kept unless told otherwise.
pub const DEFAULT_KEEP: usize = 10_000;

/// The most that can be asked to be kept.
pub const MAX_KEEP: usize = 1_000_000;
