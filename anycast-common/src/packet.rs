//! Packet bytes, seen through one bounds-checked copy at a time: the program's packet and a slice of bytes are read alike.

use network_types::{
    eth::EthHdr,
    ip::{Ipv4Hdr, Ipv6Hdr},
    tcp::TcpHdr,
    udp::UdpHdr,
    vlan::VlanHdr,
};

use crate::parse::Walked;

/// Values that may be copied from and to packet bytes.
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
// SAFETY: bytes.
unsafe impl<const N: usize> Wire for [[u8; N]; 2] {}
// SAFETY: words without padding between them.
unsafe impl<const N: usize> Wire for [u64; N] {}

/// A header, aligned: behind the tag of a `Result`, bytes would start at an odd offset, and LLVM would load and reassemble each
/// word of theirs in pieces.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct Copied<T>(pub T);

/// The access lies beyond the packet's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds;

/// A packet that can be read.
pub trait PacketBytes {
    /// A copy of what lies at `offset`.
    ///
    /// # Errors
    ///
    /// [`OutOfBounds`], if not all of it lies inside the packet.
    fn read<T: Wire>(&self, offset: usize) -> Result<Copied<T>, OutOfBounds>;

    /// Whether the whole packet has at least `length` bytes.
    fn has_length(&self, length: usize) -> bool;

    /// The same value. The kernel's verifier forgets what it knew of it, so that it walks what follows once, and not once for
    /// each way to here.
    #[inline(always)]
    fn forgotten(&self, value: u64) -> u64 {
        value
    }

    /// [`crate::parse::walk_extensions`]. The program keeps it out of line: few packets have extension headers.
    #[inline(always)]
    fn walk_extensions(&self, offset: usize, next_header: u8) -> Walked
    where
        Self: Sized,
    {
        crate::parse::walk_extensions(self, offset, next_header)
    }
}

impl PacketBytes for &[u8] {
    fn read<T: Wire>(&self, offset: usize) -> Result<Copied<T>, OutOfBounds> {
        let end = offset.checked_add(size_of::<T>()).ok_or(OutOfBounds)?;
        let bytes = self.get(offset..end).ok_or(OutOfBounds)?;
        // SAFETY: the slice is as long as T, and `Wire` says that any bytes make a T.
        Ok(Copied(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }))
    }

    fn has_length(&self, length: usize) -> bool {
        self.len() >= length
    }
}
