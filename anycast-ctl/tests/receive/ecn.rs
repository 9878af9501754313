//! The ECN field at the end of a tunnel: RFC 6040 section 4.2, every combination.

use anycast_common::receive::Outcome;

use crate::{
    decapsulate::{every_kind, outcome},
    harness::{Harness, Row},
    packet::Tunnel,
    verify::check,
};

const NOT_ECT: u8 = 0b00;
const ECT_1: u8 = 0b01;
const ECT_0: u8 = 0b10;
const CE: u8 = 0b11;

/// Figure 4, row by row: the inner field, then what comes out for an outer Not-ECT, ECT(0), ECT(1) and CE.
const FIGURE_4: [(u8, [Option<u8>; 4]); 4] = [
    (NOT_ECT, [Some(NOT_ECT), Some(NOT_ECT), Some(NOT_ECT), None]),
    (ECT_0, [Some(ECT_0), Some(ECT_0), Some(ECT_1), Some(CE)]),
    (ECT_1, [Some(ECT_1), Some(ECT_1), Some(ECT_1), Some(CE)]),
    (CE, [Some(CE), Some(CE), Some(CE), Some(CE)]),
];

#[test]
fn marks_of_the_way_reach_the_packet_inside() {
    let mut rows = Vec::new();
    for (name, tunnel) in every_kind() {
        for (inner_ecn, results) in FIGURE_4 {
            for (outer_ecn, result) in [NOT_ECT, ECT_0, ECT_1, CE].into_iter().zip(results) {
                for tags in [&[][..], &[100]] {
                    let tunnel = Tunnel { inner_ecn, outer_ecn, tags, ..tunnel };
                    let name =
                        format!("{name}, inner {inner_ecn:#04b}, outer {outer_ecn:#04b}, tags {tags:?}");
                    rows.push(match result {
                        Some(ecn) => {
                            Row::inside(name, tunnel.bytes(), outcome(tunnel.carrier), tunnel.expected(ecn))
                        }
                        None => Row::unchanged(name, tunnel.bytes(), Outcome::Congestion),
                    });
                }
            }
        }
    }
    for row in rows.iter().filter(|row| row.outcome != Outcome::Congestion) {
        check(&row.name, &row.output);
    }
    Harness::new().run_all(&rows);
}

/// The header checksum is updated, not computed: for every DSCP and with carries at both ends.
#[test]
fn the_checksum_follows_the_mark() {
    let mut rows = Vec::new();
    for (name, tunnel) in every_kind() {
        for inner_dscp in 0..64 {
            for (inner_ecn, outer_ecn, ecn) in [(ECT_0, CE, CE), (ECT_1, CE, CE), (ECT_0, ECT_1, ECT_1)] {
                let tunnel =
                    Tunnel { inner_dscp, inner_ecn, outer_ecn, ttl: inner_dscp.wrapping_mul(4), ..tunnel };
                let name = format!("{name}, dscp {inner_dscp}, {inner_ecn} to {ecn}");
                rows.push(Row::inside(name, tunnel.bytes(), outcome(tunnel.carrier), tunnel.expected(ecn)));
            }
        }
    }
    Harness::new().run_all(&rows);
}
