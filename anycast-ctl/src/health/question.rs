//! One question, put. A check is put to every address that it is for: the backend passes if all of them do.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use futures_util::future::join_all;

use super::{
    agent,
    engine::{Answer, Asked},
    load::LoadReport,
    probe::{self, Context, Finding, Outcome, Target},
    spec::Spec,
};
use crate::model::{Feedback, FeedbackKind};

/// Puts a question, and waits for its answer.
pub async fn put(asked: &Asked, context: &Context) -> Answer {
    match asked {
        Asked::Check(spec, targets) => Answer::Check(check(spec, targets, context).await),
        Asked::Load(feedback, target) => Answer::Load(load(feedback, target, context).await),
    }
}

async fn load(feedback: &Feedback, target: &Target, context: &Context) -> Result<LoadReport, String> {
    match feedback.kind {
        FeedbackKind::Http => {
            let path = feedback.path.as_deref().unwrap_or("/");
            probe::fetch_load(target, path, feedback.timeout, context).await.map(LoadReport::Load)
        }
        FeedbackKind::Agent => {
            let line = probe::fetch_agent(target, feedback.timeout, context).await?;
            let reply = agent::parse(format!("{}\n", line.trim_end_matches(['\r', '\n'])).as_bytes());
            reply.map(LoadReport::Agent).map_err(|error| error.to_string())
        }
    }
}

async fn check(spec: &Spec, targets: &[(String, Target)], context: &Context) -> Outcome {
    let asked = targets.iter().map(|(vip, target)| async move {
        let outcome = match with_source(target) {
            Ok(target) => {
                probe::probe(&spec.probe, spec.full_size, &target, spec.rhythm.timeout, context).await
            }
            Err(detail) => Outcome { finding: Finding::Inconclusive, latency: Duration::ZERO, detail },
        };
        (vip, outcome)
    });
    let outcomes = join_all(asked).await;
    let latency = outcomes.iter().map(|(_, outcome)| outcome.latency).max().unwrap_or_default();
    let worst = outcomes.into_iter().max_by_key(|(_, outcome)| rank(outcome.finding));
    let Some((vip, outcome)) = worst else {
        let detail = "there is nobody to ask".to_owned();
        return Outcome { finding: Finding::Inconclusive, latency, detail };
    };
    let detail = match outcome.finding {
        Finding::Failed | Finding::Inconclusive if targets.len() > 1 => {
            format!("VIP {vip}: {}", outcome.detail)
        }
        Finding::Passed | Finding::Drain | Finding::Failed | Finding::Inconclusive => outcome.detail,
    };
    Outcome { finding: outcome.finding, latency, detail }
}

/// What speaks for all, when findings differ.
const fn rank(finding: Finding) -> u8 {
    match finding {
        Finding::Passed => 0,
        Finding::Drain => 1,
        Finding::Inconclusive => 2,
        Finding::Failed => 3,
    }
}

/// A marked packet's route is no route, so that the kernel would take the VIP for its source. Without another one: the address
/// that the way to the VIP, or to anywhere, would have.
fn with_source(target: &Target) -> Result<Target, String> {
    if target.source.is_some() || target.mark.is_none() {
        return Ok(target.clone());
    }
    let elsewhere: IpAddr = match target.address {
        // Documentation prefixes (RFC 5737, RFC 3849): routed as whatever has no route of its own. Nothing is sent there.
        IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, 254).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0xfffe).into(),
    };
    let is_own =
        |source: &IpAddr| *source != target.address && !source.is_loopback() && !source.is_unspecified();
    let source =
        [target.address, elsewhere].into_iter().filter_map(|it| source_towards(it).ok()).find(is_own);
    source.map(|source| Target { source: Some(source), ..target.clone() }).ok_or_else(|| {
        let family = if target.address.is_ipv4() { "IPv4" } else { "IPv6" };
        format!("this host has no {family} address to ask {} from: give `source`", target.address)
    })
}

/// The source address of packets to an address. Connecting a datagram socket sends nothing.
fn source_towards(address: IpAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect((address, 9))?;
    socket.local_addr().map(|local| local.ip())
}
