use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::{
    health::weight,
    maglev::{Member, table},
};

const fn ramp(seconds: u64, curve: Curve) -> Ramp {
    Ramp { period: Duration::from_secs(seconds), curve }
}

#[test]
fn a_ramp_is_ten_steps() {
    for (curve, shares) in [(Curve::Linear, LINEAR), (Curve::Aggressive, AGGRESSIVE)] {
        let ramp = ramp(90, curve);
        let mut at = Duration::ZERO;
        let mut seen = vec![(0, ramp.per_mille(at))];
        while let Some(next) = ramp.next_step(at) {
            assert!(next > at && ramp.per_mille(next - Duration::from_nanos(1)) == ramp.per_mille(at));
            at = next;
            seen.push((at.as_secs(), ramp.per_mille(at)));
        }
        assert_eq!(seen, (0..90).step_by(10).chain([90]).zip(shares).collect::<Vec<_>>());
    }
}

#[test]
fn aggressive_is_the_square_root() {
    for (linear, aggressive) in LINEAR.iter().zip(AGGRESSIVE) {
        assert_eq!(aggressive, (f64::from(*linear) / 1000.0).sqrt().mul_add(1000.0, 0.0).round() as u16);
    }
}

#[test]
fn no_period_is_no_ramp() {
    let ramp = ramp(0, Curve::Linear);
    assert_eq!((ramp.per_mille(Duration::ZERO), ramp.next_step(Duration::ZERO)), (WHOLE, None));
}

proptest! {
    #[test]
    fn shares_only_grow(period in any::<u64>(), aggressive in any::<bool>(), at in any::<u64>(), later in any::<u64>()) {
        let curve = if aggressive { Curve::Aggressive } else { Curve::Linear };
        for ramp in [Ramp { period: Duration::from_nanos(period), curve }, Ramp { period: Duration::MAX, curve }] {
            let (at, later) = (Duration::from_nanos(at.min(later)), Duration::from_nanos(at.max(later)));
            prop_assert!(0 < ramp.per_mille(at) && ramp.per_mille(at) <= ramp.per_mille(later));
            prop_assert!(ramp.per_mille(ramp.period) == WHOLE);
            prop_assert!(ramp.next_step(at).is_none_or(|next| at < next && next <= ramp.period));
        }
    }
}

/// Slots that change their owner over a ramp of the last of `backends`, as a multiple of those that one jump moves; and
/// in its greatest step.
fn moved(backends: u32, curve: Curve, slots: u32) -> (f64, f64) {
    let addresses: Vec<_> = (0..backends).map(|n| Ipv4Addr::from_bits(0x0a00_0001 + n)).collect();
    let owners = |last: u16| -> Vec<u16> {
        let mut backends = vec![(1, WHOLE); addresses.len()];
        if let Some(backend) = backends.last_mut() {
            backend.1 = last;
        }
        let weights = weight::apply(&backends);
        let with = addresses.iter().zip(&weights).take(if last == 0 { weights.len() - 1 } else { weights.len() });
        table(&with.map(|(at, &weight)| Member::new((*at).into(), weight)).collect::<Vec<_>>(), slots, 7).unwrap()
    };
    let differ = |one: &[u16], other: &[u16]| one.iter().zip(other).filter(|(one, other)| one != other).count();
    let ramp = ramp(60, curve);
    let (before, after) = (owners(0), owners(WHOLE));
    let mut at = Duration::ZERO;
    let mut steps = vec![before.clone(), owners(ramp.per_mille(at))];
    while let Some(next) = ramp.next_step(at) {
        at = next;
        steps.push(owners(ramp.per_mille(at)));
    }
    assert_eq!(steps.last(), Some(&after));
    let moves: Vec<usize> = steps.array_windows().map(|[one, other]| differ(one, other)).collect();
    let jump = differ(&before, &after) as f64;
    (moves.iter().sum::<usize>() as f64 / jump, moves.iter().copied().max().unwrap_or_default() as f64 / jump)
}

#[test]
fn a_ramp_moves_hardly_more_slots_than_one_jump() {
    for backends in [2, 3, 10, 30, 100] {
        for curve in [Curve::Linear, Curve::Aggressive] {
            let (all, greatest) = moved(backends, curve, 65_537);
            eprintln!("{backends} {curve}: {all:.3} {greatest:.3}");
        }
    }
}
