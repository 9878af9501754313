//! Fragments: the first one's decision is remembered, and the later ones, which have no ports, follow it.

use core::ptr::{read_volatile, write_volatile};

use anycast_common::{
    clock,
    detail::Detail,
    directory::Vip,
    flow::Flow,
    fragment::{Arrival, Datagram, FragmentKey, Received},
    lookups::Lookups,
    parse::{Ip, IpHeader, Transport, Upper, protocol},
    pin::Pin,
    reason::Reason,
    slot::NO_BACKEND,
    steer::Kind,
    walk::{Effect, Walk},
};

use crate::{
    backend::{self, Way},
    count,
    maps::FRAGMENTS,
    packet::Packet,
    steer::{self, Target},
    trace, vip,
};

/// Remembers where a first fragment goes. Only these are remembered, so that a flood of later ones writes nothing.
#[inline(always)]
pub fn remember<H: IpHeader>(packet: &Packet<'_>, ip: &Ip<H>, upper: &Upper, vip: &Vip, target: &Target) {
    count::detail(vip, Detail::FragmentFirst);
    if let Ok(key) = H::fragment_key(packet, ip, upper) {
        let steps = (ip.end() - upper.fragment_start::<H>()).div_ceil(8) as u16;
        let pin = Pin::new(target.way.index(), target.way.generation(), steer::now());
        insert(&key, &Datagram { pin, received: Received::first(steps), hash: u64::from(target.hash) });
    }
}

/// The backend of a later fragment: its datagram's. One that comes before the first goes by addresses and protocol alone, as
/// all of its kind do.
#[inline(always)]
pub fn follow<H: IpHeader>(
    packet: &Packet<'_>,
    ip: &Ip<H>,
    upper: &Upper,
    lookups: &Lookups,
    vip: &Vip,
) -> Result<Target, Reason> {
    let start = upper.fragment_offset();
    let stop = start + (ip.end() - upper.offset).div_ceil(8) as u16;
    let key = H::fragment_key(packet, ip, upper).map_err(|_| Reason::BadFragment)?;
    let followed = remembered(&key, lookups, vip, start, stop);
    if let Some(way) = backend::find(lookups, followed as u16).filter(|_| followed as u16 != NO_BACKEND) {
        trace::note(|walk| walk.reached |= Walk::FOLLOWED);
        return Ok(Target { way, hash: (followed >> 16) as u32, opens_flow: false });
    }
    count::detail(vip, Detail::FragmentStray);
    // IPv6 says in the first fragment alone what the packet is; UDP is what gets fragmented.
    let protocol = if H::PROTOCOL == protocol::IPV6 { protocol::UDP } else { upper.protocol };
    vip::check_protocol(vip, protocol)?;
    let (source, destination) = (ip.source, ip.destination);
    let flow = Flow { source, destination, source_port: 0, destination_port: 0, protocol };
    steer::backend(lookups, vip, &Transport { flow, kind: Kind::Datagram })
}

#[inline(never)]
fn insert(key: &FragmentKey, datagram: &Datagram) {
    trace::make(Effect::DatagramInserted, || {
        // An LRU map makes room; when it cannot, the later fragments are strays.
        let _ = FRAGMENTS.insert(key, datagram, 0);
    });
}

/// Index of the backend that a datagram goes to, or [`NO_BACKEND`], and above its 16 bits the hash of the datagram's flow.
#[inline(never)]
fn remembered(key: &FragmentKey, lookups: &Lookups, vip: &Vip, start: u16, stop: u16) -> u64 {
    const NONE: u64 = NO_BACKEND as u64;
    let Some(datagram) = FRAGMENTS.get_ptr_mut(key) else { return NONE };
    // SAFETY: a value of the map, aligned to 8 bytes, which other CPUs change in whole words.
    let Datagram { pin, received, hash } = unsafe { read_volatile(datagram) };
    if clock::since(pin.last_seen(), steer::now()) > Datagram::LIFETIME {
        return NONE;
    }
    let is_same = |way: &Way| way.is_usable() && way.generation() == pin.generation();
    if backend::find(lookups, pin.backend()).filter(is_same).is_none() {
        return NONE;
    }
    count::detail(vip, Detail::FragmentFollowed);
    let (received, arrival) = received.with(start, stop);
    trace::make(Effect::DatagramSeen, || {
        // SAFETY: as above.
        unsafe { write_volatile(&raw mut (*datagram).received, received) };
    });
    match arrival {
        Arrival::Fits => {}
        Arrival::LeavesGap => count::detail(vip, Detail::FragmentOutOfOrder),
        Arrival::Overlaps => count::detail(vip, Detail::FragmentOverlap),
    }
    u64::from(pin.backend()) | hash << 16
}
