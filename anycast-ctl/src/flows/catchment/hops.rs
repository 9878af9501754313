//! Hops from what is left of the TTL.

/// What senders begin with: Unix and its like, Windows, and some routers and appliances.
const INITIAL: [u8; 3] = [64, 128, 255];

/// Routers that a packet with that TTL passed on its way here, if it began with the next of the usual ones above.
pub fn taken(hop_limit: u8) -> u32 {
    let initial = INITIAL.into_iter().find(|initial| *initial >= hop_limit).unwrap_or(u8::MAX);
    u32::from(initial - hop_limit)
}

#[cfg(test)]
mod tests {
    use super::taken;

    #[test]
    fn the_next_usual_ttl_is_taken_for_the_first() {
        let cases = [
            (64, 0),
            (57, 7),
            (1, 63),
            (0, 64),
            (65, 63),
            (128, 0),
            (116, 12),
            (129, 126),
            (255, 0),
            (240, 15),
        ];
        for (hop_limit, hops) in cases {
            assert_eq!(taken(hop_limit), hops, "{hop_limit}");
        }
    }
}
