//! The packet of this run, which the kernel may keep in pieces, share, and cut into segments later.
//!
//! Read and written by helpers only. A program that stores to packets itself makes the kernel copy the head of every packet it
//! shares with its socket before the program runs (`tc_cls_act_prologue` in net/core/filter.c): all that TCP sends over `lo`.

use anycast_common::{
    packet::{Copied, OutOfBounds, PacketBytes, Wire},
    parse::{Ip, IpHeader, protocol},
};
use aya_ebpf::{
    bindings::{
        BPF_F_ADJ_ROOM_ENCAP_L3_IPV4, BPF_F_ADJ_ROOM_ENCAP_L3_IPV6, BPF_F_ADJ_ROOM_ENCAP_L4_UDP,
        BPF_F_ADJ_ROOM_FIXED_GSO, bpf_adj_room_mode::BPF_ADJ_ROOM_MAC,
    },
    helpers::{bpf_get_hash_recalc, generated::bpf_skb_vlan_push},
    programs::TcContext,
};
use network_types::{
    eth::{EthHdr, EtherType},
    udp::UdpHdr,
};

/// Offset of the byte that has the length of a TCP header, in words, as its upper half (RFC 9293 section 3.1).
const TCP_LENGTH_OFFSET: usize = 12;

/// A frame on its way out.
pub struct Packet<'a> {
    ctx: &'a TcContext,
}

impl<'a> Packet<'a> {
    /// The packet of this run.
    #[inline(always)]
    pub fn new(ctx: &'a TcContext) -> Self {
        Self { ctx }
    }

    /// The socket's mark.
    #[inline(always)]
    pub fn mark(&self) -> u32 {
        // SAFETY: the context is this run's own.
        unsafe { (*self.ctx.skb.skb).mark }
    }

    /// Forgets the mark, which has done its work: what is on the way out elsewhere must not take it for its own.
    #[inline(always)]
    pub fn unmark(&self) {
        self.ctx.set_mark(0);
    }

    /// A hash of its flow: TCP's own, or the kernel's over addresses and ports.
    #[inline(always)]
    pub fn flow_hash(&self) -> u32 {
        // SAFETY: the context is this run's own.
        unsafe { bpf_get_hash_recalc(self.ctx.skb.skb) }
    }

    /// Bytes from the IP header on, of all segments together.
    #[inline(always)]
    pub fn ip_length(&self) -> usize {
        (self.ctx.len() as usize).saturating_sub(EthHdr::LEN)
    }

    /// Bytes of the largest IP packet that is made of it.
    #[inline(always)]
    pub fn largest<H: IpHeader>(&self, ip: &Ip<H>) -> Result<usize, OutOfBounds> {
        // SAFETY: the context is this run's own.
        let segment = unsafe { (*self.ctx.skb.skb).gso_size } as usize;
        if segment == 0 {
            return Ok(self.ip_length());
        }
        let transport = ip.offset + ip.header_length;
        let header_length = if ip.protocol == protocol::TCP {
            let Copied([length, _]): Copied<[u8; 2]> = self.read(transport + TCP_LENGTH_OFFSET)?;
            usize::from(length >> 4) * 4
        } else if ip.protocol == protocol::UDP {
            UdpHdr::LEN
        } else {
            return Err(OutOfBounds);
        };
        Ok(ip.header_length + header_length + segment)
    }

    /// Makes room for outer headers between the Ethernet header and the IP header, and tells the kernel what they are, so that it
    /// cuts into segments and computes checksums inside of them. Segments stay as large as they are: the socket was told what fits.
    #[inline(always)]
    pub fn make_room(&self, bytes: usize, is_v6: bool, has_udp: bool) -> Result<(), OutOfBounds> {
        let network = if is_v6 { BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 } else { BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 };
        let transport = if has_udp { BPF_F_ADJ_ROOM_ENCAP_L4_UDP } else { 0 };
        let flags = u64::from(BPF_F_ADJ_ROOM_FIXED_GSO | network | transport);
        self.ctx.adjust_room(bytes as i32, BPF_ADJ_ROOM_MAC, flags).map_err(|_| OutOfBounds)
    }

    /// Puts a VLAN tag on the frame, IEEE 802.1Q. The interface inserts it, or the kernel in its place.
    #[inline(always)]
    pub fn tag(&self, vlan: u16) -> Result<(), OutOfBounds> {
        // SAFETY: the context is this run's own.
        match unsafe { bpf_skb_vlan_push(self.ctx.skb.skb, EtherType::Ieee8021q as u16, vlan) } {
            0 => Ok(()),
            _ => Err(OutOfBounds),
        }
    }

    /// Overwrites the bytes at `offset`.
    #[inline(always)]
    pub fn write<T: Wire>(&self, offset: usize, value: T) -> Result<(), OutOfBounds> {
        self.ctx.store(offset, &value, 0).map_err(|_| OutOfBounds)
    }

    /// A stretch of the packet, to be written in pieces. Each piece is checked by the kernel.
    #[inline(always)]
    pub fn window(&self, offset: usize, _length: usize) -> Result<Window<'_>, OutOfBounds> {
        Ok(Window { packet: self, offset })
    }
}

/// Bytes of a packet from some offset on.
pub struct Window<'a> {
    packet: &'a Packet<'a>,
    offset: usize,
}

impl Window<'_> {
    /// Overwrites what lies at `offset` of it.
    #[inline(always)]
    pub fn write<T: Wire>(&self, offset: usize, value: T) -> Result<(), OutOfBounds> {
        self.packet.write(self.offset + offset, value)
    }
}

impl PacketBytes for Packet<'_> {
    #[inline(always)]
    fn read<T: Wire>(&self, offset: usize) -> Result<Copied<T>, OutOfBounds> {
        self.ctx.load(offset).map(Copied).map_err(|_| OutOfBounds)
    }

    #[inline(always)]
    fn has_length(&self, length: usize) -> bool {
        self.ctx.len() as usize >= length
    }
}
