//! Rules, routes and program come and go as one.

use anycast_ctl::health::path::{Attachment, CheckPath, clean_up, mark_of, table_of};
use aya::programs::{SchedClassifier, TcAttachType};
use xtask::lab::{Family, Lab, ROUTER, server};

use crate::{
    harness::{INSTANCE, MODES, Stage},
    socket::Check,
};

/// What there is of any instance's in the edge's namespace, by the tools that operators have.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub rules: usize,
    pub routes: usize,
    pub links: usize,
    pub filters: usize,
}

impl Found {
    /// One instance's, attached by a link.
    pub const ONE: Self = Self { rules: 6, routes: 2, links: 1, filters: 0 };

    pub fn on(lab: &Lab) -> Self {
        let run = |program, words: &str| {
            lab.run("edge", program, &words.split_whitespace().collect::<Vec<_>>()).unwrap()
        };
        let count = |text: String, word: &str| text.lines().filter(|line| line.contains(word)).count();
        let all = |words: &str, word| {
            ["-4", "-6"].map(|version| count(run("ip", &format!("{version} {words}")), word)).iter().sum()
        };
        let links = || Ok(SchedClassifier::query_tcx("lo", TcAttachType::Egress)?.1.len());
        Self {
            rules: all("rule show", "fwmark"),
            routes: all("route show table all", "local default dev lo"),
            links: lab.inside("edge", links).unwrap(),
            filters: count(run("tc", "filter show dev lo egress"), "probe"),
        }
    }
}

#[test]
fn what_is_opened_is_closed() {
    let mut stage = Stage::closed(MODES[0]);
    assert_eq!(Found::on(&stage.lab), Found::default());
    stage.path = Some(stage.open(INSTANCE));
    assert_eq!(Found::on(&stage.lab), Found::ONE);
    let rules = stage.lab.run("edge", "ip", &["rule", "show"]).unwrap();
    let mark = mark_of(INSTANCE, 0);
    let wanted = format!("3:\tfrom all fwmark {mark:#x}/0xffff0000 lookup {}", table_of(INSTANCE));
    assert!(rules.contains(&wanted), "{rules}");
    let other = stage.open("another");
    assert_eq!(Found::on(&stage.lab), Found { rules: 12, routes: 4, links: 2, filters: 0 });
    stage.on_edge(other.close()).unwrap();
    assert_eq!(Found::on(&stage.lab), Found::ONE);
    let path = stage.path.take().unwrap();
    stage.on_edge(path.close()).unwrap();
    assert_eq!(Found::on(&stage.lab), Found::default());
    // Twice is as good as once.
    stage.on_edge(clean_up(INSTANCE)).unwrap();
    assert_eq!(Found::on(&stage.lab), Found::default());
}

#[test]
fn rules_that_somebody_took_away_are_put_back() {
    let stage = Stage::new(MODES[0]);
    let path = stage.path.as_ref().unwrap();
    assert_eq!(stage.on_edge(path.repair()).unwrap(), 0);
    let table = table_of(INSTANCE).to_string();
    for version in ["-4", "-6"] {
        for words in [["rule", "del", "pref", "1"], ["rule", "del", "pref", "3"]] {
            stage.lab.run("edge", "ip", &[&[version], &words[..]].concat()).unwrap();
        }
        stage.lab.run("edge", "ip", &[version, "route", "flush", "table", &table]).unwrap();
    }
    // Another site, as far as the router is concerned: it answers what gets there, and must not be taken for the backend.
    let (vip, other) = (stage.lab.plan().vips.v4, stage.lab.plan().backends[1].addresses.v4.to_string());
    stage.lab.run(ROUTER, "ip", &["route", "replace", &vip.to_string(), "via", &other]).unwrap();
    let answer = server::get(stage.lab.edge().unwrap(), (vip, server::HTTP_PORT).into(), "/").unwrap();
    assert!(answer.contains("X-Backend: backend2"), "{answer}");
    let check = Check::new(&stage.lab, Family::V4, stage.mark(0), 1500).impatient();
    let (answer, counted) = stage.counted(|| check.http());
    assert!(answer.is_err() && counted.is_empty(), "{answer:?} {counted:?}");
    assert_eq!(stage.on_edge(path.repair()).unwrap(), 6);
    assert_eq!(Found::on(&stage.lab), Found::ONE);
    assert_eq!(Check::new(&stage.lab, Family::V4, stage.mark(0), 1500).http().unwrap(), "backend1");
}

/// As on kernels before 6.6, where the program stays attached when the process is gone.
#[test]
fn filters_work_as_links_do_and_do_not_pile_up() {
    let mut stage = Stage::closed(MODES[0]);
    let open = |stage: &Stage| stage.on_edge(CheckPath::open_as(INSTANCE, Attachment::Filter)).unwrap();
    let filtered = Found { links: 0, filters: 1, ..Found::ONE };
    for round in 0..3 {
        stage.path = Some(open(&stage));
        stage.set(Family::V4);
        assert_eq!(Found::on(&stage.lab), filtered, "round {round}");
        let check = Check::new(&stage.lab, Family::V4, stage.mark(1), 1500);
        assert_eq!(check.http().unwrap(), "backend2");
        // As a process that is killed leaves it.
        std::mem::forget(stage.path.take());
        assert_eq!(Found::on(&stage.lab), filtered, "round {round}");
    }
    stage.on_edge(clean_up(INSTANCE)).unwrap();
    assert_eq!(Found::on(&stage.lab), Found::default());
    // A link takes the place of a filter.
    std::mem::forget(open(&stage));
    stage.path = Some(stage.open(INSTANCE));
    assert_eq!(Found::on(&stage.lab), Found::ONE);
}
