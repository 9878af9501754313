//! Prime numbers, which slot tables need.

/// Whether `n` is prime. At most some 22,000 divisions, 20 µs.
pub fn is_prime(n: u32) -> bool {
    match n {
        0 | 1 => false,
        2 | 3 => true,
        // Every other prime is 6k ± 1. The square is taken in 64 bits: near 2^32 it does not fit 32.
        _ => {
            !n.is_multiple_of(2)
                && !n.is_multiple_of(3)
                && (5..)
                    .step_by(6)
                    .take_while(|&d: &u32| u64::from(d) * u64::from(d) <= u64::from(n))
                    .all(|d| !n.is_multiple_of(d) && !n.is_multiple_of(d + 2))
        }
    }
}

/// The least prime that is at least `n`; none from 4,294,967,292 on.
pub fn next_prime(n: u32) -> Option<u32> {
    (n..=u32::MAX).find(|&candidate| is_prime(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_sieve() {
        let mut composite = vec![false; 100_000];
        for n in 2..composite.len() {
            assert_eq!(is_prime(n as u32), !composite[n], "{n}");
            (n * n..composite.len()).step_by(n).for_each(|multiple| composite[multiple] = true);
        }
        assert!(!is_prime(0) && !is_prime(1));
    }

    #[test]
    fn holds_to_the_end_of_the_range() {
        assert!(is_prime(65_537) && is_prime(8_388_593) && is_prime(4_294_967_291));
        assert!(!is_prime(4_294_967_295));
        // 65,521 is the greatest prime below 2^16: its square is the worst case.
        assert!(!is_prime(65_521 * 65_521));
    }

    #[test]
    fn next_prime_is_the_least_from_there_on() {
        assert_eq!(next_prime(0), Some(2));
        assert_eq!(next_prime(65_536), Some(65_537));
        assert_eq!(next_prime(65_537), Some(65_537));
        assert_eq!(next_prime(4_294_967_291), Some(4_294_967_291));
        assert_eq!(next_prime(4_294_967_292), None);
    }
}
