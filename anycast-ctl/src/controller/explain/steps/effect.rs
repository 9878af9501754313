//! What a packet changes in the maps beside counters.

use anycast_common::walk::Effect;

use super::Steps;
use crate::api::types::ExplainedEffect;

impl Steps<'_> {
    /// Everything it changes.
    pub fn effects(&self) -> Vec<ExplainedEffect> {
        let made = Effect::ALL.iter().copied().filter(|effect| self.walk.does(*effect));
        made.map(|effect| ExplainedEffect {
            effect: effect.label().to_owned(),
            text: text(effect).to_owned(),
        })
        .collect()
    }
}

const fn text(effect: Effect) -> &'static str {
    match effect {
        Effect::PinInserted => "the flow is pinned to its backend",
        Effect::PinSeen => "the flow's pin is noted as seen",
        Effect::PinRemoved => "the flow's pin is forgotten",
        Effect::EmbryonicInserted => "the flow is remembered as embryonic, until a second packet of it comes",
        Effect::EmbryonicSeen => "the embryonic flow is noted as seen",
        Effect::EmbryonicRemoved => "the flow is embryonic no longer",
        Effect::FilterSet => "the flow is noted as one that may be remembered",
        Effect::BaseSeen => "the slot's base owner is noted as used",
        Effect::DatagramInserted => "where the packet's later fragments go is remembered",
        Effect::DatagramSeen => "which fragments of the packet came is noted",
        Effect::ErrorSpent => "one of the ICMP errors that this CPU may send is spent",
    }
}
