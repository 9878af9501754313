//! What routes did, of every change that transit's kernel told of: whether they moved once, or came and went.

use std::{collections::BTreeMap, net::IpAddr, time::Instant};

use crate::lab::sites::{Change, Edges};

/// Changes in a time in which each edge's routes were to come or to go once, or to stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// How many there were.
    pub changes: usize,
    /// Those that left a VIP without any route.
    pub gaps: usize,
    /// Edges, with the VIP, whose route came or went more than once.
    pub flaps: Vec<(String, IpAddr)>,
}

impl Moves {
    /// Those since that moment, of all changes in order.
    pub fn since(changes: &[Change], moment: Instant) -> Self {
        let mut moves = Self::default();
        let mut led: BTreeMap<IpAddr, &Edges> = BTreeMap::new();
        let mut turns: BTreeMap<(&String, IpAddr), usize> = BTreeMap::new();
        for Change { at, vip, edges } in changes {
            let before = led.insert(*vip, edges);
            if *at < moment || before == Some(edges) {
                continue;
            }
            moves.changes += 1;
            moves.gaps += usize::from(edges.is_empty());
            for edge in before.into_iter().flat_map(|before| before.symmetric_difference(edges)) {
                *turns.entry((edge, *vip)).or_default() += 1;
            }
        }
        let flapped = turns.into_iter().filter(|(_, turns)| *turns > 1);
        moves.flaps = flapped.map(|((edge, vip), _)| (edge.clone(), vip)).collect();
        moves
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lab::sites::edges;

    fn changes(sets: &[&[&str]]) -> (Instant, Vec<Change>) {
        let start = Instant::now();
        let change = |(number, set): (u32, &&[&str])| Change {
            at: start + number * Duration::from_secs(1),
            vip: "192.0.2.1".parse().unwrap(),
            edges: edges(set),
        };
        (start + Duration::from_millis(500), (0..).zip(sets).map(change).collect())
    }

    #[test]
    fn a_site_that_leaves_edge_by_edge_does_not_flap() {
        let (moment, changes) = changes(&[&["a1", "a2"], &["a2"], &["b1", "b2"]]);
        assert_eq!(Moves::since(&changes, moment), Moves { changes: 2, ..Moves::default() });
    }

    #[test]
    fn an_edge_that_comes_back_flaps_and_nobody_at_all_is_a_gap() {
        let (moment, changes) = changes(&[&["a1", "a2"], &["a2"], &["a1", "a2"], &[], &["b1"]]);
        let moves = Moves::since(&changes, moment);
        assert_eq!((moves.changes, moves.gaps), (4, 1));
        let flapped: Vec<&str> = moves.flaps.iter().map(|(edge, _)| edge.as_str()).collect();
        assert_eq!(flapped, ["a1"]);
    }
}
