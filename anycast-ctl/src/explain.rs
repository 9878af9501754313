//! Packets that are asked about: made from a few words or read from captures, decoded, and put into sentences.

pub mod capture;
mod change;
mod decode;
mod endpoint;
mod frame;
mod headline;
mod line;
mod link;
mod page;
mod sentence;

pub use change::changes;
pub use decode::decode;
pub use endpoint::{Endpoint, Protocol, Target};
pub use frame::{QuestionError, frame};
pub use headline::headline;
pub use page::page;
pub use sentence::sentence;

/// Bytes of the largest frame there is to explain: an IP packet of 65,535 bytes behind Ethernet and two VLAN tags.
pub const MAX_FRAME_BYTES: usize = 14 + 2 * 4 + 65_535;
