//! Packets of any shape to a pool with nobody left.

use anycast_common::{reason::Reason, slot::Slot};
use anycast_ctl::model::OnEmpty;

use super::*;
use crate::{decode::decode, rows::empty};

/// As [`super::run`], for each policy of a pool whose slots nobody owns.
fn run_each<S: Strategy>(
    cases: u32,
    strategy: impl Fn() -> S,
    test: impl Fn(&mut Harness, &State, S::Value) -> Result<(), String>,
) {
    for policy in [OnEmpty::Drop, OnEmpty::Pass, OnEmpty::Reset] {
        let state = State { slot: Some(Slot::EMPTY), ..empty::on_empty(policy) };
        run(cases, strategy(), |harness, value| test(harness, &state, value));
    }
}

#[test]
fn valid_packets_to_nobody_become_what_the_policy_says() {
    run_each(700, packet, |harness, state, packet| {
        let is_rst = matches!(&packet.l4, L4::Tcp(tcp) if tcp.rst);
        let is_udp = matches!(packet.l4, L4::Udp(..));
        let is_v6 = packet.destination.is_ipv6();
        let has_more = if is_v6 { !packet.extensions.is_empty() } else { !packet.options.is_empty() };
        let expect = if state.on_empty == OnEmpty::Reset && (is_rst || (is_udp && has_more)) {
            Expect::Refused(Reason::NoBackend)
        } else {
            empty::outcome(state.on_empty, &packet)
        };
        check_but_details(harness, &row("random packet", *state, packet, expect))
    });
}

/// One outcome of those there are for a policy; nothing changed unless answered; and no answer that is malformed.
#[test]
fn mutated_packets_to_nobody_have_one_outcome() {
    let cases = || (packet(), vec((any::<Index>(), any::<u8>()), 1..6), any::<Index>(), any::<bool>());
    run_each(1000, cases, |harness, state, (packet, edits, cut, cuts)| {
        let mut frame = packet.bytes();
        for (place, byte) in edits {
            let reach = frame.len().min(100);
            frame[place.index(reach)] = byte;
        }
        if cuts {
            let length = 14 + cut.index(frame.len() - 14);
            frame.truncate(length);
        }
        let observed = judge(harness, &frame, state)?;
        let foreign: &[&str] = match state.on_empty {
            OnEmpty::Drop => &["empty_passed", "empty_reset", "empty_unreachable"],
            OnEmpty::Pass => &["no_backend", "empty_reset", "empty_unreachable"],
            OnEmpty::Reset => &["empty_passed"],
        };
        let counted = |labels: &[&str]| observed.delta.reasons.keys().any(|key| labels.contains(&key.1));
        let text = || format!("{:?}: {:?}\n{frame:02x?}", state.on_empty, observed.delta);
        if counted(foreign) {
            return Err(format!("of another policy: {}", text()));
        }
        let is_answer = counted(&["empty_reset", "empty_unreachable"]);
        let mut wrong = if is_answer { decode(&observed.output).wrong } else { Vec::new() };
        // What is quoted is as it came.
        wrong.retain(|what| !what.contains("quote"));
        if wrong.is_empty() { Ok(()) } else { Err(format!("{wrong:?}: {}", text())) }
    });
}
