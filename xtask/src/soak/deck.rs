//! Which things are done, in which order: all of them in a random one, and again.

use std::time::Duration;

use crate::lab::random::Random;

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    Weight,
    Drain,
    DrainWithRestart,
    DrainToDeadline,
    Remove,
    Mark,
    ServerStops,
    Apply,
    Restart,
    Kill,
    Upgrade,
    LeaseRunsOut,
    RouteFlap,
    AnnounceByHand,
    SiteDrain,
    SiteWithdrawn,
}

impl Card {
    const ALL: [Self; 16] = [
        Self::Weight,
        Self::Drain,
        Self::DrainWithRestart,
        Self::DrainToDeadline,
        Self::Remove,
        Self::Mark,
        Self::ServerStops,
        Self::Apply,
        Self::Restart,
        Self::Kill,
        Self::Upgrade,
        Self::LeaseRunsOut,
        Self::RouteFlap,
        Self::AnnounceByHand,
        Self::SiteDrain,
        Self::SiteWithdrawn,
    ];

    /// Time it may take: it is not begun when less is left.
    const fn takes(self) -> Duration {
        Duration::from_secs(match self {
            Self::SiteDrain => 180,
            Self::LeaseRunsOut | Self::RouteFlap | Self::AnnounceByHand => 100,
            Self::SiteWithdrawn => 30,
            Self::ServerStops | Self::DrainToDeadline => 12,
            Self::DrainWithRestart | Self::Remove => 10,
            Self::Weight
            | Self::Drain
            | Self::Mark
            | Self::Apply
            | Self::Restart
            | Self::Kill
            | Self::Upgrade => 6,
        })
    }
}

/// Draws cards.
#[derive(Debug)]
pub struct Deck {
    left: Vec<Card>,
    random: Random,
}

impl Deck {
    pub fn new(seed: u64) -> Self {
        Self { left: Vec::new(), random: Random::new(seed) }
    }

    /// The next one for which there is time.
    pub fn draw(&mut self, left: Duration) -> Option<Card> {
        for _ in 0..2 * Card::ALL.len() {
            if self.left.is_empty() {
                self.left = Card::ALL.to_vec();
            }
            let place = self.random.below(self.left.len());
            let card = self.left.swap_remove(place);
            if card.takes() <= left {
                return Some(card);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_deals_every_card_before_any_comes_again() {
        let deal = |seed| {
            let mut deck = Deck::new(seed);
            std::iter::repeat_with(|| deck.draw(Duration::MAX).unwrap()).take(16).collect::<Vec<_>>()
        };
        let dealt = deal(7);
        assert!(Card::ALL.iter().all(|card| dealt.contains(card)), "{dealt:?}");
        assert_eq!(dealt, deal(7));
        assert_ne!(dealt, deal(8));
        assert_eq!(Deck::new(7).draw(Duration::from_secs(1)), None);
        let short = Deck::new(7).draw(Duration::from_secs(7)).unwrap();
        assert!(short.takes() <= Duration::from_secs(7));
    }
}
