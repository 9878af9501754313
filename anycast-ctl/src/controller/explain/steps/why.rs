//! Why a packet goes to its backend, as a sentence says it.

use anycast_common::{
    steer::{Kind, Why},
    walk::Walk,
};

use super::Steps;
use crate::api::types::ExplainedWhy;

impl Steps<'_> {
    /// Why that backend.
    pub fn why(&self) -> Option<ExplainedWhy> {
        if self.walk.has(Walk::FOLLOWED) {
            let text = "the first fragment of its packet went there, and it follows".to_owned();
            return Some(ExplainedWhy { why: "first_fragment".to_owned(), text });
        }
        let owners = self.walk.owners()?;
        let name = |index| self.names.owner(index).map_or_else(|| "nobody".to_owned(), |owner| owner.name);
        let (current, base, slot) = (name(owners.current()), name(owners.base()), self.walk.slot);
        let transition = if owners.base() == owners.current() {
            format!("slot {slot} is in transition, and {current}'s again")
        } else {
            format!("slot {slot} is in transition from {base} to {current}")
        };
        let (why, text) = match self.reached_why()? {
            Why::Current if owners.is_stable() => {
                ("current", format!("slot {slot} is stable, and {current} owns it"))
            }
            Why::Current => {
                ("current", format!("{transition}, and a packet that stands alone goes to its current owner"))
            }
            Why::Opened if self.kind() == Some(Kind::Pinned) => (
                "opened",
                format!(
                    "it is the first datagram of its flow that is remembered, and {current} owns slot {slot}"
                ),
            ),
            Why::Opened => {
                ("opened", format!("{transition}, and it opens a flow, which its current owner gets"))
            }
            Why::Pinned => {
                let pinned = self.pin().map(|pin| pin.backend.name).unwrap_or(current);
                ("pinned", format!("its flow is remembered as {pinned}'s"))
            }
            Why::Base => (
                "base",
                format!(
                    "{transition}, and its flow is not remembered, so that it was born before and is {base}'s"
                ),
            ),
            Why::Reset => (
                "reset",
                format!(
                    "{transition}, and whom its flow belonged to is not usable, so that {current} gets it and resets it"
                ),
            ),
        };
        Some(ExplainedWhy { why: why.to_owned(), text })
    }
}
