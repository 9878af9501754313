//! Packets that do not say themselves where they go: later fragments follow the first one, ICMP errors the flow they are about.
//!
//! Out of line, and parsed again: few packets come here, and what they need would take registers from all others.

use anycast_common::{
    detail::Detail,
    directory::{Directory, Vip},
    lookups::Lookups,
    parse::{self, IpHeader, Message},
    reason::Reason,
    walk::Walk,
};

use crate::{
    backend::{self, Way},
    count, fragment, icmp, maps,
    packet::Packet,
    steer::{self, Target},
    trace, vip,
};

/// The backend of such a packet, whose IP header lies at `offset`.
#[inline(always)]
pub fn target<H: IpHeader>(
    packet: &Packet<'_>,
    offset: usize,
    lookups: &Lookups,
    directory: &Directory,
    vip: &Vip,
) -> Result<Target, Reason> {
    let mut chosen = Chosen(0);
    if let Some(reason) = choose::<H>(packet, offset & 31, directory, vip, &mut chosen) {
        return Err(reason);
    }
    let way =
        backend::find(lookups, chosen.0 as u16).filter(Way::is_usable).ok_or(Reason::BackendUnusable)?;
    Ok(Target { way, hash: (chosen.0 >> 32) as u32, opens_flow: false })
}

/// Flow hash and index of a backend, in one word: a function of the program returns no more than one.
struct Chosen(u64);

#[inline(never)]
fn choose<H: IpHeader>(
    packet: &Packet<'_>,
    offset: usize,
    directory: &Directory,
    vip: &Vip,
    chosen: &mut Chosen,
) -> Option<Reason> {
    let choose = || {
        let lookups = maps::lookups().ok_or(Reason::NoBackend)?;
        let ip = H::parse(packet, offset)?;
        let upper = parse::upper(packet, &ip)?;
        if upper.protocol != H::ICMP {
            return fragment::follow(packet, &ip, &upper, lookups, vip);
        }
        match parse::icmp(packet, &ip, &upper, vip)? {
            Message::EchoRequest => Err(icmp::answer_echo(packet, &ip, &upper)),
            Message::Error(transport) => {
                trace::note(|walk| walk.reached |= Walk::QUOTED);
                vip::check_service(directory, vip, &transport.flow)?;
                let target = steer::backend(lookups, vip, &transport)?;
                count::detail(vip, Detail::IcmpError);
                Ok(target)
            }
        }
    };
    match choose() {
        Ok(target) => {
            *chosen = Chosen(u64::from(target.hash) << 32 | u64::from(target.way.index()));
            None
        }
        Err(reason) => Some(reason),
    }
}
