//! Taking the outer headers off: the frame begins anew in front of the inner packet.
//!
//! ```text
//!  before  │ Ethernet, tags │ outer IP, UDP │ inner packet … │
//!  after                    │ Ethernet, tags │ inner packet … │
//! ```

use anycast_common::{
    checksum, ecn,
    packet::{Copied, OutOfBounds, PacketBytes},
    parse::Link,
};
use aya_ebpf::{helpers::generated::bpf_xdp_adjust_head, programs::XdpContext};
use network_types::{
    eth::{EthHdr, EtherType},
    vlan::VlanHdr,
};

use crate::{inner::Inner, packet::Packet};

/// The longest outer headers: IPv4 with all its options, and UDP.
const MAX_OUTER: usize = 60 + 8;

/// Offset of the IPv4 header checksum.
const CHECKSUM_OFFSET: usize = 10;

/// Removes everything between the frame's header and the inner packet, whose ECN field becomes `ecn`. The frame keeps its
/// addresses and its tags.
#[inline(always)]
pub fn strip(
    ctx: &XdpContext,
    packet: &Packet<'_>,
    link: &Link,
    inner: &Inner,
    ecn: u8,
) -> Result<(), OutOfBounds> {
    let Copied(addresses): Copied<[u8; 12]> = packet.read(0)?;
    // What lies behind a frame's last tag is no tag, but there: an outer header follows.
    let Copied(tags): Copied<[u8; 8]> = packet.read(addresses.len())?;

    let removed = inner.start - link.length;
    if removed > MAX_OUTER {
        return Err(OutOfBounds);
    }
    // SAFETY: the context is this run's own. All bounds are checked again by the accesses below.
    if unsafe { bpf_xdp_adjust_head(ctx.ctx, removed as i32) } != 0 {
        return Err(OutOfBounds);
    }

    let [a, b, c, d, rest @ ..] = tags;
    packet.write(0, addresses)?;
    // Counted up: `link.length` less two is an access below the bound that was checked, which Linux 6.1 and 6.12 refuse.
    let mut offset = addresses.len();
    if link.length > EthHdr::LEN {
        packet.write(offset, [a, b, c, d])?;
        offset += VlanHdr::LEN;
    }
    if link.length > EthHdr::LEN + VlanHdr::LEN {
        packet.write(offset, rest)?;
        offset += VlanHdr::LEN;
    }
    let ether_type = if inner.version == 4 { EtherType::Ipv4 } else { EtherType::Ipv6 };
    packet.write(offset, (ether_type as u16).to_ne_bytes())?;
    mark(packet, link.length, inner, ecn)
}

/// Writes the ECN field of the inner packet, which begins at `start` by this time.
#[inline(always)]
fn mark(packet: &Packet<'_>, start: usize, inner: &Inner, ecn: u8) -> Result<(), OutOfBounds> {
    let shift = inner.ecn_shift();
    let head = inner.head & !(u16::from(ecn::CE) << shift) | u16::from(ecn) << shift;
    if head == inner.head {
        return Ok(());
    }
    packet.write(start, head.to_be_bytes())?;
    if inner.version == 4 {
        let checksum = checksum::update(inner.checksum, inner.head, head);
        packet.write(start + CHECKSUM_OFFSET, checksum.to_be_bytes())?;
    }
    Ok(())
}
