//! What the program counts, per CPU.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{detail::MAX_DETAILS, limits::MAX_VIPS, reason::MAX_REASONS};

/// What was delivered for one (VIP, backend) pair.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Bytes of these packets from the IP header on, as the header states them.
    pub bytes: u64,
    /// Packets that opened a flow: TCP SYN without ACK, QUIC Initial, the first datagram of a pinned UDP flow.
    pub new_flows: u64,
}

impl core::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.packets = self.packets.wrapping_add(other.packets);
        self.bytes = self.bytes.wrapping_add(other.bytes);
        self.new_flows = self.new_flows.wrapping_add(other.new_flows);
    }
}

/// Entries of the reason counters: a row of [`MAX_REASONS`] for packets that are no VIP's, then one for each VIP number.
pub const REASON_COUNTERS: u32 = ((MAX_VIPS + 1) * MAX_REASONS) as u32;

/// Index of the counter of `reason` for the VIP with that number; 0 is no VIP.
#[inline(always)]
pub const fn reason_counter(vip: u16, reason: u32) -> u32 {
    vip as u32 * MAX_REASONS as u32 + reason
}

/// What a CPU has spent of the ICMP errors it may send.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Spent {
    /// In this tick, see [`crate::clock`]
    pub tick: u32,
    /// it wanted to send so many.
    pub errors: u32,
}

/// Entries of the detail counters: a row of [`MAX_DETAILS`] for each VIP number; row 0 stays empty.
pub const DETAIL_COUNTERS: u32 = ((MAX_VIPS + 1) * MAX_DETAILS) as u32;

/// Index of the counter of `detail` for the VIP with that number.
#[inline(always)]
pub const fn detail_counter(vip: u16, detail: u32) -> u32 {
    vip as u32 * MAX_DETAILS as u32 + detail
}
