//! Random packets through both programs.

use proptest::prelude::*;
use xtask::share::share;

use super::tapper::{EVERYTHING, Tapper};
use crate::{
    harness::Harness,
    packet::{BOTH, Packet, tcp, udp},
    site::{L2, State, TUNNELS},
};

/// A packet that is often bent out of shape, and the way to its backend.
fn packet() -> impl Strategy<Value = (Vec<u8>, State)> {
    let vips = prop::sample::select(vec![BOTH[0], BOTH[1], "192.0.2.200", "192.0.2.5", "192.0.2.9"]);
    let edit = (0_usize..80, any::<u8>());
    let shape = (0_usize..1600, 0_u8..4, any::<u16>(), prop::collection::vec(edit, 0..3));
    let ways = prop::sample::select(vec![
        None,
        Some(TUNNELS[0]),
        Some(TUNNELS[1]),
        Some(TUNNELS[2]),
        Some(TUNNELS[3]),
    ]);
    (vips, any::<bool>(), shape, ways).prop_map(|(vip, is_tcp, (size, hops, id, edits), way)| {
        let packet = if is_tcp { tcp(vip) } else { udp(vip) };
        let packet = Packet { payload: vec![1; size], hop_limit: hops, identification: id, ..packet };
        let mut bytes = packet.bytes();
        for (at, value) in edits {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        (bytes, State { delivery: way, mtu: 1400, ..L2 })
    })
}

#[test]
fn the_program_that_shows_packets_does_what_the_other_one_does() {
    let mut harness = Harness::lean();
    let mut tapper = Tapper::load(&harness);
    tapper.on(&[EVERYTHING]);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: share(2000),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let test = |(bytes, state): (Vec<u8>, State)| {
        harness.set(&state);
        harness.delta();
        let (verdict, frame) = harness.execute(&bytes);
        let counted = harness.delta();
        let (tapped_verdict, tapped_frame) = tapper.run(&bytes);
        let tapped_counted = harness.delta();
        prop_assert_eq!(verdict, tapped_verdict);
        prop_assert_eq!(&frame, &tapped_frame);
        prop_assert_eq!(counted, tapped_counted);
        let shown = tapper.shown();
        prop_assert_eq!(&shown[0].1, &bytes);
        prop_assert_eq!(shown[0].0.walk.verdict, verdict);
        // Transmitted or redirected.
        if verdict >= 3 {
            prop_assert_eq!(&shown[1].1, &frame);
        } else {
            prop_assert_eq!(shown.len(), 1);
        }
        Ok(())
    };
    let test = std::cell::RefCell::new(test);
    if let Err(error) = runner.run(&packet(), |value| (test.borrow_mut())(value)) {
        panic!("{error}");
    }
}
