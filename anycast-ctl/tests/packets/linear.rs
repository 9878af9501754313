//! The program for kernels without packets in several buffers, which any kernel loads.

use crate::{
    harness::Harness,
    packet::{BOTH, syn, tcp, udp},
    rows::{empty, too_big::answer},
    site::{L2, State},
    table::{Expect, check, row},
};

use anycast_common::{reason::Reason, slot::Slot};
use anycast_ctl::model::OnEmpty;

#[test]
fn the_linear_program_loads_and_delivers() {
    let mut harness = Harness::linear();
    assert!(!harness.dataplane.takes_multi_buffer());
    assert_eq!(harness.dataplane.program_name(), "anycast_linear");
    let rows: Vec<_> = BOTH
        .into_iter()
        .flat_map(|vip| [syn(vip), tcp(vip), udp(vip)].map(|packet| row(vip, L2, packet, Expect::Delivered)))
        .collect();
    check(&mut harness, &rows);
    assert!(Harness::new().dataplane.takes_multi_buffer());
}

/// The one thing the two do differently: to ask how long a packet is.
#[test]
fn the_linear_program_cuts_its_answers_to_size() {
    let state = State { mtu: 1300, ..L2 };
    let rows = BOTH.map(|vip| {
        let packet = crate::packet::Packet { dont_fragment: true, ..tcp(vip) }.of_length(1400);
        let told = Expect::Answered(Reason::TooBigAnswered, Box::new(answer(&packet, state.mtu)));
        row(vip, state, packet, told)
    });
    check(&mut Harness::linear(), &rows);
    let state = State { slot: Some(Slot::EMPTY), ..empty::on_empty(OnEmpty::Reset) };
    let refused = BOTH.into_iter().flat_map(|vip| [syn(vip), udp(vip)]).map(|packet| {
        let expect = empty::outcome(OnEmpty::Reset, &packet);
        row(format!("{} {}", packet.destination, packet.protocol()), state, packet, expect)
    });
    check(&mut Harness::linear(), &refused.collect::<Vec<_>>());
}
