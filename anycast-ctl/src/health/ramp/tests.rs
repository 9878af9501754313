use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::{
    health::weight,
    maglev::{Member, table},
};

const fn ramp(seconds: u64, curve: RampCurve) -> Ramp {
    Ramp { period: Duration::from_secs(seconds), curve }
}

#[test]
fn a_ramp_is_ten_steps() {
    for (curve, shares) in [(RampCurve::Linear, LINEAR), (RampCurve::Aggressive, AGGRESSIVE)] {
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
    let ramp = ramp(0, RampCurve::Linear);
    assert_eq!((ramp.per_mille(Duration::ZERO), ramp.next_step(Duration::ZERO)), (WHOLE, None));
}

proptest! {
    #[test]
    fn shares_only_grow(period in any::<u64>(), aggressive in any::<bool>(), at in any::<u64>(), later in any::<u64>()) {
        let curve = if aggressive { RampCurve::Aggressive } else { RampCurve::Linear };
        for ramp in [Ramp { period: Duration::from_nanos(period), curve }, Ramp { period: Duration::MAX, curve }] {
            let (at, later) = (Duration::from_nanos(at.min(later)), Duration::from_nanos(at.max(later)));
            prop_assert!(0 < ramp.per_mille(at) && ramp.per_mille(at) <= ramp.per_mille(later));
            prop_assert!(ramp.per_mille(ramp.period) == WHOLE);
            prop_assert!(ramp.next_step(at).is_none_or(|next| at < next && next <= ramp.period));
        }
    }
}

/// Slots of 65,537 that change their owner when the last of `backends` comes: in one jump, and in each step of a ramp.
fn moved(backends: u32, curve: RampCurve) -> (usize, Vec<usize>) {
    let addresses: Vec<_> = (0..backends).map(|n| Ipv4Addr::from_bits(0x0a00_0001 + n)).collect();
    let owners = |last: Option<u16>| -> Vec<u16> {
        let others = vec![(1, WHOLE); addresses.len() - 1];
        let weights = weight::apply(&[others, last.map(|last| (1, last)).into_iter().collect()].concat());
        let members = addresses.iter().zip(&weights).map(|(at, &weight)| Member::new((*at).into(), weight));
        table(&members.collect::<Vec<_>>(), 65_537, 7).unwrap()
    };
    let differ =
        |one: &[u16], other: &[u16]| one.iter().zip(other).filter(|(one, other)| one != other).count();
    let ramp = ramp(60, curve);
    let mut at = Duration::ZERO;
    let mut steps = vec![owners(None), owners(Some(ramp.per_mille(at)))];
    while let Some(next) = ramp.next_step(at) {
        at = next;
        steps.push(owners(Some(ramp.per_mille(at))));
    }
    let jump = differ(&steps[0], steps.last().unwrap());
    (jump, steps.array_windows().map(|[one, other]| differ(one, other)).collect())
}

#[test]
fn what_a_ramp_moves_is_as_documented() {
    // Backends; percent of the pool's slots that a jump moves, that the whole ramp does, and its greatest step.
    for (backends, linear, aggressive) in [
        (2, [50.0, 50.0, 9.1], [50.0, 50.0, 24.0]),
        (3, [33.4, 33.6, 4.8], [33.4, 33.6, 13.7]),
        (10, [10.2, 11.0, 1.2], [10.2, 11.1, 3.6]),
        (30, [3.7, 5.2, 0.5], [3.7, 5.0, 1.3]),
        (100, [1.6, 4.2, 0.5], [1.6, 4.0, 0.7]),
    ] {
        for (curve, expected) in [(RampCurve::Linear, linear), (RampCurve::Aggressive, aggressive)] {
            let (jump, steps) = moved(backends, curve);
            let figures = [jump, steps.iter().sum(), steps.iter().copied().max().unwrap()];
            let percent = figures.map(|slots| (slots as f64 / 65_537.0 * 1000.0).round() / 10.0);
            assert_eq!(percent, expected, "{backends} {curve}");
        }
    }
}
