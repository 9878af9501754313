//! TCP (RFC 9293) and UDP (RFC 768) headers, and what else may follow an IP header.

use network_types::{tcp::TcpHdr, udp::UdpHdr};

use super::{Ip, IpHeader, extension::is_extension, protocol};
use crate::{
    directory::Vip,
    flow::Flow,
    packet::{Copied, PacketBytes},
    reason::Reason,
    steer::Kind,
};

/// Bytes of an IPv6 fragment header.
const FRAGMENT_HEADER: usize = 8;

/// What lies behind IP header, options and extension headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upper {
    /// IANA protocol number.
    pub protocol: u8,
    /// Where in the packet it starts.
    pub offset: usize,
    /// 0 in a packet that is no fragment; else the "more fragments" flag as bit 13, and the fragment's offset in steps of 8
    /// bytes.
    pub fragment: u16,
    /// Where in the packet the IPv6 fragment header starts; 0 if there is none.
    pub fragment_at: usize,
}

impl Upper {
    /// "More fragments".
    const MORE: u16 = 1 << 13;

    /// The fragment's offset in the packet it is of, in steps of 8 bytes.
    #[inline(always)]
    pub const fn fragment_offset(&self) -> u16 {
        self.fragment & 0x1fff
    }

    /// Where in a fragment its part of the datagram starts: in the first one of IPv6, extension headers may be of it.
    #[inline(always)]
    pub const fn fragment_start<H: IpHeader>(&self) -> usize {
        if H::PROTOCOL == protocol::IPV6 { self.fragment_at + FRAGMENT_HEADER } else { self.offset }
    }

    /// Whether it is a fragment without the transport header.
    #[inline(always)]
    pub const fn is_later_fragment(&self) -> bool {
        self.fragment_offset() != 0
    }
}

/// What the walk needs of a transport header.
pub struct Transport {
    /// The packet's flow. Protocols without ports have port 0, which no service names.
    pub flow: Flow,
    /// What the packet means for it.
    pub kind: Kind,
}

/// Checks the lengths of a packet that is a VIP's against each other and the frame's, and finds what lies behind its options or
/// extension headers.
#[inline(always)]
pub fn upper<H: IpHeader>(packet: &impl PacketBytes, ip: &Ip<H>) -> Result<Upper, Reason> {
    if ip.header_length < H::LENGTH || ip.length < ip.header_length || !packet.has_length(ip.end()) {
        return Err(Reason::BadHeader);
    }
    let upper = skip_options(packet, ip)?;
    // What was walked may be what the frame has behind the packet.
    if upper.offset > ip.end() {
        return Err(Reason::ExtensionHeader);
    }
    if upper.fragment != 0 {
        check_fragment(ip, &upper)?;
    }
    Ok(upper)
}

/// A fragment must end on a step of 8 bytes unless it is the last, and not reach beyond what the reassembled packet's length can
/// state: IPv4's includes the header, IPv6's the extension headers in front of the fragment's.
#[inline(always)]
fn check_fragment<H: IpHeader>(ip: &Ip<H>, upper: &Upper) -> Result<(), Reason> {
    let start = upper.fragment_start::<H>();
    let uncounted = if H::PROTOCOL == protocol::IPV6 { H::LENGTH + FRAGMENT_HEADER } else { 0 };
    let in_front = start - ip.offset - uncounted;
    let length = ip.end() - start;
    let ends_well = upper.fragment & Upper::MORE == 0 || length.is_multiple_of(8);
    let end = in_front + usize::from(upper.fragment_offset()) * 8 + length;
    if length > 0 && ends_well && end <= usize::from(u16::MAX) { Ok(()) } else { Err(Reason::BadFragment) }
}

/// What lies behind the options or extension headers. Lengths are believed.
#[inline(always)]
pub(crate) fn skip_options<H: IpHeader>(packet: &impl PacketBytes, ip: &Ip<H>) -> Result<Upper, Reason> {
    let offset = ip.offset + ip.header_length;
    // IPv4 has AH, which is one to IPv6 only.
    if H::PROTOCOL != protocol::IPV6 || !is_extension(ip.protocol) {
        return Ok(Upper { protocol: ip.protocol, offset, fragment: ip.fragment, fragment_at: 0 });
    }
    let walked = packet.walk_extensions(offset, ip.protocol);
    if walked.has_failed() {
        return Err(Reason::ExtensionHeader);
    }
    Ok(Upper {
        protocol: walked.protocol(),
        offset: walked.offset(),
        fragment: walked.fragment(),
        fragment_at: walked.fragment_at(),
    })
}

/// The transport header of a packet that is a VIP's, whole or the first fragment.
#[inline(always)]
pub fn transport<H: IpHeader>(
    packet: &impl PacketBytes,
    ip: &Ip<H>,
    upper: &Upper,
    vip: &Vip,
) -> Result<Transport, Reason> {
    match upper.protocol {
        protocol::TCP => tcp(packet, ip, upper),
        protocol::UDP => udp(packet, ip, upper, vip),
        _ => Ok(Transport { flow: flow(ip, upper, 0, 0), kind: Kind::Datagram }),
    }
}

#[inline(always)]
fn tcp<H: IpHeader>(packet: &impl PacketBytes, ip: &Ip<H>, upper: &Upper) -> Result<Transport, Reason> {
    if upper.offset + TcpHdr::LEN > ip.end() {
        return Err(Reason::Truncated);
    }
    let Copied(header): Copied<TcpHdr> = packet.read(upper.offset).map_err(|_| Reason::Truncated)?;
    let flow = flow(ip, upper, u16::from_be_bytes(header.source), u16::from_be_bytes(header.dest));
    let flags = header.fin() | header.syn() << 1 | header.rst() << 2 | header.ack() << 4;
    Ok(Transport { flow, kind: Kind::of_tcp(flags) })
}

#[inline(always)]
fn udp<H: IpHeader>(
    packet: &impl PacketBytes,
    ip: &Ip<H>,
    upper: &Upper,
    vip: &Vip,
) -> Result<Transport, Reason> {
    let payload = upper.offset + UdpHdr::LEN;
    if payload > ip.end() {
        return Err(Reason::Truncated);
    }
    let Copied(header): Copied<UdpHdr> = packet.read(upper.offset).map_err(|_| Reason::Truncated)?;
    let flow = flow(ip, upper, u16::from_be_bytes(header.src), u16::from_be_bytes(header.dst));
    let kind = if vip.flags & Vip::UDP_PINNED != 0 {
        Kind::Pinned
    } else if vip.flags & Vip::UDP_QUIC != 0 {
        quic(packet, payload, ip.end())
    } else {
        Kind::Datagram
    };
    Ok(Transport { flow, kind })
}

/// QUIC's invariants (RFC 8999): a long header has the top bit set and the version in the next four bytes. An Initial's type
/// is 0 in version 1 (RFC 9000 section 17.2.2) and 1 in version 2 (RFC 9369 section 3.2).
#[inline(always)]
fn quic(packet: &impl PacketBytes, offset: usize, end: usize) -> Kind {
    const LONG_HEADER: u8 = 0x80;
    const VERSION_2: u32 = 0x6b33_43cf;
    if offset + 5 > end {
        return Kind::Continues;
    }
    let Ok(Copied([first, a, b, c, d])) = packet.read::<[u8; 5]>(offset) else { return Kind::Continues };
    let initial = if u32::from_be_bytes([a, b, c, d]) == VERSION_2 { 1 } else { 0 };
    if first & LONG_HEADER != 0 && first >> 4 & 3 == initial { Kind::Opens } else { Kind::Continues }
}

#[inline(always)]
fn flow<H: IpHeader>(ip: &Ip<H>, upper: &Upper, source_port: u16, destination_port: u16) -> Flow {
    Flow {
        source: ip.source,
        destination: ip.destination,
        source_port,
        destination_port,
        protocol: upper.protocol,
    }
}
