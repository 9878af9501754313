//! What is wrong with a route, so that no VIP is half announced and nobody knows.

use std::time::Duration;

use super::{Engine, Link, Vip};
use crate::announce::{
    driver::{Level, Seen},
    happening::Happening,
    machine::Phase,
    orders::Hand,
};

/// How long a route may take to get to the peers before it is remarkable that no peer has it.
const SPREADS_WITHIN: Duration = Duration::from_secs(5);

impl Engine {
    /// Tells of troubles that are others than those that were told.
    pub(super) fn tell_troubles(&mut self, now: Duration) {
        let names: Vec<String> = self.vips.keys().cloned().collect();
        for name in names {
            let is = self.vips.get(&name).and_then(|vip| self.trouble(&name, vip, now));
            let Some(vip) = self.vips.get_mut(&name) else { continue };
            if vip.trouble != is {
                // While the daemon is away it says so itself.
                if !matches!(self.link, Link::Down { .. }) {
                    self.happenings.push(Happening::Trouble { vip: name, why: is.clone() });
                }
                vip.trouble = is;
            }
        }
    }

    fn trouble(&self, name: &str, vip: &Vip, now: Duration) -> Option<String> {
        let order = self.orders.vips.get(name)?;
        if let Link::Down { error, .. } = &self.link {
            let last = self.seen.as_ref().and_then(|(_, seen)| seen.routes.get(name));
            let last = last.map_or("nobody knows", |route| words(route.level));
            return Some(format!("the routing daemon cannot be driven; it was last seen {last}: {error}"));
        }
        if let Some(failure) = &vip.failure {
            return Some(failure.clone());
        }
        if vip.is_over {
            return None;
        }
        if let Some((at, seen)) = &self.seen
            && *at >= vip.machine.since() + Duration::from_millis(500)
            && let Some(trouble) = contradiction(name, vip, seen, now)
        {
            return Some(trouble);
        }
        let is_up = vip.machine.phase() != Phase::Withdrawn;
        let forced = order.by_hand.as_ref().is_some_and(|hand| hand.what == Hand::Now);
        if is_up && let Some(why) = self.orders.unsteered.as_ref().or(order.unsteered.as_ref()) {
            return Some(format!("announced though its packets are not steered: {why}"));
        }
        if is_up && !vip.wellness.is_enough() && !vip.wellness.is_unsure {
            let why = if forced { "by hand" } else { vip.machine.phase().label() };
            return Some(format!("announced ({why}) though {}", vip.wellness.words()));
        }
        None
    }
}

/// Where the routing daemon has something else than it was brought to.
fn contradiction(name: &str, vip: &Vip, seen: &Seen, now: Duration) -> Option<String> {
    let route = seen.routes.get(name);
    let level = route.map_or(Level::Withdrawn, |route| route.level);
    if level != vip.route.level {
        let (is, wanted) = (words(level), words(vip.route.level));
        let trouble = route.and_then(|route| route.trouble.as_deref()).map(|it| format!(": {it}"));
        return Some(format!(
            "{} has it {is}, and it should be {wanted}{}",
            seen.daemon,
            trouble.unwrap_or_default()
        ));
    }
    let route = route?;
    let is_up = vip.route.level != Level::Withdrawn;
    let has_had_time = now >= vip.machine.since() + SPREADS_WITHIN;
    if is_up && has_had_time && route.exported_to.as_ref().is_some_and(Vec::is_empty) {
        let why = route.trouble.as_deref().unwrap_or("look at its filters and at the state of its peers");
        return Some(format!("announced to nobody: {} tells none of its peers; {why}", seen.daemon));
    }
    route.trouble.clone()
}

const fn words(level: Level) -> &'static str {
    match level {
        Level::Withdrawn => "withdrawn",
        Level::ShuttingDown => "shutting down",
        Level::Announced => "announced",
    }
}
