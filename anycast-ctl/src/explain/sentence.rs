//! A walk in one sentence, for a ticket.

use crate::api::types::{ExplainedBackend, ExplainedOutcome, Explanation};

/// What becomes of the packet and why. The text of the explanation itself is not looked at.
pub fn sentence(explanation: &Explanation) -> String {
    let Explanation { packet, interface, outcome, reason, vip, backend, why, delivery, .. } = explanation;
    let place = vip.as_ref().map_or_else(
        || format!("in by {interface}"),
        |vip| format!("for VIP {}, in by {interface}", vip.name),
    );
    let backend = backend.as_ref().map(backend_name).unwrap_or_default();
    let mode = delivery.as_ref().map(|delivery| delivery.mode.as_str()).unwrap_or_default();
    let egress = delivery.as_ref().and_then(|delivery| delivery.interface.as_deref()).unwrap_or(interface);
    let what = match outcome {
        ExplainedOutcome::Transmit | ExplainedOutcome::Redirect => {
            format!("goes to backend {backend} by {mode} out of {egress}")
        }
        ExplainedOutcome::Local => format!("goes to this host's own stack, which is backend {backend}"),
        ExplainedOutcome::Pass => "goes on to this host's stack as it came".to_owned(),
        ExplainedOutcome::Drop => "is dropped".to_owned(),
        ExplainedOutcome::Answer => "is answered from here".to_owned(),
    };
    let because = match (reason, why) {
        (Some(reason), _) => format!("{} ({})", decapitalized(&reason.description), reason.reason),
        (None, Some(why)) => why.text.clone(),
        (None, None) => return format!("{packet} ({place}) {what}."),
    };
    format!("{packet} ({place}) {what}: {because}.")
}

/// `web-2 (10.0.0.12) of pool web`.
pub fn backend_name(backend: &ExplainedBackend) -> String {
    let address = backend.address.map(|address| format!(" ({address})")).unwrap_or_default();
    let pool = backend.pool.as_deref().map(|pool| format!(" of pool {pool}")).unwrap_or_default();
    format!("{}{address}{pool}", backend.name)
}

/// A description as a part of a sentence.
fn decapitalized(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    let (first, second) = (chars.next(), chars.next());
    match first {
        // "ICMP" stays.
        Some(first) if second.is_none_or(char::is_lowercase) || second == Some(' ') => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        Some(_) | None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::decapitalized;

    #[test]
    fn descriptions_fit_into_sentences() {
        assert_eq!(decapitalized("The pool has no usable backend."), "the pool has no usable backend");
        assert_eq!(decapitalized("A fragment that fits no packet."), "a fragment that fits no packet");
        assert_eq!(decapitalized("ICMP or ICMPv6."), "ICMP or ICMPv6");
    }
}
