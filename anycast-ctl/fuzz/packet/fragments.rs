//! Fragments of one datagram, beside a list of all that came.

use std::ops::Range;

use anycast_common::fragment::{Arrival, Received};

/// Steps of 8 bytes that a datagram can have.
const STEPS: u16 = 1 << 13;

/// Each three bytes are a fragment: where it starts, from 1 on, and of how many steps.
pub fn check(input: &[u8]) {
    let Some((&first, rest)) = input.split_first() else { return };
    let first = 1 + u16::from(first);
    let mut received = Received::first(first);
    let mut came = Vec::from([Range { start: 0, end: first }]);
    // Two stretches are kept; what is said of a third is a guess.
    let mut is_exact = true;
    for &[high, low, steps] in rest.as_chunks().0 {
        let start = 1 + u16::from_be_bytes([high, low]) % (STEPS - 1);
        let stop = (start + 1 + u16::from(steps)).min(STEPS);
        let overlaps = came.iter().any(|it| start < it.end && it.start < stop);
        let follows = came.iter().any(|it| it.start < start && start <= it.end);
        let (next, arrival) = received.with(start, stop);
        match arrival {
            Arrival::Overlaps => assert!(overlaps, "{start}..{stop} overlaps nothing that came"),
            Arrival::Fits => assert!(follows, "{start}..{stop} fits nothing that came"),
            Arrival::LeavesGap => assert!(!is_exact || !follows, "{start}..{stop} leaves no gap"),
        }
        assert!(!is_exact || overlaps == (arrival == Arrival::Overlaps), "{start}..{stop}: {arrival:?}");
        if arrival != Arrival::Overlaps {
            add(&mut came, start..stop);
            received = next;
        }
        is_exact &= came.len() <= 2;
    }
}

/// Joined with the stretches that it overlaps or touches.
fn add(came: &mut Vec<Range<u16>>, mut range: Range<u16>) {
    came.retain(|it| {
        let touches = it.start <= range.end && range.start <= it.end;
        if touches {
            range = range.start.min(it.start)..range.end.max(it.end);
        }
        !touches
    });
    came.push(range);
}
