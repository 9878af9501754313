//! A walk on a page, for people.

use super::{line::line, sentence::backend_name};
use crate::api::types::{
    ExplainedOwner, ExplainedPin, ExplainedSlot, ExplainedVip, Explanation, PacketChange, PacketLayer,
};

/// Everything, in the order in which the packet meets it; the sentence last.
pub fn page(explanation: &Explanation) -> String {
    let mut page = format!("PACKET {}\n", explanation.packet);
    page += &walk(explanation);
    page += &packet("CAME", &explanation.before.layers);
    if let Some(after) = &explanation.after {
        page += &packet("LEAVES", &after.layers);
        page += &changes(&explanation.changes);
    }
    page += &moves(explanation);
    for note in &explanation.notes {
        page += &format!("\nNote: {note}.\n");
    }
    page + &format!("\nIn one sentence: {}\n", explanation.sentence)
}

/// The steps.
fn walk(explanation: &Explanation) -> String {
    let Explanation { interface, outcome, reason, vip, flow, slot, pin, backend, why, delivery, .. } =
        explanation;
    let mut lines = vec![("in by", interface.clone())];
    lines.extend(vip.as_ref().map(|vip| ("vip", vip_line(vip))));
    if let Some(service) = vip.as_ref().and_then(|vip| vip.service) {
        lines.push(("service", service.to_string()));
    }
    lines.extend(flow.as_ref().map(|flow| ("flow", flow_line(flow))));
    if let Some(slot) = slot {
        lines.push(("flow hash", slot.hash.clone()));
        lines.push(("slot", slot_line(slot)));
    }
    lines.extend(pin.as_ref().map(|pin| ("pin", pin_line(pin))));
    lines.extend(why.as_ref().map(|why| ("why", format!("{}: {}", why.why, why.text))));
    if let Some(backend) = backend {
        let state = backend.state.map(|state| format!(", {}", state.label())).unwrap_or_default();
        let detail = backend.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        let usable = if backend.usable { "" } else { ", not usable" };
        lines.push(("backend", format!("{}{state}{usable}{detail}", backend_name(backend))));
    }
    if let Some(delivery) = delivery {
        let mut text = delivery.mode.clone();
        if let Some(interface) = &delivery.interface {
            text += &format!(" out of {interface}");
        }
        if let Some((source, destination)) =
            delivery.source_mac.as_ref().zip(delivery.destination_mac.as_ref())
        {
            text += &format!(", {source} > {destination}");
        }
        if let Some(mtu) = delivery.mtu {
            text += &format!(", packets up to {mtu} bytes");
        }
        lines.push(("delivery", text));
    }
    let verdict = match reason {
        Some(reason) => format!("{}, {}: {}", outcome.label(), reason.reason, reason.description),
        None => outcome.label().to_owned(),
    };
    lines.push(("verdict", verdict));
    lines.into_iter().map(|(title, text)| format!("  {title:<10} {text}\n")).collect()
}

fn vip_line(vip: &ExplainedVip) -> String {
    let address = vip.address.map(|address| format!(" ({address})")).unwrap_or_default();
    let pool = vip.pool.as_deref().map(|pool| format!(", pool {pool}")).unwrap_or_default();
    format!("{}{address}{pool}", vip.name)
}

fn flow_line(flow: &crate::api::types::ExplainedFlow) -> String {
    use std::net::SocketAddr;

    let source = SocketAddr::new(flow.source, flow.source_port);
    let destination = SocketAddr::new(flow.destination, flow.destination_port);
    let means = match flow.kind.as_str() {
        _ if flow.quoted => "which the packet is an error about",
        "opens" => "the packet opens it",
        "continues" => "the packet belongs to it",
        "ends" => "the packet ends it",
        "datagram" => "the packet stands alone",
        "pinned" => "the packet belongs to it, and it is remembered whatever the slot",
        "reports" => "the packet is an error about it",
        _ => "the packet is of it",
    };
    format!("{} {source} > {destination}, {means}", flow.protocol)
}

fn slot_line(slot: &ExplainedSlot) -> String {
    let name = |owner: &Option<ExplainedOwner>| {
        owner.as_ref().map_or_else(|| "nobody".to_owned(), |owner| owner.name.clone())
    };
    let ExplainedSlot { slot: number, slots, in_transition, current, base, .. } = slot;
    if *in_transition {
        format!("{number} of {slots}, in transition: current {}, base {}", name(current), name(base))
    } else {
        format!("{number} of {slots}, stable: {}", name(current))
    }
}

fn pin_line(pin: &ExplainedPin) -> String {
    let ExplainedPin { map, backend, idle_seconds, void } = pin;
    let what = if map == "pins" { "pinned" } else { "embryonic" };
    let void = void.as_deref().map(|void| format!("; not followed: {void}")).unwrap_or_default();
    format!("{what} to {}, last packet {idle_seconds} s ago{void}", backend.name)
}

fn packet(title: &str, layers: &[PacketLayer]) -> String {
    let mut text = format!("\n{title}\n");
    let width = layers.iter().map(|layer| layer.layer.len()).max().unwrap_or_default();
    for layer in layers {
        text += &format!("  {:<width$}  {}\n", layer.layer, line(layer));
    }
    text
}

fn changes(changes: &[PacketChange]) -> String {
    if changes.is_empty() {
        return "\nCHANGED nothing\n".to_owned();
    }
    let mut text = "\nCHANGED\n".to_owned();
    for PacketChange { layer, field, before, after } in changes {
        text += &match (field, before, after) {
            (Some(field), before, after) => {
                let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
                format!("  {layer} {}: {} -> {}\n", field.replace('_', " "), side(before), side(after))
            }
            (None, None, Some(line)) => format!("  {layer} added: {line}\n"),
            (None, Some(line), _) => format!("  {layer} taken off: {line}\n"),
            (None, None, None) => String::new(),
        };
    }
    text
}

fn moves(explanation: &Explanation) -> String {
    let mut text = "\nWOULD COUNT AND REMEMBER (asking did not)\n".to_owned();
    for it in &explanation.counters {
        let of = match (&it.vip, &it.backend) {
            (Some(vip), Some(backend)) => format!(" of {vip}, {backend}"),
            (Some(vip), None) => format!(" of {vip}"),
            (None, _) => String::new(),
        };
        text += &format!("  {}{of}: +{}\n", it.counter, it.by);
    }
    for it in &explanation.effects {
        text += &format!("  {}\n", it.text);
    }
    text
}
