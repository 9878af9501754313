//! What would become of a packet: the loaded program is asked, and its numbers are given their names.

mod names;
mod steps;

use std::sync::{Arc, Mutex, PoisonError};

use anycast_common::{reason::Reason, reason::Verdict, walk::Walk};

use self::{names::Names, steps::Steps};
use super::Controller;
use crate::{
    api::{
        request::{Reply, RequestError},
        types::{ExplainedOutcome, ExplainedPacket, Explanation},
    },
    dataplane::{DataplaneError, TraceSource, Traced, Tracer},
    explain::{changes, decode, headline, page, sentence},
    model::Site,
};

/// Bytes of the shortest frame that the kernel runs a program on: an Ethernet header (`ETH_HLEN`, net/bpf/test_run.c).
const LEAST_FRAME_BYTES: usize = 14;

/// The program that notes what it does. It is loaded when it is first asked for, which takes as long as a start does.
#[derive(Default)]
pub(super) struct Asked {
    tracer: Mutex<Option<Tracer>>,
}

impl Asked {
    fn run(&self, source: &TraceSource, frame: &[u8], ifindex: u32) -> Result<Traced, DataplaneError> {
        let mut tracer = self.tracer.lock().unwrap_or_else(PoisonError::into_inner);
        let tracer = match &mut *tracer {
            Some(tracer) => tracer,
            none => none.insert(Tracer::load(source)?),
        };
        tracer.run(frame, ifindex)
    }
}

impl Controller {
    /// Answers on another thread: the controller goes on meanwhile.
    pub(super) fn explain(&self, interface: Option<String>, frame: Vec<u8>, reply: Reply<Explanation>) {
        let attached: Vec<(String, u32)> = self
            .dataplane
            .attachments()
            .iter()
            .map(|attachment| (attachment.interface.clone(), attachment.ifindex))
            .collect();
        let (names, asked) = (self.names_of_walks(), Arc::clone(&self.asked));
        let source = self.dataplane.trace_source();
        tokio::task::spawn_blocking(move || {
            let explained = ingress(interface, &attached, &names.site).and_then(|ingress| {
                explain(&names, |index| asked.run(&source, &frame, index), ingress, &frame)
            });
            drop(reply.send(explained));
        });
    }
}

/// Where a packet comes in.
struct Ingress {
    name: String,
    index: u32,
    is_attached: bool,
}

/// The interface that was named, or the first that the program is attached to, or would be.
fn ingress(wanted: Option<String>, attached: &[(String, u32)], site: &Site) -> Result<Ingress, RequestError> {
    let first = || attached.first().map(|(name, _)| name).or(site.interfaces.first()).cloned();
    let name = wanted.or_else(first).ok_or_else(|| {
        RequestError::Conflict(
            "the site has no interface that a packet could come in by: name one of this host's (--interface)"
                .to_owned(),
        )
    })?;
    if let Some((name, index)) = attached.iter().find(|(other, _)| *other == name) {
        return Ok(Ingress { name: name.clone(), index: *index, is_attached: true });
    }
    match nix::net::if_::if_nametoindex(name.as_str()) {
        Ok(index) => Ok(Ingress { name, index, is_attached: false }),
        Err(_) => Err(RequestError::NotFound(format!(
            "no interface of this host is called {}: `ip link` lists those there are",
            crate::spelling::quoted(&name)
        ))),
    }
}

fn explain(
    names: &Names,
    run: impl FnOnce(u32) -> Result<Traced, DataplaneError>,
    ingress: Ingress,
    frame: &[u8],
) -> Result<Explanation, RequestError> {
    if frame.len() < LEAST_FRAME_BYTES {
        return Err(RequestError::Invalid(format!(
            "a frame of {} bytes has no Ethernet header: {LEAST_FRAME_BYTES} are the least",
            frame.len()
        )));
    }
    let traced = run(ingress.index).map_err(|error| {
        RequestError::Internal(format!(
            "run the program on a frame of {} bytes that comes in by {}: {error}",
            frame.len(),
            ingress.name
        ))
    })?;
    Ok(told(names, &ingress, frame, &traced))
}

/// What a walk comes to, in names.
fn told(
    names: &Names,
    ingress: &Ingress,
    frame: &[u8],
    Traced { walk, frame: left }: &Traced,
) -> Explanation {
    let before = packet(frame);
    let outcome = outcome(walk);
    let leaves =
        matches!(outcome, ExplainedOutcome::Transmit | ExplainedOutcome::Redirect | ExplainedOutcome::Answer);
    let after = leaves.then(|| packet(left));
    let steps = Steps { names, walk };
    let vip = steps.vip();
    let backend = steps.backend();
    let mut explanation = Explanation {
        sentence: String::new(),
        text: String::new(),
        packet: headline(&before.layers),
        interface: ingress.name.clone(),
        outcome,
        reason: steps.reason(),
        flow: steps.flow(),
        slot: steps.slot(),
        pin: steps.pin(),
        why: steps.why(),
        delivery: steps.delivery(after.as_ref()),
        counters: steps.counters(vip.as_ref(), backend.as_ref()),
        effects: steps.effects(),
        changes: after.as_ref().map(|after| changes(&before.layers, &after.layers)).unwrap_or_default(),
        vip,
        backend,
        before,
        after,
        notes: steps.notes(),
    };
    if !ingress.is_attached {
        explanation.notes.push(format!(
            "the program is not attached to {}: no packet that comes in there meets it",
            ingress.name
        ));
    }
    explanation.sentence = sentence(&explanation);
    explanation.text = page(&explanation);
    explanation
}

fn packet(frame: &[u8]) -> ExplainedPacket {
    let hex = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    ExplainedPacket { hex, length: frame.len(), layers: decode(frame) }
}

/// `enum xdp_action`, include/uapi/linux/bpf.h.
const XDP_PASS: u32 = 2;
const XDP_REDIRECT: u32 = 4;

fn outcome(walk: &Walk) -> ExplainedOutcome {
    match reason(walk).map(Reason::verdict) {
        Some(Verdict::Pass) => ExplainedOutcome::Pass,
        Some(Verdict::Drop) => ExplainedOutcome::Drop,
        Some(Verdict::Answer) => ExplainedOutcome::Answer,
        None if walk.verdict == XDP_PASS => ExplainedOutcome::Local,
        None if walk.verdict == XDP_REDIRECT => ExplainedOutcome::Redirect,
        None => ExplainedOutcome::Transmit,
    }
}

/// Why it was not delivered.
fn reason(walk: &Walk) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.code() == walk.reason)
}
