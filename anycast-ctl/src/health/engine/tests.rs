//! The engine against backends that are made up: every answer takes its time, and time is an argument.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use proptest::prelude::*;

use super::*;
use crate::{
    health::{
        probe::Finding,
        roster::{Roster, Sources},
        standing::{SavedJudges, Standing},
        weight::WHOLE,
    },
    model::{Backend, Check, CheckKind, Percent, Pool, RampCurve, Service, Site, Unchecked, Vip},
    numbers::Numbers,
};

const MS: Duration = Duration::from_millis(1);

/// A site with one pool of so many backends, checked.
fn site(backends: u8, change: impl Fn(&mut Pool)) -> Site {
    let backends = (1..=backends).map(|n| Backend::new(format!("b{n}"), address(n))).collect();
    let mut pool = Pool::new("web", backends);
    pool.check = Some(Box::new(Check::of(CheckKind::Tcp)));
    change(&mut pool);
    let services: Vec<Service> = vec!["tcp/80".parse().unwrap()];
    let vip = Vip::new("www", [192, 0, 2, 1].into(), services, "web");
    Site { interfaces: vec!["eth0".into()], pools: vec![pool], vips: vec![vip], ..Site::default() }
}

fn address(n: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, n).into()
}

/// How a backend answers at some time: the finding, and how long that takes.
type Answers = Box<dyn Fn(u8, Duration) -> (Finding, Duration)>;

struct World {
    engine: Engine,
    now: Duration,
    answers: Answers,
    /// Answers on their way, by the time of their arrival.
    coming: BTreeSet<(Duration, u64)>,
    contents: BTreeMap<u64, (Key, Finding)>,
    standings: Standings,
    /// Each time that who is in service changed, and who was.
    changes: Vec<(Duration, BTreeSet<u8>)>,
    happenings: Vec<String>,
}

impl World {
    fn new(
        site: &Site,
        saved: SavedJudges,
        answers: impl Fn(u8, Duration) -> (Finding, Duration) + 'static,
    ) -> Self {
        let mut world = Self {
            engine: Engine::new(saved, 7),
            now: Duration::ZERO,
            answers: Box::new(answers),
            coming: BTreeSet::new(),
            contents: BTreeMap::new(),
            standings: Standings::default(),
            changes: Vec::new(),
            happenings: Vec::new(),
        };
        world.order(site, &BTreeSet::new());
        world
    }

    fn order(&mut self, site: &Site, serving: &BTreeSet<(String, IpAddr)>) {
        let sources = Sources {
            site,
            numbers: &Numbers::default(),
            resolutions: &Default::default(),
            mark: &|_| Ok(1),
        };
        self.engine.set_roster(&Roster::of(&sources), serving, self.now);
        self.settle();
    }

    fn settle(&mut self) {
        self.engine.tick(self.now);
        for question in self.engine.due(self.now, usize::MAX) {
            let IpAddr::V4(address) = question.key.address else { unreachable!() };
            let (finding, latency) = (self.answers)(address.octets()[3], self.now);
            self.coming.insert((self.now + latency, question.number));
            self.contents.insert(question.number, (question.key, finding));
        }
        self.happenings.extend(self.engine.happenings().iter().map(ToString::to_string));
        if let Some(standings) = self.engine.standings(self.now) {
            self.standings = standings;
            let in_service = self.in_service();
            if self.changes.last().map(|(_, before)| before) != Some(&in_service) {
                self.changes.push((self.now, in_service));
            }
        }
    }

    /// Lets time pass.
    fn run(&mut self, until: Duration) {
        while let Some(next) =
            self.engine.next_at().into_iter().chain(self.coming.first().map(|it| it.0)).min()
        {
            if next > until {
                break;
            }
            self.now = next.max(self.now);
            while let Some(&(at, number)) = self.coming.first().filter(|(at, _)| *at <= self.now) {
                self.coming.remove(&(at, number));
                let (key, finding) = self.contents.remove(&number).unwrap();
                let outcome = Outcome { finding, latency: MS, detail: format!("{finding:?}") };
                self.engine.ended(&key, number, Answer::Check(outcome), self.now);
            }
            self.settle();
        }
        self.now = until;
    }

    fn in_service(&self) -> BTreeSet<u8> {
        let numbers = (1..=u8::MAX)
            .filter(|n| self.standings.find("web", address(*n)).is_some_and(|standing| standing.in_service));
        numbers.collect()
    }

    fn standing(&self, n: u8) -> &Standing {
        self.standings.find("web", address(n)).unwrap()
    }
}

fn passes(_: u8, _: Duration) -> (Finding, Duration) {
    (Finding::Passed, MS * 2)
}

#[test]
fn nobody_is_steered_to_before_rise_checks_passed() {
    let mut world = World::new(&site(4, |_| ()), SavedJudges::new(), passes);
    world.run(MS * 200);
    assert!(world.in_service().is_empty() && !world.engine.is_settled());
    world.run(MS * 600);
    assert_eq!(world.in_service(), BTreeSet::from([1, 2, 3, 4]));
    assert!(world.engine.is_settled());
    // At the start nobody's share grows.
    assert!((1..=4).all(|n| world.standing(n).share == WHOLE));

    let world = World::new(&site(4, |pool| pool.unchecked = Unchecked::Steer), SavedJudges::new(), passes);
    assert_eq!(world.in_service().len(), 4, "unless the pool wants it");
}

#[test]
fn a_backend_that_fails_is_out_within_its_bound_and_the_others_are_not_touched() {
    let killed_at = MS * 10_000;
    // Refused at once from then on, checked as often as in doubt: fall * fast_interval, no timeout.
    let mut world = World::new(
        &site(10, |pool| pool.check.as_mut().unwrap().interval = Some(MS * 250)),
        SavedJudges::new(),
        move |n, now| if n == 3 && now >= killed_at { (Finding::Failed, MS) } else { passes(n, now) },
    );
    world.run(MS * 20_000);
    let (at, after) = world.changes.last().unwrap();
    assert!(!after.contains(&3) && after.len() == 9);
    assert!(*at <= killed_at + MS * (3 * 250 + 25 + 10), "{at:?}");
    assert_eq!(world.standing(3).reason.as_deref(), Some("Failed"));
    assert!(world.standing(3).is_down());
    assert!(world.happenings.iter().any(|it| it == "backend web/b3 (10.0.0.3) is down, was up: Failed"));
    // Whoever moves its slots learns why, however long after the verdict that was.
    let moved = world.standings.pools["web"].moved.as_ref().unwrap();
    assert_eq!(&*moved.why, "backend web/b3 (10.0.0.3) is down: Failed");
}

#[test]
fn a_backend_that_falls_silent_is_out_as_soon_as_one_that_refuses_and_its_timeout() {
    let silent_at = MS * 10_000;
    for (interval, bound) in [(250, 3 * 250 + 600), (1_000, 1_000 + 2 * 250 + 600)] {
        let site = site(10, |pool| {
            let check = pool.check.as_mut().unwrap();
            (check.interval, check.timeout) = (Some(MS * interval), Some(MS * 600));
            check.jitter = Some(Percent::of(0));
        });
        let mut world = World::new(&site, SavedJudges::new(), move |n, now| {
            if n == 3 && now >= silent_at { (Finding::Failed, MS * 600) } else { passes(n, now) }
        });
        world.run(MS * 20_000);
        let (at, after) = world.changes.last().unwrap();
        assert!(!after.contains(&3) && after.len() == 9);
        assert!(*at <= silent_at + MS * (bound + 20), "{interval}: {at:?}");
    }
}

#[test]
fn a_lost_packet_between_answers_is_no_failure() {
    // Every third check of b2 gets no answer, and the next one is put before that is known.
    let asked = std::cell::Cell::new(0);
    let mut world = World::new(&site(3, |_| ()), SavedJudges::new(), move |n, now| {
        asked.set(asked.get() + u32::from(n == 2));
        if n == 2 && asked.get().is_multiple_of(3) { (Finding::Failed, MS * 1_000) } else { passes(n, now) }
    });
    world.run(MS * 60_000);
    assert_eq!(world.in_service().len(), 3);
    assert!(world.happenings.iter().all(|it| !it.contains("is down")), "{:?}", world.happenings);
}

#[test]
fn whoever_served_without_checks_serves_until_they_say_otherwise() {
    let unchecked = site(2, |pool| pool.check = None);
    let mut world = World::new(&unchecked, SavedJudges::new(), |n, now| match n {
        1 => passes(n, now),
        _ => (Finding::Failed, MS),
    });
    world.run(MS * 5_000);
    let serving = BTreeSet::from([("web".to_owned(), address(1)), ("web".to_owned(), address(2))]);
    world.order(&site(2, |_| ()), &serving);
    assert_eq!(world.in_service(), BTreeSet::from([1, 2]));
    world.run(MS * 15_000);
    assert_eq!(world.in_service(), BTreeSet::from([1]));
}

#[test]
fn a_restarted_daemon_goes_on_with_the_verdicts_it_had() {
    let one_fails = |n, now| if n == 2 { (Finding::Failed, MS) } else { passes(n, now) };
    let mut world = World::new(&site(4, |_| ()), SavedJudges::new(), one_fails);
    world.run(MS * 10_000);
    let saved = world.engine.saved(world.now);
    let again = World::new(&site(4, |_| ()), saved, one_fails);
    assert_eq!(again.in_service(), BTreeSet::from([1, 3, 4]), "before a single check");
    assert!(again.standing(2).is_down());
}

#[test]
fn a_backend_that_asks_to_be_drained_is_not_down() {
    let mut world = World::new(&site(3, |_| ()), SavedJudges::new(), |n, now| {
        let asks = n == 2 && (MS * 5_000..MS * 15_000).contains(&now);
        (if asks { Finding::Drain } else { Finding::Passed }, MS)
    });
    world.run(MS * 10_000);
    assert!(world.standing(2).asks_drain && !world.standing(2).is_down());
    world.run(MS * 20_000);
    assert!(!world.standing(2).asks_drain);
    assert_eq!(world.in_service().len(), 3);
}

#[test]
fn trouble_of_the_checker_itself_moves_nobody() {
    let mut world = World::new(&site(3, |_| ()), SavedJudges::new(), |n, now| {
        if now < MS * 5_000 { passes(n, now) } else { (Finding::Inconclusive, MS) }
    });
    world.run(MS * 30_000);
    assert_eq!(world.in_service().len(), 3);
    assert_eq!(world.changes.last().unwrap().0, world.changes.iter().map(|it| it.0).max().unwrap());
    assert!(world.happenings.iter().any(|it| it.contains("cannot be checked: Inconclusive")));
}

#[test]
fn the_share_of_a_late_comer_grows() {
    let ramped = site(5, |pool| {
        pool.slow_start = Duration::from_secs(20);
        pool.slow_start_curve = RampCurve::Linear;
    });
    let mut world = World::new(&ramped, SavedJudges::new(), |n, now| {
        if n == 4 && now < MS * 10_000 { (Finding::Failed, MS) } else { passes(n, now) }
    });
    world.run(MS * 9_000);
    assert!([1, 2, 3, 5].iter().all(|n| world.standing(*n).share == WHOLE), "not at the start");
    let mut shares = Vec::new();
    for second in 10..40 {
        world.run(Duration::from_secs(second));
        let share = world.standing(4).share;
        if world.in_service().contains(&4) && shares.last() != Some(&share) {
            shares.push(share);
        }
    }
    assert!(shares.len() >= 8 && shares.is_sorted() && shares.last() == Some(&WHOLE), "{shares:?}");
    assert!(shares[0] <= 200, "{shares:?}");
}

#[test]
fn a_check_that_is_otherwise_now_begins_at_once_and_old_answers_count_no_more() {
    let mut world = World::new(&site(1, |_| ()), SavedJudges::new(), |_, _| (Finding::Failed, MS * 900));
    world.run(MS * 500);
    assert!(world.engine.asking() >= 1);
    let other = site(1, |pool| pool.check.as_mut().unwrap().port = Some(81));
    world.order(&other, &BTreeSet::new());
    assert!(world.engine.asking() >= 2, "the old questions are still on their way");
    world.run(MS * 1_200);
    let subject = &world.engine.pools()["web"].subjects[&address(1)];
    assert_eq!(subject.judge.failed(), 0, "that answer was to another question");
}

#[test]
fn what_is_checked_no_more_does_not_fail() {
    let mut world = World::new(&site(3, |_| ()), SavedJudges::new(), move |n, now| {
        if n == 3 && now >= MS * 10_000 { (Finding::Failed, MS) } else { passes(n, now) }
    });
    world.run(MS * 20_000);
    assert_eq!(*world.engine.extent(), Extent::Single { bad: 1, of: 3 });
    world.order(&site(3, |pool| pool.check = None), &BTreeSet::new());
    assert_eq!(*world.engine.extent(), Extent::Nothing);
}

#[test]
fn as_many_questions_as_there_is_room_for() {
    let mut engine = Engine::new(SavedJudges::new(), 1);
    let site = site(50, |_| ());
    let sources = Sources {
        site: &site,
        numbers: &Numbers::default(),
        resolutions: &Default::default(),
        mark: &|_| Ok(1),
    };
    engine.set_roster(&Roster::of(&sources), &BTreeSet::new(), Duration::ZERO);
    assert_eq!(engine.due(MS * 1_000, 8).len(), 8);
    assert!(engine.lag(MS * 1_000) > MS * 500);
    assert_eq!(engine.due(MS * 1_000, usize::MAX).len(), 42);
    assert_eq!(engine.asking(), 50 + engine.due(MS * 1_000, usize::MAX).len() as u32);
}

/// Backends 1 to `own`, and backups after them.
fn with_backups(own: u8, backups: u8) -> Site {
    site(own + backups, |pool| {
        pool.backends.iter_mut().skip(own.into()).for_each(|backend| backend.backup = true);
    })
}

#[test]
fn backups_do_not_count_as_long_as_others_are_there() {
    let mut world = World::new(&with_backups(2, 3), SavedJudges::new(), |n, now| match (n, now.as_secs()) {
        (3..=5, 10..) => (Finding::Failed, MS),
        _ => passes(n, now),
    });
    world.run(MS * 5_000);
    assert_eq!(world.in_service().len(), 5);
    let pool = world.standings.pools["web"].clone();
    assert_eq!((pool.healthy, pool.of, pool.enough), (2, 2, true));
    world.run(MS * 30_000);
    let pool = world.standings.pools["web"].clone();
    assert_eq!((pool.healthy, pool.of, pool.enough, pool.panic), (2, 2, true, None));
    assert_eq!(world.in_service(), BTreeSet::from([1, 2]), "the others witness that they are down");
    assert_eq!(*world.engine.extent(), Extent::Nothing);
}

#[test]
fn a_site_that_is_dead_leaves_its_flows_to_its_backups() {
    let mut world = World::new(&with_backups(3, 2), SavedJudges::new(), |n, now| match (n, now.as_secs()) {
        (1..=3, 10..60) => (Finding::Failed, MS),
        _ => passes(n, now),
    });
    world.run(MS * 9_000);
    world.run(MS * 30_000);
    assert_eq!(world.in_service(), BTreeSet::from([4, 5]));
    let pool = world.standings.pools["web"].clone();
    assert_eq!((pool.healthy, pool.of, pool.enough, pool.panic), (0, 3, false, None));
    assert_eq!(world.engine.extent().to_string(), "all 3 backends of pool web fail: its backups take over");
    world.run(MS * 90_000);
    assert_eq!(world.in_service(), BTreeSet::from([1, 2, 3, 4, 5]));
    assert!(world.standings.pools["web"].enough);

    // One that no check takes out goes on serving.
    let mut site = with_backups(3, 2);
    site.pools[0].backends[2].check = Some(Box::new(Check::of(CheckKind::None)));
    let mut world = World::new(&site, SavedJudges::new(), |n, now| match (n, now.as_secs()) {
        (1..=2, 10..) => (Finding::Failed, MS),
        _ => passes(n, now),
    });
    world.run(MS * 9_000);
    world.run(MS * 60_000);
    assert!(world.standings.pools["web"].panic.is_some());
}

#[test]
fn whoever_becomes_a_backup_stays_in_service() {
    let mut world = World::new(&with_backups(2, 1), SavedJudges::new(), passes);
    world.run(MS * 5_000);
    let before = world.changes.len();
    world.order(&with_backups(1, 2), &BTreeSet::new());
    world.run(MS * 6_000);
    world.order(&with_backups(3, 0), &BTreeSet::new());
    world.run(MS * 9_000);
    assert_eq!((world.in_service().len(), world.changes.len()), (3, before));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Both sites at once: it is the checker that is cut off. It comes back, for some later than for others.
    #[test]
    fn a_checker_that_is_cut_off_from_backups_too_moves_nobody(
        own in 1_u8..6, backups in 1_u8..4, interval in 250_u32..2_000, timeout in 50_u32..500,
        (cut, gone) in (0_u32..3_000, 12_000_u32..20_000),
    ) {
        let mut site = with_backups(own, backups);
        let check = site.pools[0].check.as_mut().unwrap();
        (check.interval, check.timeout) = (Some(MS * interval), Some(MS * timeout));
        let cut_at = MS * (20_000 + cut);
        let back_at = cut_at + MS * gone;
        let mut world = World::new(&site, SavedJudges::new(), move |n, now| {
            let is_cut = now >= cut_at && now < back_at;
            if is_cut { (Finding::Failed, MS * (timeout >> (n % 3))) } else { passes(n, now) }
        });
        world.run(MS * 20_000);
        let before = world.changes.len();
        prop_assert_eq!(world.in_service().len(), usize::from(own + backups));
        world.run(MS * 90_000);
        prop_assert_eq!(world.changes.len(), before, "{:?}", world.changes);
    }

    /// Whatever fails, somebody is in service; and once everything is well, everybody.
    #[test]
    fn backups_never_leave_a_pool_empty(
        (own, backups) in (1_u8..5, 1_u8..5), interval in 250_u32..2_000,
        outages in proptest::collection::vec((0_u8..10, 0_u64..50_000, 0_u64..20_000), 0..30),
        (dead_at, dead_for) in (0_u64..30_000, 10_000_u64..30_000),
    ) {
        let mut site = with_backups(own, backups);
        site.pools[0].check.as_mut().unwrap().interval = Some(MS * interval);
        let mut world = World::new(&site, SavedJudges::new(), move |n, now| {
            let Some(now) = now.checked_sub(MS * 10_000).map(|it| it.as_millis() as u64) else { return passes(n, now) };
            let fails = |at: u64, long: u64| now >= at && now < at + long;
            let is_dead = n <= own && fails(dead_at, dead_for);
            let is_out = outages.iter().any(|(who, at, long)| 1 + who % (own + backups) == n && fails(*at, *long));
            if is_dead || is_out { (Finding::Failed, MS * 20) } else { passes(n, MS) }
        });
        world.run(MS * 10_000);
        let before = world.changes.len();
        world.run(MS * 90_000);
        for (at, in_service) in &world.changes[before..] {
            prop_assert!(!in_service.is_empty(), "{at:?} {:?}", world.changes);
        }
        world.run(MS * 90_000 + 2 * MS * 300_000);
        prop_assert_eq!(world.in_service().len(), usize::from(own + backups));
    }

    /// As long as a backup is well, a site that dies is out in the end, however it dies.
    #[test]
    fn a_site_that_dies_bit_by_bit_is_out_in_the_end(
        own in 1_u8..7, backups in 1_u8..4, interval in 250_u32..2_000, timeout in 20_u32..1_000,
        deaths in proptest::collection::vec(0_u64..20_000, 7), threshold in 0_u8..=100,
    ) {
        let mut site = with_backups(own, backups);
        site.pools[0].panic_threshold = Percent::of(threshold);
        let check = site.pools[0].check.as_mut().unwrap();
        (check.interval, check.timeout) = (Some(MS * interval), Some(MS * timeout));
        let mut world = World::new(&site, SavedJudges::new(), move |n, now| {
            let is_dead = n <= own && now >= MS * 10_000 + Duration::from_millis(deaths[usize::from(n) - 1]);
            if is_dead { (Finding::Failed, MS * timeout) } else { passes(n, now) }
        });
        world.run(MS * 10_000);
        world.run(MS * 60_000);
        prop_assert_eq!(world.in_service(), (own + 1..=own + backups).collect::<BTreeSet<u8>>());
        prop_assert!(!world.happenings.last().unwrap().contains("is in panic"), "{:?}", world.happenings);
    }

    /// A checker whose network is cut moves nothing, whatever the rhythm.
    #[test]
    fn a_network_that_is_cut_moves_nobody(
        backends in 2_u8..12, fall in 1_u32..5, interval in 250_u32..3_000, timeout in 50_u32..1_000, cut in 0_u32..3_000
    ) {
        let cut_at = MS * (20_000 + cut);
        let site = site(backends, |pool| {
            let check = pool.check.as_mut().unwrap();
            (check.fall, check.interval, check.timeout) = (Some(fall), Some(MS * interval), Some(MS * timeout));
        });
        let mut world = World::new(&site, SavedJudges::new(), move |n, now| {
            if now < cut_at { passes(n, now) } else { (Finding::Failed, MS * timeout) }
        });
        world.run(MS * 20_000);
        let before = world.changes.len();
        prop_assert_eq!(world.in_service().len(), usize::from(backends));
        world.run(MS * 60_000);
        prop_assert_eq!(world.changes.len(), before, "{:?}", world.changes);
        prop_assert!(world.happenings.iter().any(|it| it.contains("is in panic")), "{:?}", world.happenings);
    }

    /// One that flaps every two seconds, for five minutes, moves its slots at most five times.
    #[test]
    fn flapping_moves_slots_at_most_five_times(fall in 1_u32..5, rise in 1_u32..5, fast in 50_u32..500, phase in 0_u32..4_000) {
        let site = site(4, |pool| {
            let check = pool.check.as_mut().unwrap();
            (check.fall, check.rise, check.fast_interval) = (Some(fall), Some(rise), Some(MS * fast));
        });
        let mut world = World::new(&site, SavedJudges::new(), move |n, now| {
            let flaps = n == 2 && now > MS * 10_000 && (now + MS * phase).as_millis() / 2_000 % 2 == 1;
            if flaps { (Finding::Failed, MS) } else { passes(n, now) }
        });
        world.run(MS * 10_000);
        let before = world.changes.len();
        world.run(MS * 310_000);
        let moves = world.changes.len() - before;
        prop_assert!(moves <= 5, "{} moves: {:?}", moves, world.changes);
    }
}
