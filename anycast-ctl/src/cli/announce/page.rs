//! Announcements, for people.

use crate::{
    announce::{
        driver::{Level, Peer, SeenRoute},
        orders::{ByHand, Hand},
    },
    api::types::{AnnounceStatus, RoutingDaemonStatus, VipAnnouncement},
    cli::{
        table::{Align, render},
        unit,
    },
    utc::Utc,
};

/// Every VIP, and the routing daemon.
pub fn all(status: &AnnounceStatus) -> String {
    let word = if status.alarm { "ALARM" } else { "Announcements" };
    let mut page = format!("{word}: {}.\n", status.summary);
    if let Some(maintenance) = &status.maintenance {
        let until = maintenance
            .until
            .map_or_else(|| "without a deadline".to_owned(), |until| format!("until {until} at most"));
        let holds = if maintenance.holds { ", held until all its hosts are ready" } else { "" };
        let (since, by) = (maintenance.since, &maintenance.by);
        page += &format!("The site is drained since {since}, {until}{holds}, by {by}.\n");
    }
    if let Some(daemon) = &status.daemon {
        page += &format!("\n{}", of_daemon(daemon));
    }
    if status.vips.is_empty() {
        return page + "\nThere are no VIPs.\n";
    }
    let columns = [
        ("VIP", Align::Left),
        ("PREFIX", Align::Left),
        ("STATE", Align::Left),
        ("SINCE", Align::Right),
        ("WELL", Align::Right),
        ("TOLD TO", Align::Left),
        ("WHY", Align::Left),
    ];
    let rows = status.vips.iter().map(|vip| {
        [
            vip.name.clone(),
            vip.prefix.clone(),
            vip.phase.label().to_owned(),
            unit::duration(vip.since_seconds),
            format!("{}/{}", vip.healthy, vip.active),
            told_to(vip),
            remark(vip),
        ]
    });
    page + "\n" + &render("", columns, rows)
}

fn of_daemon(daemon: &RoutingDaemonStatus) -> String {
    let name = daemon.version.as_deref().unwrap_or(&daemon.driver);
    let since = unit::duration(daemon.since_seconds);
    let mut text = match (&daemon.error, daemon.connected) {
        (Some(error), _) => {
            format!("{name}: not driven for {since}, {} attempts: {error}\n", daemon.attempts)
        }
        (None, true) => format!("{name}, driven for {since}\n"),
        (None, false) => format!("{name}: being connected to\n"),
    };
    text += &match (daemon.lease_seconds, daemon.watched) {
        (0, _) => "No lease: routes stay when this daemon dies.\n".to_owned(),
        (seconds, true) => format!("Lease of {}, watched.\n", unit::duration(seconds)),
        (seconds, false) => format!(
            "Lease of {}, and nobody watches it: routes stay when this daemon dies; start `anycast-ctl announce watchdog`.\n",
            unit::duration(seconds)
        ),
    };
    if daemon.peers.is_empty() {
        return text;
    }
    let columns = [
        ("PEER", Align::Left),
        ("ADDRESS", Align::Left),
        ("AS", Align::Right),
        ("STATE", Align::Left),
        ("SINCE", Align::Left),
    ];
    text + &render("  ", columns, daemon.peers.iter().map(peer))
}

fn peer(peer: &Peer) -> [String; 5] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let error = peer.error.as_deref().map_or_else(String::new, |error| format!(", {error}"));
    [
        peer.name.clone(),
        or_dash(peer.address.map(|address| address.to_string())),
        or_dash(peer.asn.map(|asn| asn.to_string())),
        format!("{}{error}", peer.state),
        or_dash(peer.since.clone()),
    ]
}

/// To which peers the route is told.
fn told_to(vip: &VipAnnouncement) -> String {
    match vip.seen.as_ref().filter(|seen| seen.level != Level::Withdrawn) {
        Some(SeenRoute { exported_to: Some(peers), .. }) if peers.is_empty() => "nobody".to_owned(),
        Some(SeenRoute { exported_to: Some(peers), .. }) => peers.join(","),
        Some(SeenRoute { exported_to: None, .. }) => "?".to_owned(),
        None => "-".to_owned(),
    }
}

/// What there is to say: trouble first.
fn remark(vip: &VipAnnouncement) -> String {
    let mut text = match &vip.trouble {
        Some(trouble) => trouble.clone(),
        None => vip.why.clone(),
    };
    if vip.ready {
        text += "; ready to leave";
    }
    if let Some(next) = vip.next {
        let within = unit::milliseconds(next.in_ms);
        text += &format!("; {} in {within}", next.phase.label());
    }
    if let Some(hand) = &vip.by_hand {
        text += &format!("; {}", by_hand(hand));
    }
    text
}

fn by_hand(ByHand { what, until, by }: &ByHand) -> String {
    let what = match what {
        Hand::Now => "announced",
        Hand::Withdraw => "withdrawn",
        Hand::WithdrawAtOnce => "withdrawn at once",
    };
    let until = until.map_or_else(String::new, |until| {
        let left = until.unix().saturating_sub(Utc::now().unix());
        format!(" for {} more", unit::duration(left))
    });
    format!("{what} by {by}{until}")
}

/// One VIP in a line.
pub fn line(vip: &VipAnnouncement) -> String {
    format!("VIP {} ({}): {}, {}\n", vip.name, vip.prefix, vip.phase.label(), remark(vip))
}

/// One VIP with what happened to it.
pub fn one(vip: &VipAnnouncement) -> String {
    let mut page = format!(
        "VIP {} ({}): {} for {}\n",
        vip.name,
        vip.prefix,
        vip.phase.label(),
        unit::duration(vip.since_seconds)
    );
    let mut fact = |name: &str, text: String| page += &format!("  {name:<10} {text}\n");
    if let Some(trouble) = &vip.trouble {
        fact("TROUBLE", trouble.clone());
    }
    fact("why", vip.why.clone());
    if let Some(next) = vip.next {
        fact("next", format!("{} in {}", next.phase.label(), unit::milliseconds(next.in_ms)));
    }
    fact("policy", vip.policy.to_string());
    if let Some(hand) = &vip.by_hand {
        fact("by hand", by_hand(hand));
    }
    fact("well", format!("{} of {} backends, {} needed", vip.healthy, vip.active, vip.needed));
    if let Some(traffic) = &vip.traffic {
        let packets = unit::count(traffic.packets_per_second);
        let own = unit::count(traffic.own_packets_per_second);
        let flows = unit::count(traffic.new_flows_per_second);
        fact("traffic", format!("{packets} packets/s, {own} of them to own backends; {flows} new flows/s"));
    }
    let seen = vip.seen.as_ref().map_or(Level::Withdrawn, |seen| seen.level);
    let level = match seen {
        Level::Withdrawn => "has no such route",
        Level::ShuttingDown => "announces it as about to go",
        Level::Announced => "announces it",
    };
    fact("daemon", format!("{level}; told to: {}", told_to(vip)));
    if !vip.history.is_empty() {
        let columns = [("AT", Align::Left), ("STATE", Align::Left), ("WHY", Align::Left)];
        let rows =
            vip.history.iter().map(|it| [it.at.to_string(), it.after.label().to_owned(), it.why.clone()]);
        page += &format!("\n{}", render("  ", columns, rows));
    }
    page
}
