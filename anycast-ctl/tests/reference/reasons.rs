//! docs/reference/reasons.md: every label under which packets are counted, what becomes of them, and what to do about it.

mod advice;

use anycast_common::{detail::Detail, probe, reason::Reason, receive};

use crate::{
    hold,
    page::{Page, code},
};

const COLUMNS: [&str; 5] = ["code:", "label", "the packet", "meaning", "what to do"];

#[test]
fn reasons_are_as_the_page_has_them() {
    let mut page =
        Page::new("Reasons", "the lists in `anycast-common/src` and `anycast-ctl/tests/reference/reasons`");
    page.block(
        "Every label under which packets are counted. Codes are numbered once and never reused, as places of counters in \
         maps; labels are those of `anycast-ctl status`, `explain`, `capture`, events and metrics. Where in the walk each \
         stands is in the [packet walk](../packet-walk.md).",
    );
    page.heading(2, "Why a packet was not delivered");
    page.block(
        "A packet to a VIP changes either the traffic counter of its (VIP, backend) pair or exactly one of these. `not_ip` and \
         `not_vip` are counted for the host, all others for their VIP. `anycast-ctl status` lists those that are not zero, \
         `anycast-ctl watch --packets 1` shows samples, and the metric is `anycast_undelivered_packets_total`.",
    );
    page.table(
        COLUMNS,
        Reason::ALL.iter().map(|reason| {
            let effect = match reason.verdict() {
                anycast_common::reason::Verdict::Pass => "pass: this host's stack gets it, unchanged",
                anycast_common::reason::Verdict::Drop => "drop: gone",
                anycast_common::reason::Verdict::Answer => "answer: its sender gets one from here",
            };
            counted(reason.code(), reason.label(), effect, reason.description(), advice::reason(*reason))
        }),
    );
    page.heading(2, "Details");
    page.block(
        "Counted beside the outcome, for the packet's VIP, because it says how the packet came to it; whatever became of the \
         packet. The metric is `anycast_vip_detail_packets_total`.",
    );
    page.table(
        ["code:", "label", "meaning", "what to do"],
        Detail::ALL.iter().map(|detail| {
            let (code_, label) = (detail.code().to_string(), code(detail.label()));
            [code_, label, detail.description().to_owned(), advice::detail(*detail).to_owned()]
        }),
    );
    page.heading(2, "On a backend: `anycast-ctl receive`");
    page.block(
        "What a packet came to at the backend's end of a tunnel: each changes exactly one. `anycast-ctl receive status` shows \
         them. [Backends](../backends.md) has the rest.",
    );
    page.table(
        COLUMNS,
        receive::Outcome::ALL.iter().map(|outcome| {
            let effect = match outcome.verdict() {
                receive::Verdict::Pass => "pass: the stack gets it, unchanged",
                receive::Verdict::Decapsulate => "decapsulate: the stack gets the packet inside",
                receive::Verdict::Drop => "drop: gone",
            };
            counted(outcome.code(), outcome.label(), effect, outcome.description(), advice::receive(*outcome))
        }),
    );
    page.heading(2, "Of checks through the dataplane");
    page.block(
        "What became of a packet that a check with `via = \"vip\"` sent: each changes exactly one. They are in the map \
         `OUTCOMES` of the program `probe`. [Checks through the dataplane](../check-path.md) has the rest.",
    );
    page.table(
        COLUMNS,
        probe::Outcome::ALL.iter().map(|outcome| {
            let effect = match outcome.verdict() {
                probe::Verdict::Redirect => "redirect: it leaves by the backend's interface",
                probe::Verdict::Pass => "pass: this host's stack gets it",
                probe::Verdict::Drop => "drop: gone",
            };
            counted(outcome.code(), outcome.label(), effect, outcome.description(), advice::probe(*outcome))
        }),
    );
    hold("reasons.md", page);
}

fn counted(number: u32, label: &str, effect: &str, meaning: &str, advice: &str) -> [String; 5] {
    [number.to_string(), code(label), effect.to_owned(), meaning.to_owned(), advice.to_owned()]
}
