//! Which protocol of BIRD's has a VIP's route, at each level.

use std::collections::BTreeSet;

use super::super::{Failures, Level, Route, Wanted};
use crate::{
    model::{BirdSettings, announce::VIP_PLACE},
    spelling::quoted,
};

/// Names in the file that this daemon writes, of the protocol that has a route as it is while it is about to go. As long as
/// that of the other one, and no VIP's name makes it the same.
const LEAVING: &str = "leaving_{vip}";

/// Patterns of names.
#[derive(Clone, Debug)]
pub struct Names {
    announced: String,
    leaving: Option<String>,
}

/// A VIP's protocols and what they are to be brought to.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// The VIP.
    pub vip: &'a str,
    /// Its route.
    pub route: &'a Route,
    /// The protocol that has it.
    pub announced: String,
    /// The one that has it while it is about to go; without it, routes go at once.
    pub leaving: Option<String>,
}

impl Names {
    /// The patterns of the settings.
    pub fn of(settings: &BirdSettings) -> Self {
        let leaving = match settings.include {
            Some(_) => Some(LEAVING.to_owned()),
            None => settings.shutdown_protocol.clone(),
        };
        Self { announced: settings.protocol.clone(), leaving }
    }

    /// What each VIP needs; those that share a protocol with another fail, all but the first.
    pub fn targets<'a>(&self, wanted: &'a Wanted, failures: &mut Failures) -> Vec<Target<'a>> {
        let mut taken = BTreeSet::new();
        let mut targets = Vec::with_capacity(wanted.len());
        for (vip, route) in wanted {
            let name = |pattern: &String| BirdSettings::protocol_of(pattern, vip);
            let target = Target {
                vip,
                route,
                announced: name(&self.announced),
                leaving: self.leaving.as_ref().map(name),
            };
            if let Some(name) = target.names().find(|name| taken.contains(*name)) {
                let rule = "BIRD's names have letters, digits and _ only: rename one";
                let text = format!("another VIP has the protocol {} as well: {rule}", quoted(name));
                failures.insert(vip.clone(), text);
                continue;
            }
            taken.extend(target.names().map(str::to_owned));
            targets.push(target);
        }
        targets
    }

    /// Whether it is the name of a VIP's protocol, whatever the VIP. A pattern that every name fits says nothing.
    pub fn cover(&self, name: &str) -> bool {
        let fits = |pattern: &String| {
            let (head, tail) = pattern.split_once(VIP_PLACE).unwrap_or((pattern, ""));
            let rest = name.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
            !(head.is_empty() && tail.is_empty()) && rest.is_some_and(|vip| !vip.is_empty())
        };
        fits(&self.announced) || self.leaving.as_ref().is_some_and(fits)
    }
}

impl Target<'_> {
    /// All its protocols.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [Some(self.announced.as_str()), self.leaving.as_deref()].into_iter().flatten()
    }

    /// The one that is to be on.
    pub fn on(&self) -> Option<&str> {
        match self.route.level {
            Level::Withdrawn => None,
            Level::ShuttingDown => self.leaving.as_deref(),
            Level::Announced => Some(&self.announced),
        }
    }

    /// Those that are to be off.
    pub fn off(&self) -> impl Iterator<Item = &str> {
        let on = self.on();
        self.names().filter(move |name| Some(*name) != on)
    }
}
