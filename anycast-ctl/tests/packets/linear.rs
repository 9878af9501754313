//! The program for kernels without packets in several buffers, which any kernel loads.

use anycast_common::{backend::Backend, reason::Reason};

use crate::{
    harness::{BACKENDS, Harness, Outcome, backend},
    steer::{Shape, Transport, assert_delivered},
};

const VIPS: [(u16, &str); 2] = [(1, "192.0.2.1"), (2, "2001:db8:0:1::1")];

#[test]
fn the_linear_program_loads_and_delivers() {
    let mut harness = Harness::load(false);
    assert!(!harness.dataplane.takes_multi_buffer());
    assert_eq!(harness.dataplane.program_name(), "anycast_linear");
    for (vip, address) in VIPS {
        for (port, transport) in [(80, Transport::Syn), (80, Transport::Ack), (53, Transport::Udp)] {
            let shape = Shape::new(address, port, transport);
            assert_delivered(&mut harness, &format!("{address} {transport:?}"), &shape, vip);
        }
    }
    assert!(Harness::new().dataplane.takes_multi_buffer());
}

/// The one thing the two do differently: to ask how long a packet is.
#[test]
fn the_linear_program_cuts_its_answers_to_size() {
    let mut harness = Harness::load(false);
    for index in 0..BACKENDS {
        harness.dataplane.set_backend(index, Backend { mtu: 1300, ..backend(index) });
    }
    let payload = [b'x'; 1400];
    for ((vip, address), length) in VIPS.into_iter().zip([14 + 20 + 8 + 512, 14 + 1280]) {
        let packet = Shape { payload: &payload, ..Shape::new(address, 80, Transport::Ack) }.bytes();
        let outcome = harness.run(address, &packet);
        let Outcome::Answered { vip: counted, reason, packet } = outcome else {
            panic!("{address}: {outcome:?}")
        };
        assert_eq!((counted, reason, packet.len()), (vip, Reason::TooBigAnswered, length));
    }
}
