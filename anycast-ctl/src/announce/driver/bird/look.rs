//! What BIRD has of the routes, and its neighbours.

use std::collections::BTreeMap;

use super::{
    Bird,
    client::{Line, Reply},
    missing,
    names::Target,
    protocols::{self, Protocol, Switches},
};
use crate::{
    announce::driver::{DriverError, Failures, Level, Peer, Seen, SeenRoute, Wanted},
    spelling::{listed, quoted},
};

/// Codes of answers and lines.
const VERSION_LINE: u16 = 1000;
const ROUTE_LINE: u16 = 1007;
const ATTRIBUTE_LINE: u16 = 1012;
const DONE: u16 = 0;

/// GRACEFUL_SHUTDOWN (RFC 8326), as BIRD writes it.
const GRACEFUL_SHUTDOWN: &str = "(65535,0)";

impl Bird {
    pub(super) async fn look_at(&mut self, wanted: &Wanted) -> Result<Seen, DriverError> {
        let status = self.client.ask("show status").await?;
        let daemon = status.lines.iter().find(|line| line.code == VERSION_LINE);
        let daemon = daemon.map(|line| line.text.clone()).unwrap_or_default();
        let protocols = protocols::parse(&self.client.ask("show protocols all").await?);
        let mut switches = self.switches.take().unwrap_or_default();
        switches.learn(&protocols);
        if let Some(include) = &mut self.include {
            include.doubt(|name| switches.has(name));
        }
        let peers: Vec<Peer> = protocols.iter().filter(|it| it.kind == "BGP").map(peer).collect();
        let targets = self.names.targets(wanted, &mut Failures::new());
        let routes = self.routes(&switches, &targets, &peers).await?;
        self.switches = Some(switches);
        Ok(Seen { daemon, peers, routes })
    }

    async fn routes(
        &mut self,
        switches: &Switches,
        targets: &[Target<'_>],
        peers: &[Peer],
    ) -> Result<BTreeMap<String, SeenRoute>, DriverError> {
        let established: Vec<&Peer> = peers.iter().filter(|peer| peer.established).collect();
        let is_live = |target: &&Target<'_>| target.names().any(|name| switches.is_on(name));
        // By prefix, so that a table of a million routes is not walked through.
        let mut commands = Vec::new();
        for target in targets.iter().filter(is_live) {
            let prefix = target.route.prefix;
            commands.push(format!("show route {prefix} all table all"));
            commands
                .extend(established.iter().map(|peer| format!("show route {prefix} export '{}'", peer.name)));
        }
        let mut replies = self.client.ask_all(&commands).await?.into_iter();
        let mut routes = BTreeMap::new();
        for target in targets {
            // Where this daemon writes the protocols, those of a VIP that was never announced may not be there yet.
            let lacks = target.names().filter(|name| self.include.is_none() && !switches.has(name));
            let mut troubles: Vec<String> = lacks.map(|name| missing(target, name)).collect();
            let mut seen = SeenRoute::default();
            if is_live(&target) {
                let candidates = replies.next().map(|reply| candidates(&reply)).unwrap_or_default();
                let told = established.iter().zip(replies.by_ref());
                let told = told.map(|(peer, reply)| (peer.name.as_str(), exported(&reply))).collect();
                seen = judge(target, switches, &candidates, told, peers, self.has_community, &mut troubles);
            }
            seen.trouble = (!troubles.is_empty()).then(|| troubles.join("; "));
            if seen != SeenRoute::default() {
                routes.insert(target.vip.to_owned(), seen);
            }
        }
        Ok(routes)
    }
}

/// A route to a prefix in one of BIRD's tables.
#[derive(Debug, Default, PartialEq, Eq)]
struct Candidate {
    protocol: String,
    is_best: bool,
    communities: String,
}

fn candidates(reply: &Reply) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for Line { code, text } in &reply.lines {
        match *code {
            ROUTE_LINE => {
                // ` 192.0.2.1/32         blackhole [anycast_web 14:34:24.291] * (200)`
                let Some((_, origin)) = text.split_once('[') else { continue };
                let Some((origin, rest)) = origin.split_once(']') else { continue };
                let protocol = origin.split_whitespace().next().unwrap_or_default().to_owned();
                let is_best = rest.trim_start().starts_with('*');
                candidates.push(Candidate { protocol, is_best, communities: String::new() });
            }
            ATTRIBUTE_LINE => {
                let value = text.trim().strip_prefix("BGP.community:");
                if let (Some(candidate), Some(value)) = (candidates.last_mut(), value) {
                    value.trim().clone_into(&mut candidate.communities);
                }
            }
            _ => {}
        }
    }
    candidates
}

/// Protocols whose routes a peer is told.
fn exported(reply: &Reply) -> Vec<String> {
    // A peer without a channel of the family has "no valid tables".
    let candidates = if reply.code == DONE { candidates(reply) } else { Vec::new() };
    candidates.into_iter().map(|candidate| candidate.protocol).collect()
}

fn judge(
    target: &Target<'_>,
    switches: &Switches,
    candidates: &[Candidate],
    told: Vec<(&str, Vec<String>)>,
    peers: &[Peer],
    has_community: bool,
    troubles: &mut Vec<String>,
) -> SeenRoute {
    let on: Vec<&str> = target.names().filter(|name| switches.is_on(name)).collect();
    let of = |name: &str| candidates.iter().find(|candidate| candidate.protocol == name);
    let best = on.iter().copied().find(|name| of(name).is_some_and(|candidate| candidate.is_best));
    let name = best.or(on.first().copied()).unwrap_or_default();
    let level = if name == target.announced { Level::Announced } else { Level::ShuttingDown };
    let is_told = |of: &Vec<String>| of.iter().any(|told| told == name);
    let exported_to: Vec<String> =
        told.into_iter().filter(|(_, of)| is_told(of)).map(|(peer, _)| peer.to_owned()).collect();
    if on.len() > 1 {
        troubles.push(format!("protocols {} are both enabled", listed(on.iter().copied())));
    }
    let prefix = target.route.prefix;
    let shown = quoted(name);
    match of(name) {
        None => troubles.push(format!(
            "protocol {shown} is enabled, but has no route {prefix}: add `route {prefix} blackhole;` to it"
        )),
        Some(candidate) if best.is_none() => {
            let preferred = candidates.iter().find(|candidate| candidate.is_best);
            let preferred = preferred.unwrap_or(candidate).protocol.as_str();
            troubles.push(format!(
                "BIRD prefers the route {prefix} of protocol {} to that of {shown}: give {shown} a higher preference",
                quoted(preferred)
            ));
        }
        Some(_) if exported_to.is_empty() => troubles.push(untold(&shown, peers)),
        Some(candidate) => {
            if level == Level::ShuttingDown
                && has_community
                && !candidate.communities.contains(GRACEFUL_SHUTDOWN)
            {
                troubles.push(format!(
                    "the route of protocol {shown} lacks the community 65535:0: add `import filter {{ \
                     bgp_community.add((65535,0)); accept; }};` to its channel"
                ));
            }
        }
    }
    SeenRoute { level, exported_to: Some(exported_to), trouble: None }
}

/// Why no peer is told a route.
fn untold(protocol: &str, peers: &[Peer]) -> String {
    let established: Vec<&str> =
        peers.iter().filter(|peer| peer.established).map(|peer| peer.name.as_str()).collect();
    if peers.is_empty() {
        "BIRD has no BGP protocol that could tell it anybody: add one".to_owned()
    } else if established.is_empty() {
        let names = listed(peers.iter().map(|peer| peer.name.as_str()));
        format!("nobody is told: no BGP session is established, of {names}")
    } else {
        let names = listed(established.into_iter());
        format!(
            "nobody is told: the channels and export filters of {names} must let the routes of protocol {protocol} pass"
        )
    }
}

fn peer(protocol: &Protocol) -> Peer {
    let Protocol { name, state, since, info, session, address, asn, last_error, .. } = protocol;
    let session = session.as_ref().filter(|session| !session.is_empty()).unwrap_or(state);
    let established = session == "Established";
    // What ended the session before this one is not a complaint.
    let error = last_error.clone().or_else(|| (!info.is_empty() && info != session).then(|| info.clone()));
    Peer {
        name: name.clone(),
        address: *address,
        asn: *asn,
        established,
        state: session.clone(),
        since: since.clone(),
        error: error.filter(|_| !established),
    }
}
