//! The weights a slot table is made with: those of the site, and what slow start and load make of them.

/// The whole of a weight, in per mille.
pub const WHOLE: u16 = 1000;

/// The factor of a backend to which both apply, in per mille. Never 0: who is to get nothing is not in the table.
pub fn both(one: u16, other: u16) -> u16 {
    let product = u32::from(one) * u32::from(other) / u32::from(WHOLE);
    u16::try_from(product).unwrap_or(u16::MAX).max(1)
}

/// For each backend, given its weight of the site and its factor in per mille, its weight in the table.
///
/// A table depends on nothing but the weights' ratios. So where all factors are the same the weights of the site come out,
/// and with them the table that every host makes which knows nothing of factors. None becomes 0 that was not.
pub fn apply(backends: &[(u32, u16)]) -> Vec<u32> {
    let first = backends.first().map(|(_, factor)| *factor);
    if backends.iter().all(|(_, factor)| Some(*factor) == first) {
        return backends.iter().map(|(weight, _)| *weight).collect();
    }
    let product = |&(weight, factor): &(u32, u16)| u64::from(weight) * u64::from(factor);
    // Of the largest weights the last bits are given up.
    let largest = backends.iter().map(product).max().unwrap_or_default();
    let shift = (u64::BITS - largest.leading_zeros()).saturating_sub(u32::BITS);
    let scale = |backend: &(u32, u16)| {
        let least = u32::from(product(backend) > 0);
        u32::try_from(product(backend) >> shift).unwrap_or(u32::MAX).max(least)
    };
    backends.iter().map(scale).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::maglev::{Member, table};

    fn slots(weights: &[u32]) -> Vec<u16> {
        let addresses = (0x0a00_0001..).map(Ipv4Addr::from_bits);
        let members: Vec<Member> =
            addresses.zip(weights).map(|(address, &weight)| Member::new(address.into(), weight)).collect();
        table(&members, 1021, 7).unwrap()
    }

    #[test]
    fn factors_multiply() {
        assert_eq!(apply(&[]), [0; 0]);
        assert_eq!(apply(&[(3, 400), (5, 400)]), [3, 5]);
        assert_eq!(apply(&[(3, 1000), (5, 400)]), [3000, 2000]);
        assert_eq!(
            apply(&[(u32::MAX, 1000), (1, 999), (0, 1)]),
            [((u64::from(u32::MAX) * 1000) >> 10) as u32, 1, 0]
        );
        assert_eq!(
            [both(1000, 700), both(500, 500), both(1, 1), both(u16::MAX, u16::MAX)],
            [700, 250, 1, u16::MAX]
        );
    }

    proptest! {
        #[test]
        fn whole_factors_change_no_table(weights in vec(1_u32..100, 1..40)) {
            let thousandfold: Vec<u32> = weights.iter().map(|weight| weight * 1000).collect();
            prop_assert_eq!(slots(&thousandfold), slots(&weights));
        }

        #[test]
        fn ratios_stay(backends in vec((1_u32.., 1_u16..4000), 2..20)) {
            let weights = apply(&backends);
            let share = |weights: &mut dyn Iterator<Item = f64>| {
                let weights: Vec<f64> = weights.collect();
                let sum: f64 = weights.iter().sum();
                weights.into_iter().map(|weight| weight / sum).collect::<Vec<f64>>()
            };
            let exact = share(&mut backends.iter().map(|&(weight, factor)| f64::from(weight) * f64::from(factor)));
            let found = share(&mut weights.iter().map(|&weight| f64::from(weight)));
            for (exact, found) in exact.iter().zip(&found) {
                prop_assert!((exact - found).abs() < 1e-8, "{} {}", exact, found);
            }
            prop_assert!(weights.iter().all(|weight| *weight > 0));
        }
    }
}
