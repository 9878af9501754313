//! What is wanted of a VIP, from what the controller and the checks say. No IO.

use std::{sync::Arc, time::Duration};

use super::{
    machine::Wish,
    orders::{Hand, Leaving, Orders, PoolOrder, VipOrder},
};
use crate::{
    health::{standing::Standings, verdict::Verdict},
    model::AnnouncePolicy,
    utc::Utc,
};

/// How well the backends of a pool are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolWellness {
    well: u32,
    of: u32,
    is_unsure: bool,
}

impl PoolWellness {
    /// That of a pool.
    pub fn of(name: &str, pool: &PoolOrder, standings: &Standings) -> Self {
        let mut wellness = Self { of: pool.active, ..Self::default() };
        let backends = standings.pools.get(name).map(|pool| &pool.backends);
        for candidate in &pool.candidates {
            let standing = backends.and_then(|backends| backends.get(&candidate.address));
            match standing.map(|standing| standing.verdict) {
                Some(Verdict::Up) => wellness.well += 1,
                Some(Verdict::Down) => {}
                None if !candidate.is_checked => wellness.well += 1,
                Some(Verdict::Unknown) | None => wellness.is_unsure = true,
            }
        }
        wellness
    }
}

/// How well a VIP is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wellness {
    /// Backends that are well.
    pub well: u32,
    /// Backends that are active.
    pub of: u32,
    /// Backends that must be well.
    pub needed: u32,
    /// Whether some have not been judged yet, so that it may be better than it looks.
    pub is_unsure: bool,
}

impl Wellness {
    /// That of a VIP of a pool. A share of nothing is not nothing.
    pub fn of(vip: &VipOrder, pool: &PoolOrder, PoolWellness { well, of, is_unsure }: PoolWellness) -> Self {
        let least = vip.min_healthy.or(pool.min_healthy);
        let needed = least.map_or(1, |least| u32::try_from(least.of(of as usize)).unwrap_or(u32::MAX).max(1));
        Self { well, of, needed, is_unsure }
    }

    /// Whether they are enough.
    pub const fn is_enough(&self) -> bool {
        self.well >= self.needed
    }

    /// In words.
    pub fn words(&self) -> String {
        let Self { well, of, needed, .. } = self;
        if *needed == 1 {
            format!("{well} of {of} backends are well")
        } else {
            format!("{well} of {of} backends are well, {needed} are needed")
        }
    }
}

/// What all VIPs together are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The engine's clock.
    pub now: Duration,
    /// The wall clock, which deadlines are of.
    pub utc: Utc,
    /// Whether none of the VIPs that health decides about is well, and the site wants the last ones kept.
    pub keeps_the_last: bool,
}

/// What is wanted of a VIP.
pub fn wish(orders: &Orders, order: &VipOrder, pool: &PoolOrder, wellness: &Wellness, whole: &Whole) -> Wish {
    if orders.leaving == Some(Leaving::Keep) {
        return Wish::Stay("the daemon ends, and the route stays for the time of the lease".into());
    }
    if orders.leaving == Some(Leaving::InOrder) {
        return leave("the daemon ends");
    }
    let hand = order.by_hand.as_ref().filter(|hand| hand.until.is_none_or(|until| until > whole.utc));
    match hand.map(|hand| hand.what) {
        Some(Hand::Now) => return Wish::Force,
        Some(Hand::Withdraw) => return leave("by hand"),
        Some(Hand::WithdrawAtOnce) => return Wish::Cut("by hand".into()),
        None => {}
    }
    if order.policy == AnnouncePolicy::Never {
        return leave("it is never to be announced by this host");
    }
    if let Some(why) = orders.unsteered.as_ref().or(order.unsteered.as_ref()) {
        return if orders.is_ready { Wish::Cut(Arc::clone(why)) } else { Wish::Stay(Arc::clone(why)) };
    }
    if !orders.is_ready {
        return Wish::Stay("this daemon has not brought its maps to the site yet".into());
    }
    if let Some(maintenance) = &orders.maintenance {
        let until = maintenance.until.map(|until| deadline(until, whole));
        return Wish::Leave {
            why: "the site is drained".into(),
            lingers: pool.diverts || pool.draining > 0,
            holds: maintenance.holds,
            until,
        };
    }
    if order.policy == AnnouncePolicy::Always || wellness.is_enough() {
        return Wish::Up;
    }
    if pool.active == 0 && pool.draining > 0 {
        let why = "all its backends are draining".into();
        return Wish::Leave { why, lingers: true, holds: false, until: None };
    }
    if wellness.is_unsure {
        return Wish::Stay("checks have not judged enough of its backends yet".into());
    }
    if whole.keeps_the_last {
        return Wish::Stay(
            format!("kept though {}: nothing on this host can be served any more", wellness.words()).into(),
        );
    }
    Wish::Down(wellness.words().into())
}

fn leave(why: &str) -> Wish {
    Wish::Leave { why: why.into(), lingers: false, holds: false, until: None }
}

/// A moment of the wall clock on the engine's, as the clocks are now.
fn deadline(until: Utc, whole: &Whole) -> Duration {
    whole.now + Duration::from_secs(until.unix().saturating_sub(whole.utc.unix()))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, net::IpAddr};

    use super::*;
    use crate::{
        announce::orders::{ByHand, Candidate, Maintenance},
        health::standing::{PoolStanding, Standing},
        model::{MinHealthy, Percent},
    };

    const WHOLE: Whole =
        Whole { now: Duration::from_secs(100), utc: Utc::from_unix(1_000), keeps_the_last: false };

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn order() -> VipOrder {
        VipOrder {
            address: [192, 0, 2, 1].into(),
            prefix: "192.0.2.1/32".parse().unwrap(),
            pool: "web".into(),
            policy: AnnouncePolicy::Auto,
            min_healthy: None,
            unsteered: None,
            by_hand: None,
        }
    }

    fn pool() -> PoolOrder {
        let candidates = (1..=4).map(|it| Candidate { address: address(it), is_checked: true }).collect();
        PoolOrder { candidates, active: 4, ..PoolOrder::default() }
    }

    fn orders() -> Orders {
        Orders { is_ready: true, ..Orders::default() }
    }

    fn standings(verdicts: &[Verdict]) -> Standings {
        let standing = |verdict: &Verdict| Standing { verdict: *verdict, ..Standing::UNCHECKED };
        let backends: BTreeMap<_, _> = (1..).map(address).zip(verdicts.iter().map(standing)).collect();
        let pool = PoolStanding { backends, healthy: 0, of: 0, enough: false, panic: None, moved: None };
        Standings { pools: [("web".into(), pool)].into(), ..Standings::default() }
    }

    use Verdict::{Down, Unknown, Up};

    fn wellness(order: &VipOrder, pool: &PoolOrder, verdicts: &[Verdict]) -> Wellness {
        Wellness::of(order, pool, PoolWellness::of("web", pool, &standings(verdicts)))
    }

    fn wished(order: &VipOrder, verdicts: &[Verdict]) -> Wish {
        wished_of(order, &pool(), verdicts)
    }

    fn wished_of(order: &VipOrder, pool: &PoolOrder, verdicts: &[Verdict]) -> Wish {
        wish(&orders(), order, pool, &wellness(order, pool, verdicts), &WHOLE)
    }

    #[test]
    fn one_backend_that_is_well_is_enough_if_nobody_says_otherwise() {
        assert_eq!(wished(&order(), &[Down, Down, Down, Up]), Wish::Up);
        assert_eq!(wished(&order(), &[Down; 4]), Wish::Down("0 of 4 backends are well".into()));
    }

    #[test]
    fn a_vip_has_its_own_least_as_a_number_or_a_share() {
        let half = VipOrder { min_healthy: Some(MinHealthy::Share(Percent::of(50))), ..order() };
        assert_eq!(wished(&half, &[Up, Up, Down, Down]), Wish::Up);
        let words = "1 of 4 backends are well, 2 are needed";
        assert_eq!(wished(&half, &[Up, Down, Down, Down]), Wish::Down(words.into()));
        let three = VipOrder { min_healthy: Some(MinHealthy::Count(3)), ..order() };
        assert!(matches!(wished(&three, &[Up, Up, Down, Down]), Wish::Down(_)));
        // A share of nothing is not nothing.
        assert!(matches!(wished_of(&half, &PoolOrder::default(), &[]), Wish::Down(_)));
        let pool = PoolOrder { min_healthy: Some(MinHealthy::Count(2)), ..pool() };
        assert!(
            matches!(wished_of(&order(), &pool, &[Up, Down, Down, Down]), Wish::Down(_)),
            "as its pool has it"
        );
    }

    #[test]
    fn who_has_not_been_judged_keeps_things_as_they_are() {
        assert!(matches!(wished(&order(), &[Down, Down, Unknown, Down]), Wish::Stay(_)));
        assert!(matches!(wished(&order(), &[]), Wish::Stay(_)));
        let candidates = vec![Candidate { address: address(9), is_checked: false }];
        assert_eq!(wished_of(&order(), &PoolOrder { candidates, ..pool() }, &[]), Wish::Up);
    }

    #[test]
    fn the_last_ones_stay_where_the_site_wants_it() {
        let wellness = wellness(&order(), &pool(), &[Down; 4]);
        let whole = Whole { keeps_the_last: true, ..WHOLE };
        assert!(matches!(wish(&orders(), &order(), &pool(), &wellness, &whole), Wish::Stay(_)));
    }

    #[test]
    fn what_is_not_steered_is_not_announced_unless_a_hand_wants_it() {
        let cut = VipOrder { unsteered: Some("x".into()), policy: AnnouncePolicy::Always, ..order() };
        assert_eq!(wished(&cut, &[Up; 4]), Wish::Cut("x".into()));
        let hand = |what, until: Option<u64>| {
            let by_hand = Some(ByHand { what, until: until.map(Utc::from_unix), by: "uid 0".into() });
            VipOrder { by_hand, ..cut.clone() }
        };
        assert_eq!(wished(&hand(Hand::Now, None), &[Down; 4]), Wish::Force);
        assert_eq!(wished(&hand(Hand::Now, Some(1_001)), &[Down; 4]), Wish::Force);
        assert_eq!(
            wished(&hand(Hand::Now, Some(1_000)), &[Down; 4]),
            Wish::Cut("x".into()),
            "it has expired"
        );
        assert!(matches!(wished(&hand(Hand::Withdraw, None), &[Up; 4]), Wish::Leave { lingers: false, .. }));
        assert!(matches!(wished(&hand(Hand::WithdrawAtOnce, None), &[Up; 4]), Wish::Cut(_)));
    }

    #[test]
    fn a_drained_site_lingers_where_new_flows_have_another_place_to_go() {
        let maintenance = Some(Maintenance {
            since: WHOLE.utc,
            until: Some(Utc::from_unix(1_060)),
            holds: false,
            by: "uid 0".into(),
        });
        let orders = Orders { maintenance, ..orders() };
        for diverts in [true, false] {
            let pool = PoolOrder { diverts, ..pool() };
            let wanted = Wish::Leave {
                why: "the site is drained".into(),
                lingers: diverts,
                holds: false,
                until: Some(Duration::from_secs(160)),
            };
            assert_eq!(wish(&orders, &order(), &pool, &Wellness::default(), &WHOLE), wanted);
        }
    }

    #[test]
    fn who_has_only_draining_backends_waits_for_their_flows() {
        let pool = PoolOrder { draining: 4, ..PoolOrder::default() };
        assert!(matches!(
            wished_of(&order(), &pool, &[Up; 4]),
            Wish::Leave { lingers: true, until: None, .. }
        ));
    }

    #[test]
    fn nothing_moves_before_the_maps_are_right() {
        let orders = Orders { is_ready: false, ..orders() };
        let wellness = wellness(&order(), &pool(), &[Down; 4]);
        assert!(matches!(wish(&orders, &order(), &pool(), &wellness, &WHOLE), Wish::Stay(_)));
    }
}
