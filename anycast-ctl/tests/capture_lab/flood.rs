//! A flood that is captured without a limit.

use anycast_common::tap::RING_BYTES;

use crate::{
    edge::{Edge, interrupt},
    generator::{self, Flood},
    held::Held,
};
use std::{thread, time::Duration};
use xtask::lab::Family;

/// Sessions share the queue and the cores with the flood: what is lost there comes late, but must come.
const SILENCE: [(Family, Duration); 2] =
    [(Family::V4, Duration::from_secs(20)), (Family::V6, Duration::from_secs(20))];

#[test]
fn a_full_buffer_never_holds_up_sessions() {
    let edge = Edge::start(2);
    let held = Held::open(&edge.host, 20);
    let mut capture = edge.capture("--json --limit 0 --snaplen 2048 -w /dev/null");
    let flood = Flood::start(&edge.host.lab, generator::syn(&edge.host.lab));
    thread::sleep(Duration::from_secs(5));
    held.assert_open();
    let report = flood.finish(&edge.host.lab);
    println!("{report}");
    held.finish(SILENCE);
    let counts = interrupt(&mut capture).counts();
    println!("{counts:?}");
    // Every packet of the flood was looked at; most were too many for the buffer or for whoever read.
    assert!(report.steered > u64::from(RING_BYTES) / 1024, "{report}");
    assert!(counts.matched >= report.steered, "{counts:?} {report}");
    assert!(counts.lost + counts.overrun > 0, "{counts:?}");
    assert!(counts.written > 0, "{counts:?}");
    edge.wait_for("nobody captures", |edge| edge.captures().is_empty());
}
