//! Packet bytes: the one place that turns packet memory into values and back.

use aya_ebpf::{helpers::generated::bpf_xdp_get_buff_len, programs::XdpContext};
use network_types::{
    eth::EthHdr,
    ip::{Ipv4Hdr, Ipv6Hdr},
    tcp::TcpHdr,
    udp::UdpHdr,
    vlan::VlanHdr,
};

/// Headers that may be copied from and to packet bytes.
///
/// # Safety
///
/// Any bytes must be a valid value, and the type must have no padding.
pub unsafe trait Wire: Copy {}

// SAFETY: made of integers and byte arrays without padding.
unsafe impl Wire for EthHdr {}
// SAFETY: as above.
unsafe impl Wire for VlanHdr {}
// SAFETY: as above.
unsafe impl Wire for Ipv4Hdr {}
// SAFETY: as above.
unsafe impl Wire for Ipv6Hdr {}
// SAFETY: as above; its bit field is a wrapped byte array.
unsafe impl Wire for TcpHdr {}
// SAFETY: as above.
unsafe impl Wire for UdpHdr {}
// SAFETY: bytes.
unsafe impl<const N: usize> Wire for [u8; N] {}

/// A header, aligned: behind the tag of a `Result`, bytes would start at an odd offset, and LLVM would load and reassemble each
/// word of theirs in pieces.
#[repr(C, align(8))]
pub struct Copied<T>(pub T);

/// The access lies beyond the packet's end.
pub struct OutOfBounds;

/// The linear part of a packet: all of it unless it spans several buffers.
pub struct Packet<'a> {
    ctx: &'a XdpContext,
}

impl<'a> Packet<'a> {
    /// The packet of this run.
    #[inline(always)]
    pub fn new(ctx: &'a XdpContext) -> Self {
        Self { ctx }
    }

    /// A copy of the header at `offset`.
    #[inline(always)]
    pub fn read<T: Wire>(&self, offset: usize) -> Result<Copied<T>, OutOfBounds> {
        let address = self.address(offset, size_of::<T>())?;
        // SAFETY: `address` checked that all of T lies inside the packet; `Wire` says that any bytes make a T.
        Ok(Copied(unsafe { (address as *const T).read_unaligned() }))
    }

    /// Overwrites the bytes at `offset`.
    #[inline(always)]
    pub fn write<T: Wire>(&self, offset: usize, value: T) -> Result<(), OutOfBounds> {
        let address = self.address(offset, size_of::<T>())?;
        // SAFETY: `address` checked that all of T lies inside the packet, which this run alone owns.
        unsafe { (address as *mut T).write_unaligned(value) };
        Ok(())
    }

    /// Whether the whole packet has at least `length` bytes.
    #[inline(always)]
    pub fn has_length(&self, length: usize) -> bool {
        if self.ctx.data_end() - self.ctx.data() >= length {
            return true;
        }
        // SAFETY: the context is this run's own. The helper is only paid for by packets in several buffers and by bad ones.
        (unsafe { bpf_xdp_get_buff_len(self.ctx.ctx) }) as usize >= length
    }

    /// Kernel index of the interface the packet came in by.
    #[inline(always)]
    pub fn ingress_ifindex(&self) -> u32 {
        self.ctx.ingress_ifindex() as u32
    }

    #[inline(always)]
    fn address(&self, offset: usize, length: usize) -> Result<usize, OutOfBounds> {
        let start = self.ctx.data() + offset;
        if start + length > self.ctx.data_end() { Err(OutOfBounds) } else { Ok(start) }
    }
}
