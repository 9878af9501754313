//! ICMP errors about what the VIP answered.

use etherparse::{Icmpv4Header, Icmpv4Type, Icmpv6Type};

use super::{
    HOP_LIMIT, QuestionError, fill,
    ip::Ip,
    transport::{self, icmp_v6},
};
use crate::{
    api::types::{IcmpError, PacketKind},
    explain::{Endpoint, Protocol, Target},
};

/// Bytes of an ICMP header.
const HEADER_BYTES: usize = 8;

/// What RFC 792 promises of a quoted packet behind its IP header.
const QUOTED_BYTES: usize = 8;

/// MTU of the narrow link that "too big" is about.
const NARROW_MTU: u32 = 1_400;

/// The IP packet with an error about the packet that the VIP sent to `from`.
pub fn error(
    ip: &Ip,
    error: IcmpError,
    from: &Endpoint,
    target: &Target,
    length: Option<u16>,
) -> Result<Vec<u8>, QuestionError> {
    let answer = Ip {
        source: ip.destination,
        destination: from.address,
        hop_limit: HOP_LIMIT,
        may_fragment: false,
        fragment: None,
    };
    let ports = (target.endpoint.port.unwrap_or_default(), from.port.unwrap_or_default());
    let body = match target.protocol {
        Protocol::Tcp => transport::tcp(&answer, ports, PacketKind::Ack, &[])?,
        Protocol::Udp => transport::udp(&answer, ports, &[]),
        Protocol::Icmp => {
            return Err(QuestionError::Kind {
                asked: "an error about an answer",
                protocol: Protocol::Icmp,
                instead: "name the tcp or udp flow that it quotes",
            });
        }
    };
    let mut quote = answer.carry(target.protocol, body);
    if ip.destination.is_ipv4() {
        quote.truncate(answer.header_bytes() + QUOTED_BYTES);
    }
    let padding = fill(ip.header_bytes() + HEADER_BYTES + quote.len(), length)?;
    quote.resize(quote.len() + padding, 0);
    let message = if ip.destination.is_ipv4() {
        let header = Icmpv4Header::with_checksum(v4(error), &quote);
        [&header.to_bytes()[..], &quote].concat()
    } else {
        icmp_v6(ip, v6(error), &quote)
    };
    Ok(ip.carry(Protocol::Icmp, message))
}

/// RFC 792, RFC 1191.
const fn v4(error: IcmpError) -> Icmpv4Type {
    let (type_u8, code_u8, rest) = match error {
        IcmpError::Unreachable => (3, 1, 0),
        IcmpError::TooBig => (3, 4, NARROW_MTU),
        IcmpError::TimeExceeded => (11, 0, 0),
        IcmpError::ParameterProblem => (12, 0, 0),
    };
    Icmpv4Type::Unknown { type_u8, code_u8, bytes5to8: rest.to_be_bytes() }
}

/// RFC 4443 section 3.
const fn v6(error: IcmpError) -> Icmpv6Type {
    let (type_u8, code_u8, rest) = match error {
        IcmpError::Unreachable => (1, 3, 0),
        IcmpError::TooBig => (2, 0, NARROW_MTU),
        IcmpError::TimeExceeded => (3, 0, 0),
        IcmpError::ParameterProblem => (4, 0, 0),
    };
    Icmpv6Type::Unknown { type_u8, code_u8, bytes5to8: rest.to_be_bytes() }
}
