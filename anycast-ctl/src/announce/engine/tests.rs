use super::*;
use crate::{
    announce::{
        driver::{Peer, SeenRoute},
        orders::{ByHand, Candidate, Hand, Leaving, Maintenance, PoolOrder, VipOrder},
    },
    health::{
        standing::{PoolStanding, Standing},
        verdict::Verdict,
    },
    model::BirdSettings,
};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn order(last: u8) -> VipOrder {
    VipOrder {
        address: [192, 0, 2, last].into(),
        prefix: format!("192.0.2.{last}/32").parse().unwrap(),
        pool: format!("pool{last}").into(),
        policy: AnnouncePolicy::Auto,
        min_healthy: None,
        unsteered: None,
        by_hand: None,
    }
}

fn pool(last: u8) -> PoolOrder {
    let candidates = vec![Candidate { address: [10, 0, 0, last].into(), is_checked: true }];
    PoolOrder { candidates, active: 1, ..PoolOrder::default() }
}

/// Two VIPs, `a` and `b`, each of a pool of its own with one backend.
fn orders(change: impl FnOnce(&mut Announce)) -> Orders {
    let shutdown_protocol = Some("last_{vip}".to_owned());
    let bird = Some(BirdSettings { shutdown_protocol, ..BirdSettings::default() });
    let mut announce = Announce { bird, hold_up: at(0), ..Announce::default() };
    change(&mut announce);
    Orders {
        announce: Some(Arc::new(announce)),
        pools: [("pool1".into(), pool(1)), ("pool2".into(), pool(2))].into(),
        vips: [("a".to_owned(), order(1)), ("b".to_owned(), order(2))].into(),
        is_ready: true,
        ..Orders::default()
    }
}

fn standings(verdicts: [Verdict; 2]) -> Arc<Standings> {
    let pools = (1..).zip(verdicts).map(|(last, verdict): (u8, _)| {
        let standing = Standing { verdict, ..Standing::UNCHECKED };
        let backends = [([10, 0, 0, last].into(), standing)].into();
        let pool = PoolStanding { backends, healthy: 0, of: 1, enough: false, panic: None, moved: None };
        (Arc::from(format!("pool{last}")), pool)
    });
    Arc::new(Standings { pools: pools.collect(), ..Standings::default() })
}

fn engine(orders: Orders, verdicts: [Verdict; 2]) -> Engine {
    let mut engine = Engine::new();
    engine.set_orders(orders, at(0));
    engine.set_standings(standings(verdicts));
    engine.note_connected(seen(&[]), true, at(0));
    engine.tick(at(0), Utc::from_unix(0));
    engine.happenings();
    engine
}

fn seen(routes: &[(&str, Level, Option<&[&str]>)]) -> Seen {
    let route = |(name, level, peers): &(&str, Level, Option<&[&str]>)| {
        let exported_to = peers.map(|peers| peers.iter().map(|peer| (*peer).to_owned()).collect());
        ((*name).to_owned(), SeenRoute { level: *level, exported_to, trouble: None })
    };
    Seen {
        daemon: "BIRD 2".to_owned(),
        peers: vec![Peer {
            name: "transit".to_owned(),
            address: None,
            asn: None,
            established: true,
            state: "Established".to_owned(),
            since: None,
            error: None,
        }],
        routes: routes.iter().map(route).collect(),
    }
}

fn levels(engine: &Engine) -> Vec<Level> {
    engine.wanted().values().map(|route| route.level).collect()
}

use Level::{Announced, Withdrawn};
use Verdict::{Down, Unknown, Up};

#[test]
fn each_vip_follows_its_own_pool() {
    let mut engine = engine(orders(|_| ()), [Up, Down]);
    assert_eq!(levels(&engine), [Announced, Withdrawn]);
    engine.set_standings(standings([Down, Up]));
    engine.tick(at(1), Utc::from_unix(1));
    assert_eq!(levels(&engine), [Withdrawn, Announced]);
    let happenings = engine.happenings();
    assert_eq!(happenings.iter().filter(|it| it.is_bad()).count(), 1, "{happenings:?}");
    assert_eq!(engine.vips()["a"].history[0].why, "0 of 1 backends are well");
}

#[test]
fn a_vip_that_is_gone_is_withdrawn_before_it_is_forgotten() {
    let mut engine = engine(orders(|_| ()), [Up, Up]);
    let mut fewer = orders(|_| ());
    fewer.vips.remove("b");
    engine.set_orders(fewer, at(1));
    engine.tick(at(1), Utc::from_unix(1));
    let wanted = engine.wanted();
    assert_eq!(wanted["b"].level, Withdrawn);
    engine.note_brought(&wanted, &[("b".to_owned(), "no".to_owned())].into());
    assert!(engine.wanted().contains_key("b"), "it could not be withdrawn");
    engine.note_brought(&wanted, &Failures::new());
    assert!(!engine.wanted().contains_key("b"));
}

#[test]
fn the_last_vips_stay_where_the_site_wants_it() {
    let mut keeping = engine(orders(|announce| announce.all_down = AllDown::Keep), [Up, Up]);
    keeping.set_standings(standings([Down, Up]));
    keeping.tick(at(1), Utc::from_unix(1));
    assert_eq!(levels(&keeping), [Withdrawn, Announced], "another one can be served");
    keeping.set_standings(standings([Down, Down]));
    keeping.tick(at(2), Utc::from_unix(2));
    assert_eq!(levels(&keeping), [Withdrawn, Announced], "the last one stays");
    assert!(keeping.vips()["b"].trouble.is_some(), "with an alarm");
    let mut withdrawing = engine(orders(|_| ()), [Up, Up]);
    withdrawing.set_standings(standings([Down, Down]));
    withdrawing.tick(at(2), Utc::from_unix(2));
    assert_eq!(levels(&withdrawing), [Withdrawn, Withdrawn]);
}

#[test]
fn what_a_daemon_before_this_one_announced_stays_until_checks_have_spoken() {
    let mut engine = Engine::new();
    engine.set_orders(orders(|announce| announce.hold_up = at(5)), at(0));
    engine.set_standings(standings([Unknown, Unknown]));
    engine.note_connected(seen(&[("a", Announced, None)]), true, at(0));
    engine.tick(at(0), Utc::from_unix(0));
    assert_eq!(levels(&engine), [Announced, Withdrawn]);
    engine.set_standings(standings([Up, Up]));
    engine.tick(at(1), Utc::from_unix(1));
    assert_eq!(levels(&engine), [Announced, Withdrawn], "the other one waits for its time");
    assert_eq!(engine.next_at(), Some(at(6)));
}

#[test]
fn a_daemon_that_has_something_else_is_told_of() {
    let mut engine = engine(orders(|_| ()), [Up, Up]);
    let peers: &[&str] = &["transit"];
    engine.note_brought(&engine.wanted(), &Failures::new());
    engine.note_seen(seen(&[("a", Announced, Some(peers)), ("b", Withdrawn, Some(&[]))]), at(1));
    engine.tick(at(1), Utc::from_unix(1));
    assert_eq!(engine.vips()["a"].trouble, None);
    let trouble = engine.vips()["b"].trouble.clone().unwrap();
    assert_eq!(trouble, "BIRD 2 has it withdrawn, and it should be announced");
    assert_eq!(engine.happenings().len(), 1);
    engine.note_seen(seen(&[("a", Announced, Some(&[])), ("b", Announced, Some(peers))]), at(6));
    engine.tick(at(6), Utc::from_unix(6));
    assert!(engine.vips()["a"].trouble.as_deref().unwrap().starts_with("announced to nobody"));
    assert_eq!(engine.vips()["b"].trouble, None);
}

#[test]
fn what_the_driver_could_not_do_is_a_trouble_until_it_can() {
    let mut engine = engine(orders(|_| ()), [Up, Up]);
    engine.note_brought(&engine.wanted(), &[("a".to_owned(), "no protocol anycast_a".to_owned())].into());
    engine.tick(at(1), Utc::from_unix(1));
    assert_eq!(engine.vips()["a"].trouble.as_deref(), Some("no protocol anycast_a"));
    engine.note_brought(&engine.wanted(), &Failures::new());
    engine.tick(at(2), Utc::from_unix(2));
    let told: Vec<bool> = engine.happenings().iter().map(Happening::is_bad).collect();
    assert_eq!(told, [true, false]);
}

#[test]
fn a_daemon_that_is_lost_is_told_of_once_and_its_routes_are_doubtful() {
    let mut engine = engine(orders(|_| ()), [Up, Up]);
    engine.note_seen(seen(&[("a", Announced, None)]), at(1));
    for second in [2, 3, 4] {
        engine.note_lost("no such socket".to_owned(), at(second));
        engine.tick(at(second), Utc::from_unix(second));
    }
    assert_eq!(engine.happenings().len(), 1);
    assert!(matches!(engine.link(), Link::Down { attempts: 3, since, .. } if *since == at(2)));
    let trouble = engine.vips()["a"].trouble.clone().unwrap();
    assert!(trouble.contains("last seen announced") && trouble.contains("no such socket"), "{trouble}");
    engine.note_connected(seen(&[("a", Announced, None), ("b", Announced, None)]), false, at(5));
    engine.tick(at(6), Utc::from_unix(6));
    assert_eq!(engine.vips()["a"].trouble, None);
}

#[test]
fn who_ends_in_order_is_gone_when_all_are() {
    let mut engine = engine(orders(|announce| announce.shutdown.wait = at(1)), [Up, Up]);
    assert!(!engine.is_gone());
    let leaving =
        Orders { leaving: Some(Leaving::InOrder), ..orders(|announce| announce.shutdown.wait = at(1)) };
    engine.set_orders(leaving, at(10));
    engine.tick(at(10), Utc::from_unix(10));
    assert_eq!(levels(&engine), [Level::ShuttingDown, Level::ShuttingDown]);
    assert_eq!(engine.awaits_traffic_of().len(), 2);
    engine.tick(at(11), Utc::from_unix(11));
    assert!(engine.is_gone());
}

#[test]
fn the_routing_daemon_is_not_bothered_with_what_is_never_announced() {
    let mut never = orders(|_| ());
    never.vips.get_mut("a").unwrap().policy = AnnouncePolicy::Never;
    let mut engine = engine(never, [Up, Up]);
    let wanted = engine.wanted();
    assert_eq!(wanted["a"].level, Withdrawn, "a daemon before this one may have announced it");
    engine.note_brought(&wanted, &Failures::new());
    assert!(!engine.wanted().contains_key("a"));
    engine.set_orders(orders(|_| ()), at(1));
    engine.tick(at(1), Utc::from_unix(1));
    assert_eq!(levels(&engine), [Announced, Announced]);
}

#[test]
fn a_hand_against_health_is_an_alarm() {
    let mut by_hand = orders(|_| ());
    let hand = ByHand { what: Hand::Now, until: None, by: "root".to_owned() };
    by_hand.vips.get_mut("a").unwrap().by_hand = Some(hand);
    let engine = engine(by_hand, [Down, Up]);
    assert_eq!(levels(&engine), [Announced, Announced]);
    assert!(engine.vips()["a"].trouble.as_deref().unwrap().contains("by hand"));
}

#[test]
fn a_drained_site_is_back_when_routers_have_had_time_to_follow() {
    let maintenance =
        Some(Maintenance { since: Utc::from_unix(0), until: None, holds: false, by: "root".to_owned() });
    let mut engine = engine(Orders { maintenance, ..orders(|_| ()) }, [Up, Down]);
    assert!(!engine.is_back(at(0)));
    engine.set_orders(orders(|announce| announce.hold_up = at(3)), at(10));
    engine.tick(at(10), Utc::from_unix(10));
    assert!(!engine.is_back(at(12)), "it waits to be announced");
    engine.tick(at(13), Utc::from_unix(13));
    assert!(!engine.is_back(at(17)));
    assert!(engine.is_back(at(18)), "the other one is unwell, and not waited for");
}
