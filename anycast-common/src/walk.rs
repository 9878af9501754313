//! One packet's walk, step by step, as the traced program notes it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{address::Address, flow::Flow, pin::Pin, slot::Slot};

/// What the program did with one packet. A field says something only if the walk came as far: [`Walk::reached`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Walk {
    /// The flow that was steered by: of an ICMP error, that of the packet it quotes.
    pub source: Address,
    /// As above.
    pub destination: Address,
    /// [`Flow::wide_hash`] of it.
    pub hash: u64,
    /// [`Pin`] of the flow, as it was found; see [`Walk::PIN`] and [`Walk::EMBRYONIC`].
    pub pin: u64,
    /// Interface the packet came in by.
    pub ingress_ifindex: u32,
    /// Interface it leaves by; 0: it does not leave.
    pub egress_ifindex: u32,
    /// Bytes of the frame as it came.
    pub frame_bytes: u32,
    /// Bytes of the IP packet as it came: what is counted of a packet that is delivered.
    pub packet_bytes: u32,
    /// Bytes of the frame as it leaves.
    pub left_bytes: u32,
    /// What the program returned (`enum xdp_action`, include/uapi/linux/bpf.h).
    pub verdict: u32,
    /// Code of the [`crate::reason::Reason`] for which it was not delivered; 0: it was.
    pub reason: u32,
    /// Slot of the pool's table.
    pub slot: u32,
    /// Slots of that table.
    pub slots: u32,
    /// Its word, see [`Slot`].
    pub owners: u32,
    /// Bit `n`: the [`crate::detail::Detail`] of code `n` is counted.
    pub details: u32,
    /// What is changed beside counters: see [`Effect`].
    pub effects: u32,
    /// How far the packet came: see [`Walk::VIP`] and the others.
    pub reached: u32,
    /// Port of the flow, host order.
    pub source_port: u16,
    /// As above.
    pub destination_port: u16,
    /// Number of the VIP.
    pub vip: u16,
    /// Number of its pool.
    pub pool: u16,
    /// Index of the chosen backend.
    pub backend: u16,
    /// Generation of that index.
    pub generation: u16,
    /// Bytes of the largest IP packet that fits the way to it.
    pub mtu: u16,
    /// IANA number of the flow's protocol.
    pub protocol: u8,
    /// Code of the [`crate::steer::Kind`].
    pub kind: u8,
    /// Code of the [`crate::steer::Why`].
    pub why: u8,
    /// Code of the [`crate::backend::Delivery`].
    pub delivery: u8,
    /// Whether a new flow is counted: 1 or 0.
    pub opens_flow: u8,
    /// Keeps the size a multiple of 8 bytes.
    pub reserved: u8,
}

impl Walk {
    /// A VIP was found: `vip`, `pool`.
    pub const VIP: u32 = 1;
    /// A flow was found: addresses, ports, `protocol`, `kind`.
    pub const FLOW: u32 = 2;
    /// Its slot was looked at: `hash`, `slot`, `slots`, `owners`.
    pub const SLOT: u32 = 4;
    /// A pin of it was found in `PINS`: `pin`.
    pub const PIN: u32 = 8;
    /// One was found in `EMBRYONIC`: `pin`.
    pub const EMBRYONIC: u32 = 16;
    /// A backend was chosen by its slot: `backend`, `why`.
    pub const CHOICE: u32 = 32;
    /// A usable backend was found: `backend`, `generation`, `mtu`, `delivery`.
    pub const BACKEND: u32 = 64;
    /// It is a later fragment that follows its first one: no flow, no slot.
    pub const FOLLOWED: u32 = 128;
    /// It is an ICMP error: the flow is the one that it quotes.
    pub const QUOTED: u32 = 256;

    /// Number of words.
    pub const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    /// Whether the walk came there.
    #[inline(always)]
    pub const fn has(&self, step: u32) -> bool {
        self.reached & step != 0
    }

    /// Whether that is changed.
    pub const fn does(&self, effect: Effect) -> bool {
        self.effects & effect.bit() != 0
    }

    /// The flow, if there is one.
    pub fn flow(&self) -> Option<Flow> {
        self.has(Self::FLOW).then_some(Flow {
            source: self.source,
            destination: self.destination,
            source_port: self.source_port,
            destination_port: self.destination_port,
            protocol: self.protocol,
        })
    }

    /// Owners of the slot, if it was looked at.
    pub fn owners(&self) -> Option<Slot> {
        self.has(Self::SLOT).then_some(Slot::from_word(self.owners))
    }

    /// The flow's pin, if one was found.
    pub fn pin(&self) -> Option<Pin> {
        self.has(Self::PIN | Self::EMBRYONIC).then_some(Pin::from_word(self.pin))
    }

    /// A walk from its words.
    pub fn from_words(words: [u64; Self::WORDS]) -> Self {
        zerocopy::transmute!(words)
    }
}

const _: () = assert!(size_of::<Walk>() == 120);

/// What a packet changes in the maps, beside counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Effect {
    /// Its flow gets a pin.
    PinInserted = 0,
    /// Its flow's pin is noted as seen.
    PinSeen = 1,
    /// Its flow's pin is removed.
    PinRemoved = 2,
    /// Its flow is noted as embryonic.
    EmbryonicInserted = 3,
    /// Its embryonic flow is noted as seen.
    EmbryonicSeen = 4,
    /// Its embryonic flow is removed, as it gets a pin.
    EmbryonicRemoved = 5,
    /// Its flow is noted as one that may be remembered.
    FilterSet = 6,
    /// Its slot's base owner is noted as used.
    BaseSeen = 7,
    /// Where its later fragments go is remembered.
    DatagramInserted = 8,
    /// What came of its datagram is noted.
    DatagramSeen = 9,
    /// One of the ICMP errors of this tick is spent.
    ErrorSpent = 10,
}

impl Effect {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::PinInserted,
        Self::PinSeen,
        Self::PinRemoved,
        Self::EmbryonicInserted,
        Self::EmbryonicSeen,
        Self::EmbryonicRemoved,
        Self::FilterSet,
        Self::BaseSeen,
        Self::DatagramInserted,
        Self::DatagramSeen,
        Self::ErrorSpent,
    ];

    /// Its bit in [`Walk::effects`].
    #[inline(always)]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Its name, for people and JSON.
    pub const fn label(self) -> &'static str {
        match self {
            Self::PinInserted => "pin_inserted",
            Self::PinSeen => "pin_seen",
            Self::PinRemoved => "pin_removed",
            Self::EmbryonicInserted => "embryonic_inserted",
            Self::EmbryonicSeen => "embryonic_seen",
            Self::EmbryonicRemoved => "embryonic_removed",
            Self::FilterSet => "filter_set",
            Self::BaseSeen => "base_seen",
            Self::DatagramInserted => "datagram_inserted",
            Self::DatagramSeen => "datagram_seen",
            Self::ErrorSpent => "error_spent",
        }
    }
}
