//! The packet of this run: the one place that touches packet memory.

use core::{
    marker::PhantomData,
    ptr::{read_volatile, write_volatile},
};

use anycast_common::{
    backend::Mac,
    packet::{Copied, OutOfBounds, PacketBytes, Wire},
    parse::{MAX_OFFSET, Walked, walk_extensions},
};
use aya_ebpf::{
    helpers::generated::{bpf_csum_diff, bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len},
    programs::XdpContext,
};

use crate::maps;

/// Bit of an Ethernet destination's first byte: the frame is for many, IEEE 802.3 section 3.2.3.
pub const GROUP: u8 = 1;

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

    /// Overwrites the bytes at `offset`.
    #[inline(always)]
    pub fn write<T: Wire>(&self, offset: usize, value: T) -> Result<(), OutOfBounds> {
        let address = self.address(offset, size_of::<T>())?;
        // SAFETY: `address` checked that all of T lies inside the packet, which this run alone owns.
        unsafe { (address as *mut T).write_unaligned(value) };
        Ok(())
    }

    /// A stretch of the packet that is checked once, for what is read and written in many pieces: LLVM does not know that
    /// stores to a packet leave its bounds alone, and loads and compares them anew for each piece.
    #[inline(always)]
    pub fn window(&self, offset: usize, length: usize) -> Result<Window<'_>, OutOfBounds> {
        // Volatile, or LLVM loads them ahead of a call, and hands them over in halves that the verifier does not take.
        // SAFETY: the context is this run's own.
        let start = unsafe { read_volatile(&raw const (*self.ctx.ctx).data) } as usize + offset;
        // SAFETY: as above.
        let end = unsafe { read_volatile(&raw const (*self.ctx.ctx).data_end) } as usize;
        if start + length > end {
            Err(OutOfBounds)
        } else {
            Ok(Window { start, length, packet: PhantomData })
        }
    }

    /// The addresses of a frame that goes back where this one came from, as they lie in it: eight bytes, and four more. None, if
    /// it is a broadcast or multicast, whose destination is no source for an answer.
    #[inline(always)]
    pub fn addresses_back(&self) -> Result<([u8; 8], [u8; 4]), OutOfBounds> {
        let [[a, b, c, d, e, f], [g, h, i, j, k, l]] =
            self.window(0, size_of::<[Mac; 2]>())?.read::<[Mac; 2]>(0)?;
        if a & GROUP == 0 { Ok(([g, h, i, j, k, l, a, b], [c, d, e, f])) } else { Err(OutOfBounds) }
    }

    /// Kernel index of the interface the packet came in by.
    #[inline(always)]
    pub fn ingress_ifindex(&self) -> u32 {
        self.ctx.ingress_ifindex() as u32
    }

    /// Makes room for `bytes` bytes in front, which hold anything.
    #[inline(always)]
    pub fn grow_head(&self, bytes: usize) -> Result<(), OutOfBounds> {
        // SAFETY: the context is this run's own, and no pointer into the packet outlives a read or write.
        match unsafe { bpf_xdp_adjust_head(self.ctx.ctx, -(bytes as i32)) } {
            0 => Ok(()),
            _ => Err(OutOfBounds),
        }
    }

    /// Cuts the packet off behind `length` bytes. It must have as many.
    #[inline(always)]
    pub fn truncate(&self, length: usize) -> Result<(), OutOfBounds> {
        let excess = self.length() as i32 - length as i32;
        // SAFETY: as above.
        match unsafe { bpf_xdp_adjust_tail(self.ctx.ctx, -excess) } {
            0 => Ok(()),
            _ => Err(OutOfBounds),
        }
    }

    /// Adds the 16-bit words of `length` bytes from `offset` on to a sum, in memory order. The length is a constant, a multiple of
    /// 4, and 512 at most.
    #[inline(always)]
    pub fn sum(&self, offset: usize, length: usize, sum: u32) -> Result<u32, OutOfBounds> {
        let address = self.address(offset, length)?;
        // SAFETY: `address` checked that all the bytes lie inside the packet; nothing is read of an empty range.
        let sum = unsafe { bpf_csum_diff(core::ptr::null_mut(), 0, address as *mut u32, length as u32, sum) };
        u32::try_from(sum).map_err(|_| OutOfBounds)
    }

    /// Whether the linear part has at least `length` bytes.
    #[inline(always)]
    pub fn is_linear_to(&self, length: usize) -> bool {
        self.address(0, length).is_ok()
    }

    #[inline(always)]
    fn length(&self) -> usize {
        if maps::multi_buffer() {
            // SAFETY: the context is this run's own.
            unsafe { bpf_xdp_get_buff_len(self.ctx.ctx) as usize }
        } else {
            self.ctx.data_end() - self.ctx.data()
        }
    }

    #[inline(always)]
    fn address(&self, offset: usize, length: usize) -> Result<usize, OutOfBounds> {
        let start = self.ctx.data() + offset;
        if start + length > self.ctx.data_end() { Err(OutOfBounds) } else { Ok(start) }
    }
}

/// Bytes of a packet that lie inside it, as long as neither end of it moves. Offsets and lengths are constants, so that no
/// check is left of those below.
pub struct Window<'a> {
    start: usize,
    length: usize,
    packet: PhantomData<&'a XdpContext>,
}

impl Window<'_> {
    /// A copy of what lies at `offset` of it.
    #[inline(always)]
    pub fn read<T: Wire>(&self, offset: usize) -> Result<T, OutOfBounds> {
        let address = self.address(offset, size_of::<T>())?;
        // SAFETY: `address` checked that all of T lies inside; `Wire` says that any bytes make a T.
        Ok(unsafe { (address as *const T).read_unaligned() })
    }

    /// Overwrites what lies at `offset` of it.
    #[inline(always)]
    pub fn write<T: Wire>(&self, offset: usize, value: T) -> Result<(), OutOfBounds> {
        let address = self.address(offset, size_of::<T>())?;
        // SAFETY: `address` checked that all of T lies inside, which this run alone owns.
        unsafe { (address as *mut T).write_unaligned(value) };
        Ok(())
    }

    #[inline(always)]
    fn address(&self, offset: usize, length: usize) -> Result<usize, OutOfBounds> {
        if offset + length > self.length { Err(OutOfBounds) } else { Ok(self.start + offset) }
    }
}

impl PacketBytes for Packet<'_> {
    #[inline(always)]
    fn read<T: Wire>(&self, offset: usize) -> Result<Copied<T>, OutOfBounds> {
        let address = self.address(offset, size_of::<T>())?;
        // SAFETY: `address` checked that all of T lies inside the packet; `Wire` says that any bytes make a T.
        Ok(Copied(unsafe { (address as *const T).read_unaligned() }))
    }

    #[inline(always)]
    fn has_length(&self, length: usize) -> bool {
        // The helper is only paid for by packets in several buffers and by bad ones.
        self.ctx.data_end() - self.ctx.data() >= length || self.length() >= length
    }

    #[inline(always)]
    fn forgotten(&self, value: u64) -> u64 {
        let Some(scratch) = maps::scratch() else { return value };
        // SAFETY: a per-CPU value of the map, which only this run on this CPU touches.
        unsafe { write_volatile(scratch, value) };
        // SAFETY: as above.
        unsafe { read_volatile(scratch) }
    }

    #[inline(always)]
    fn walk_extensions(&self, offset: usize, next_header: u8) -> Walked {
        walk_extensions_apart(self.ctx, offset, next_header)
    }
}

/// Out of line, see [`PacketBytes::walk_extensions`].
#[inline(never)]
fn walk_extensions_apart(ctx: &XdpContext, offset: usize, next_header: u8) -> Walked {
    walk_extensions(&Packet::new(ctx), offset & MAX_OFFSET, next_header)
}
