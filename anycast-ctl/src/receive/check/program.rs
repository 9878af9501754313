//! The program that takes the outer headers off: whether it is there, and its settings are those of the pool.

use std::net::IpAddr;

use anycast_common::receive::Outcome;

use super::{Delivery, facts::Facts};
use crate::{
    finding::{Finding, State, bad, ok},
    receive::{InterfaceStatus, Sender},
};

/// Findings on the program, its settings and what it has met.
pub fn judge(facts: &Facts, delivery: Option<Delivery>) -> Vec<Finding> {
    let status = match &facts.receiver {
        Ok(status) => status,
        Err(why) => {
            let (found, advice) = why.split_once(": ").unwrap_or((why.as_str(), "start it"));
            return vec![bad("program", State::Fail, found.to_owned(), advice.to_owned())];
        }
    };
    let Some(mode) = status.mode else {
        let found = format!("pinned, but not attached to {}", status.interface);
        let why = status.detail.clone().unwrap_or_default();
        return vec![bad("program", State::Fail, found, why)];
    };
    let found = format!("attached to {} ({}), id {}", status.interface, mode.label(), status.program_id);
    vec![ok("program", found), senders(status), gue(status, delivery), strangers(status)]
}

fn senders(status: &InterfaceStatus) -> Finding {
    let listed = status.senders.iter().map(Sender::to_string).collect::<Vec<_>>().join(", ");
    if status.senders.iter().any(Sender::is_everybody) {
        let advice = "name the edge hosts' prefixes with --from".to_owned();
        let found = format!("{listed}: anybody may put packets into this host");
        return bad("senders", State::Warn, found, advice);
    }
    ok("senders", listed)
}

fn gue(status: &InterfaceStatus, delivery: Option<Delivery>) -> Finding {
    match status.gue_port {
        Some(port) => ok("gue", format!("taken at UDP port {port}")),
        None if delivery == Some(Delivery::Gue) => {
            bad("gue", State::Fail, "off".to_owned(), "give `anycast-ctl receive` a --gue-port".to_owned())
        }
        None => ok("gue", "off".to_owned()),
    }
}

fn strangers(status: &InterfaceStatus) -> Finding {
    let packets = |outcome: Outcome| {
        let counter = status.counters.iter().find(|counter| counter.code == outcome.code());
        counter.map_or(0, |counter| counter.packets)
    };
    let taken = packets(Outcome::Ipip) + packets(Outcome::Gue);
    match packets(Outcome::UnknownSender) {
        0 => ok("traffic", format!("{taken} packets decapsulated")),
        strangers => {
            let found = format!("{taken} packets decapsulated, {strangers} of unknown senders dropped");
            let last: Vec<_> = status.last_unknown_senders.iter().map(IpAddr::to_string).collect();
            let advice = format!("if {} is an edge host, name it with --from", last.join(" or "));
            bad("traffic", State::Warn, found, advice)
        }
    }
}
