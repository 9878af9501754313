//! Steering: which backend a packet goes to. The program and the model that proves it run this very code.
//!
//! ```text
//!                        slot stable?
//!            yes ───────────┴────────── no
//!             │                          │
//!          current           opens a flow?  ── yes ─▶ remembered already? ─ yes ─▶ that backend
//!       (nothing read,                   │            │ no
//!       nothing written)                 no           └▶ remember it (embryonic), current
//!                                        │
//!                              may it be remembered? ── no ─▶ base if usable, else current
//!                                        │ yes
//!                             pinned, or embryonic? ── yes ─▶ that backend if usable, else current
//!                                        │                    (an embryonic flow becomes a pin)
//!                                        no
//!                                        │
//!                                  base if usable, else current
//! ```

use crate::{
    clock,
    flow::Flow,
    pin::{FlowKey, Pin, Record},
    slot::{NO_BACKEND, Slot},
};

/// What a packet means for its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// It belongs to a flow that was opened.
    Continues,
    /// It ends the flow: TCP RST or FIN. It follows what is remembered and makes nothing be remembered.
    Ends,
    /// It opens the flow: TCP SYN without ACK, QUIC Initial.
    Opens,
    /// A datagram on its own: UDP of a pool with `udp = "stateless"`.
    Datagram,
    /// A datagram of a flow without an opening packet: UDP of a pool with `udp = "pinned"`.
    Pinned,
    /// An ICMP error about such a datagram. It follows what is remembered and makes nothing be remembered.
    Reports,
}

impl Kind {
    /// Every one, in the order of the codes.
    pub const ALL: &'static [Self] =
        &[Self::Continues, Self::Ends, Self::Opens, Self::Datagram, Self::Pinned, Self::Reports];

    /// Its number in [`crate::walk::Walk::kind`].
    #[inline(always)]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// That of a TCP packet with these flags, as they lie in the header's fourteenth byte. Looked up in a word instead of told by branches,
    /// for each of which LLVM would keep registers and the verifier a path of its own.
    #[inline(always)]
    pub const fn of_tcp(flags: u16) -> Self {
        let kind = (OF_TCP >> (2 * (flags & 0x1f)) & 3) as u8;
        // SAFETY: two bits are the discriminant of one of the first four.
        unsafe { core::mem::transmute::<u8, Self>(kind) }
    }
}

/// Two bits for each value of the flags FIN, SYN, RST, PSH and ACK (RFC 9293 section 3.1), FIN the lowest.
const OF_TCP: u64 = {
    const FIN: u64 = 1;
    const SYN: u64 = 2;
    const RST: u64 = 4;
    const ACK: u64 = 16;
    let (mut kinds, mut flags) = (0, 0);
    while flags < 32 {
        let kind = if flags & (SYN | ACK) == SYN {
            Kind::Opens
        } else if flags & (RST | FIN) != 0 {
            Kind::Ends
        } else {
            Kind::Continues
        };
        kinds |= (kind as u64) << (2 * flags);
        flags += 1;
    }
    kinds
};

/// Why the packet goes where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Why {
    /// The slot is stable, or the packet stands alone: the current owner.
    Current,
    /// The flow is new and was remembered: the current owner.
    Opened,
    /// The flow is remembered.
    Pinned,
    /// The flow was born before the transition: the base owner.
    Base,
    /// What the flow belonged to is no longer usable: the current owner, which will refuse it.
    Reset,
}

impl Why {
    /// Every one, in the order of the codes.
    pub const ALL: &'static [Self] = &[Self::Current, Self::Opened, Self::Pinned, Self::Base, Self::Reset];

    /// Its number in [`crate::walk::Walk::why`].
    #[inline(always)]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice<B> {
    /// Index of the backend. [`NO_BACKEND`], or one that is not usable, when there is no better one.
    pub index: u16,
    /// Why this one.
    pub why: Why,
    /// It, if packets can be delivered to it.
    pub backend: Option<B>,
}

/// A backend that packets can be delivered to.
pub trait Usable {
    /// How often its index was given to another backend.
    fn generation(&self) -> u16;
}

/// Where a map keeps one record.
pub trait Entry {
    /// Whether it is that flow's, and not another one's with the same key.
    fn is_of(&self, flow: &Flow) -> bool;
    /// The pin.
    fn load(&self) -> Pin;
    /// Overwrites it, in one piece.
    fn store(&self, pin: Pin);
}

/// A map of remembered flows.
pub trait FlowMap {
    /// What is remembered under a key, to read and to stamp.
    fn find(&self, key: FlowKey) -> Option<impl Entry>;
    /// Remembers a flow, or remembers it anew. May evict another; a full map that refuses is not noticed.
    fn insert(&self, key: FlowKey, record: &Record);
    /// Forgets what is remembered under a key.
    fn remove(&self, key: FlowKey);
}

/// What steering of one packet reads and writes beside the slot.
pub trait World {
    /// How this world looks at a backend.
    type Backend: Usable;

    /// Remembers flows that have shown more than their opening packet.
    fn pins(&self) -> &impl FlowMap;
    /// Remembers flows that have only shown their opening packet: all that a flood of these can fill.
    fn embryonic(&self) -> &impl FlowMap;
    /// [`Flow::wide_hash`] of the packet's flow.
    fn hash(&self) -> u64;
    /// Whether the flow may have been [noted](Self::note_remembered) since no slot at all was in transition. `false` is
    /// certain.
    fn may_be_remembered(&self) -> bool;
    /// Notes that the flow is about to be remembered.
    fn note_remembered(&self);
    /// The backend with that index, if it is usable.
    fn backend(&self, index: u16) -> Option<Self::Backend>;
    /// Ticks since boot.
    fn now(&self) -> u32;
    /// Ticks after which a flow that shows no packet is taken for ended.
    fn idle_timeout(&self) -> u32;
    /// Notes that the slot's base owner was used.
    fn stamp_base(&self, now: u32);
}

/// The backend for a packet of that kind.
#[inline(always)]
pub fn choose<W: World>(world: &W, slot: Slot, flow: &Flow, kind: Kind) -> Choice<W::Backend> {
    if (slot.is_stable() && kind < Kind::Pinned) || kind == Kind::Datagram {
        current(world, slot, Why::Current)
    } else {
        remembering(world, slot, flow, kind)
    }
}

/// The backend for a packet whose slot is in transition, or whose flows are remembered whatever the slot.
#[inline(always)]
fn remembering<W: World>(world: &W, slot: Slot, flow: &Flow, kind: Kind) -> Choice<W::Backend> {
    match kind {
        // A flow that no opening packet was noted of is the base owner's, whatever an earlier transition left of it: see
        // docs/steering.md. An opening packet itself must find what is left, as the flow it opens may be another one.
        Kind::Continues | Kind::Ends if !world.may_be_remembered() => return base(world, slot),
        Kind::Opens => world.note_remembered(),
        Kind::Continues | Kind::Ends | Kind::Datagram | Kind::Pinned | Kind::Reports => {}
    }
    let (key, now) = (FlowKey::new(flow, world.hash()), world.now());
    let mut remembered = lookup(world, world.pins(), key, flow, now);
    let has_void_pin = matches!(remembered, Remembered::Unusable);
    if matches!(remembered, Remembered::Not) && kind != Kind::Pinned {
        remembered = lookup(world, world.embryonic(), key, flow, now);
        // The first packet after the opening one: somebody answers at the flow's source, it is no flood.
        if let (Remembered::Usable(pin, _), Kind::Continues) = (&remembered, kind) {
            world.pins().insert(key, &Record::new(flow, *pin));
            world.embryonic().remove(key);
        }
    }
    match (remembered, kind) {
        // An opening packet that is repeated goes where the first one went, and one that reuses the addresses of a flow that
        // is pinned goes where that went: a flow that is remembered has one backend, whoever sends what in its name.
        (Remembered::Usable(pin, backend), _) => {
            Choice { index: pin.backend(), why: Why::Pinned, backend: Some(backend) }
        }
        (_, Kind::Opens | Kind::Pinned | Kind::Datagram) => {
            let choice = current(world, slot, Why::Opened);
            if let Some(backend) = &choice.backend {
                let record = Record::new(flow, Pin::new(choice.index, backend.generation(), now));
                if kind == Kind::Opens {
                    world.embryonic().insert(key, &record);
                    // What is remembered of an earlier flow of these addresses is over, even if its backend comes back.
                    if has_void_pin {
                        world.pins().remove(key);
                    }
                } else {
                    world.pins().insert(key, &record);
                }
            }
            choice
        }
        (Remembered::Unusable, Kind::Continues | Kind::Ends | Kind::Reports) => {
            current(world, slot, Why::Reset)
        }
        (Remembered::Not, Kind::Reports) => current(world, slot, Why::Current),
        (Remembered::Not, Kind::Continues | Kind::Ends) => base(world, slot),
    }
}

/// A flow that is not remembered was born before the transition.
#[inline(always)]
fn base<W: World>(world: &W, slot: Slot) -> Choice<W::Backend> {
    let backend = usable(world, slot.base());
    if backend.is_none() {
        return current(world, slot, Why::Reset);
    }
    if slot.base() != slot.current() {
        world.stamp_base(world.now());
    }
    Choice { index: slot.base(), why: Why::Base, backend }
}

/// The owner of the slot.
#[inline(always)]
fn current<W: World>(world: &W, slot: Slot, why: Why) -> Choice<W::Backend> {
    Choice { index: slot.current(), why, backend: usable(world, slot.current()) }
}

#[inline(always)]
fn usable<W: World>(world: &W, index: u16) -> Option<W::Backend> {
    if index == NO_BACKEND { None } else { world.backend(index) }
}

/// What a map remembers of a flow.
enum Remembered<B> {
    /// Nothing, or nothing that has not timed out.
    Not,
    /// A backend that cannot be used any more.
    Unusable,
    /// A usable backend.
    Usable(Pin, B),
}

#[inline(always)]
fn lookup<W: World>(
    world: &W,
    map: &impl FlowMap,
    key: FlowKey,
    flow: &Flow,
    now: u32,
) -> Remembered<W::Backend> {
    let Some(entry) = map.find(key).filter(|entry| entry.is_of(flow)) else { return Remembered::Not };
    let pin = entry.load();
    // While its slot is stable a flow's pin is not looked at, so what it says may be out of date by then. It is not
    // believed for longer than the slot must have been quiet to become stable.
    if clock::since(pin.last_seen(), now) > world.idle_timeout() {
        return Remembered::Not;
    }
    let backend = usable(world, pin.backend()).filter(|backend| backend.generation() == pin.generation());
    let Some(backend) = backend else { return Remembered::Unusable };
    if pin.last_seen() != now {
        entry.store(pin.seen(now));
    }
    Remembered::Usable(pin.seen(now), backend)
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn a_tcp_packet_is_what_its_flags_say() {
        // The bits above the lowest five change nothing, which Miri would take long to see.
        let most = if cfg!(miri) { 0xff } else { u16::MAX };
        for flags in 0..=most {
            let [fin, syn, rst, ack] = [1, 2, 4, 16].map(|bit| flags & bit != 0);
            let expected = match (syn && !ack, rst || fin) {
                (true, _) => Kind::Opens,
                (false, true) => Kind::Ends,
                (false, false) => Kind::Continues,
            };
            assert_eq!(Kind::of_tcp(flags), expected, "flags {flags:#x}");
        }
    }
}
