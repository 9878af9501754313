//! The walk over a frame, as the program does it, and what must hold after each step.

use anycast_common::{
    address::Address,
    directory::Vip,
    flow::Flow,
    parse::{self, Ip, IpHeader, Message, Transport, Upper, protocol},
    reason::Reason,
    steer::Kind,
};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use super::oracle;

/// What the parser makes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    pub upper: Upper,
    pub outcome: Result<Outcome, Reason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A packet of that flow.
    Packet(Flow, Kind),
    /// An ICMP error about the packet that the flow answers.
    Error(Flow, Kind),
    EchoRequest,
    LaterFragment,
}

pub fn check(frame: &[u8], vip_flags: u32) {
    let vip = Vip { flags: vip_flags, ..Vip::default() };
    let parsed = match parse::link(&frame) {
        Ok(link) => {
            assert!(link.length <= frame.len() && matches!(link.length, 14 | 18 | 22), "{}", link.length);
            let ether_type = &frame[link.length - 2..link.length];
            assert_eq!(
                ether_type,
                link.ether_type.to_ne_bytes(),
                "the EtherType is the last of the link header"
            );
            match link.ether_type {
                Ipv4Hdr::ETHER_TYPE => walk::<Ipv4Hdr>(frame, link.length, &vip),
                Ipv6Hdr::ETHER_TYPE => walk::<Ipv6Hdr>(frame, link.length, &vip),
                _ => Err(Reason::NotIp),
            }
        }
        Err(reason) => Err(reason),
    };
    oracle::compare(frame, &parsed);
}

fn walk<H: IpHeader>(frame: &[u8], offset: usize, vip: &Vip) -> Result<Parsed, Reason> {
    let ip = H::parse(&frame, offset)?;
    assert_eq!(ip.offset, offset);
    assert!(offset + H::LENGTH <= frame.len(), "a header beyond the frame was parsed");
    let upper = parse::upper(&frame, &ip)?;
    assert!(ip.end() <= frame.len(), "a packet that is longer than its frame was taken");
    check_upper(&ip, &upper);
    let outcome = outcome(frame, &ip, &upper, vip);
    if let Ok(outcome) = outcome {
        check_outcome(&ip, &upper, outcome);
        // What follows the packet in its frame is nothing to it; and without its last byte it is none.
        let whole = &frame[..ip.end()];
        let again = H::parse(&whole, offset).and_then(|ip| parse::upper(&whole, &ip));
        if let Ok(upper) = &again {
            assert_eq!(self::outcome(whole, &ip, upper, vip), Ok(outcome), "padding changes the outcome");
        }
        let is_read_to_its_end = upper.offset <= ip.end();
        assert!(!is_read_to_its_end || again == Ok(upper), "padding changes the headers: {again:?}");
    }
    if let Some(cut) = ip.end().checked_sub(1).filter(|&cut| cut >= offset + H::LENGTH) {
        let cut = &frame[..cut];
        let cut = H::parse(&cut, offset).and_then(|ip| parse::upper(&cut, &ip));
        assert_eq!(cut.err(), Some(Reason::BadHeader), "a packet cut short was taken");
    }
    Ok(Parsed { upper, outcome })
}

fn check_upper<H: IpHeader>(ip: &Ip<H>, upper: &Upper) {
    assert!(upper.offset >= ip.offset + H::LENGTH, "the payload starts inside the header");
    assert!(upper.fragment & !0x3fff == 0, "{:#x}", upper.fragment);
    if upper.fragment != 0 {
        let start = upper.fragment_start::<H>();
        assert!(start < ip.end(), "a fragment of nothing was taken");
        let end = usize::from(upper.fragment_offset()) * 8 + (ip.end() - start);
        assert!(end <= usize::from(u16::MAX), "a fragment reaches beyond any packet");
    }
    if H::PROTOCOL == protocol::IPV4 {
        assert_eq!(upper.fragment_at, 0);
    } else if upper.fragment_at != 0 {
        assert!(upper.fragment_at >= ip.offset + H::LENGTH && upper.fragment_at + 8 <= upper.offset);
    } else {
        assert_eq!(upper.fragment, 0, "an IPv6 fragment without a fragment header");
    }
}

fn outcome<H: IpHeader>(frame: &[u8], ip: &Ip<H>, upper: &Upper, vip: &Vip) -> Result<Outcome, Reason> {
    if upper.fragment != 0 {
        assert!(H::fragment_key(&frame, ip, upper).is_ok(), "a fragment has no identification");
    }
    if upper.protocol == H::ICMP {
        return Ok(match parse::icmp(&frame, ip, upper, vip)? {
            Message::EchoRequest => Outcome::EchoRequest,
            Message::Error(Transport { flow, kind }) => Outcome::Error(flow, kind),
        });
    }
    if upper.is_later_fragment() {
        return Ok(Outcome::LaterFragment);
    }
    parse::transport(&frame, ip, upper, vip).map(|Transport { flow, kind }| Outcome::Packet(flow, kind))
}

fn check_outcome<H: IpHeader>(ip: &Ip<H>, upper: &Upper, outcome: Outcome) {
    let needs = match outcome {
        Outcome::Packet(flow, kind) => {
            assert_eq!((flow.source, flow.destination), (ip.source, ip.destination));
            assert_eq!(flow.protocol, upper.protocol);
            assert_ne!(kind, Kind::Reports, "only errors report");
            match flow.protocol {
                protocol::TCP => 20,
                protocol::UDP => 8,
                _ => {
                    assert_eq!((flow.source_port, flow.destination_port), (0, 0));
                    return;
                }
            }
        }
        Outcome::Error(flow, kind) => {
            assert_eq!(flow.destination, ip.destination, "the error is about somebody else's packet");
            assert!(matches!(flow.protocol, protocol::TCP | protocol::UDP));
            assert!(
                !matches!(kind, Kind::Opens | Kind::Continues | Kind::Pinned),
                "{kind:?} remembers flows"
            );
            // ICMP header, quoted IP header, ports.
            8 + H::LENGTH + 4
        }
        Outcome::EchoRequest => 8,
        Outcome::LaterFragment => return,
    };
    assert!(upper.offset + needs <= ip.end(), "{outcome:?} read beyond the packet");
    let is_v4 = H::PROTOCOL == protocol::IPV4;
    // Sources are not looked at: an IPv6 packet may claim a mapped one.
    assert_eq!(Address::is_v4(&ip.destination), is_v4);
}
