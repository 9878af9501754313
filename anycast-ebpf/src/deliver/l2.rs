//! Layer 2 delivery: the frame is addressed to the backend, or its gateway; above that only the hop count changes.

use anycast_common::{packet::OutOfBounds, parse::IpHeader};

use crate::{backend::Way, packet::Packet};

/// Addresses the frame, and notes the hop.
#[inline(always)]
pub fn deliver<H: IpHeader>(
    packet: &Packet<'_>,
    ip: usize,
    hop: H::Hop,
    way: &Way,
) -> Result<(), OutOfBounds> {
    packet.write(ip + H::HOP_OFFSET, hop)?;
    let (front, back) = way.addresses();
    let frame = packet.window(0, front.len() + back.len())?;
    frame.write(0, front)?;
    frame.write(front.len(), back)
}
