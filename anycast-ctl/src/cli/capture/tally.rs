//! The counts at the end.

use serde::Serialize;

use crate::api::types::CaptureTally;

/// What became of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// What the daemon counted.
    #[serde(flatten)]
    pub tally: CaptureTally,
    /// Sides of packets that were written or printed.
    pub written: u64,
}

impl Counts {
    /// On one line.
    pub fn line(&self) -> String {
        let Self { tally, written } = self;
        let CaptureTally { matched, unsampled, limited, lost, overrun } = tally;
        format!(
            "{matched} packets matched; {written} sides written; left out: {unsampled} packets by sampling, {limited} by the \
             limit; {lost} sides lost as the kernel's buffer was full, {overrun} as they were not taken fast enough"
        )
    }
}
