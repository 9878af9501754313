//! Ten thousand operations while everything fails now and then.

use std::{
    env, fs,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anycast_ctl::api::types::RevisionStatus;
use xtask::lab::random::Random;

use crate::{
    client::{Client, Round},
    held::Held,
    host::Host,
    http::Connection,
    ledger::Ledger,
    mirror::Mirror,
    plan::{Plan, Rate},
    point::Point,
    rest::{Size, agrees, at_rest, settled},
    site,
};

const OPERATIONS: usize = 10_000;
/// A daemon lives for so many requests.
const LIFE: usize = 450;
/// The history is read so often: it keeps a thousand revisions, and to read them all is dear.
const CHAPTER: usize = 300;
const POLL: Duration = Duration::from_millis(20);

fn number(name: &str, otherwise: impl FnOnce() -> u64) -> u64 {
    env::var(name).map_or_else(|_| otherwise(), |text| text.parse().unwrap())
}

/// How often what fails. A start takes hundreds of calls of the kernel, and shall succeed in the end.
#[allow(clippy::wildcard_enum_match_arm, reason = "most points are alike")]
fn rate(point: Point) -> Rate {
    let (failed, delayed) = match point {
        // Each has all of the store checked.
        Point::StoreRead | Point::StoreWrite => (150, 150),
        // Many calls for each request.
        Point::StoreSync | Point::ApiReceive | Point::ApiSend | Point::LogWrite | Point::FileOpen => {
            (1_500, 1_000)
        }
        Point::MapRead | Point::NetlinkReceive => (4_000, 2_000),
        // Hundreds at a start, each of which ends it.
        Point::Open | Point::Info => (2_000, 2_000),
        _ => (10_000, 5_000),
    };
    Rate { failed, delayed }
}

#[test]
fn what_is_desired_stored_and_steered_agrees_after_ten_thousand_operations_with_faults() {
    let seed = number("ANYCAST_FAULT_SEED", || {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
    });
    let operations = number("ANYCAST_FAULT_OPERATIONS", || OPERATIONS as u64) as usize;
    println!("ANYCAST_FAULT_SEED={seed}");
    let mut host = Host::new(3, Plan::new(seed));
    host.start();
    settled(&host);
    let pinned = host.shell("cd /sys/fs/bpf && find . | sort");
    let fresh = Size::warm(&host);
    let held = Held::open(&host);

    host.plan.set(rate);
    let round = Arc::new(Round {
        socket: host.socket().to_owned(),
        ledger: Ledger::default(),
        operations,
        sites: RwLock::new(0),
        captures: AtomicU64::new(0),
    });
    let begun = Instant::now();
    let clients: Vec<_> = (0..site::CHURNED)
        .map(|number| {
            let client = Client::new(number, Arc::clone(&round), seed);
            thread::spawn(move || client.run())
        })
        .collect();
    let kills =
        kill_and_start(&mut host, &round, seed, &|| clients.iter().all(|client| client.is_finished()));
    let mirrors: Vec<Mirror> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    let took = begun.elapsed();
    host.plan.off();
    println!(
        "{} requests in {took:.1?}: {:?}; {} captures; {kills} kills, {} starts, {} of them failed\n{}",
        round.ledger.requests(),
        round.ledger.codes(),
        round.captures.load(Ordering::Relaxed),
        host.starts,
        host.failed_starts,
        host.plan
    );

    assert_eq!(host.ended(), None, "{}", host.said());
    let (first, newest) = (1, learn(&host, &round.ledger));
    round.ledger.balance(first, newest);
    let site = settled(&host);
    let json = serde_json::to_value(&site).unwrap();
    for (number, mirror) in mirrors.iter().enumerate() {
        let marked: Vec<String> = names_marked(mirror);
        assert_eq!(&Mirror::of(&json, &marked, number), mirror, "client {number}");
    }
    let marked = mirrors.iter().enumerate().flat_map(|(number, mirror)| {
        names_marked(mirror).into_iter().map(move |name| (format!("churn-{number}"), name))
    });
    agrees(&host, &site, &marked.collect());

    let said = host.said();
    let panics: Vec<&str> = said.lines().filter(|line| line.contains("panicked")).collect();
    assert!(panics.is_empty(), "{panics:#?}");
    assert_eq!(host.shell("cd /sys/fs/bpf && find . | sort"), pinned);
    let names = fs::read_dir(host.state()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["store.redb"]);
    at_rest(&host, &fresh);
    held.finish();

    let counts = host.plan.counts();
    let spared: Vec<_> = (Point::ALL.iter())
        .filter(|point| counts.get(point).is_none_or(|count| count.failed == 0 || count.delayed == 0))
        .map(|point| point.name())
        .collect();
    assert!(spared.is_empty() || operations < OPERATIONS, "nothing failed or waited at {spared:?}");
}

/// Kills the daemon now and then, and starts another, until all is asked; answers with how often.
fn kill_and_start(host: &mut Host, round: &Round, seed: u64, is_over: &dyn Fn() -> bool) -> usize {
    let (mut kills, mut next, mut read) = (0, LIFE, 0);
    let mut random = Random::new(seed);
    while !is_over() {
        if let Some(status) = host.ended() {
            println!("the daemon ended by itself, {status}");
            host.start();
        }
        let requests = round.ledger.requests();
        if requests >= read + CHAPTER && learn_some(host, &round.ledger).is_some() {
            read = requests;
        }
        // The last one lives longer, and its descriptors are counted.
        if requests >= next && requests + 3 * LIFE < round.operations {
            thread::sleep(Duration::from_millis(random.below(20) as u64));
            host.kill();
            host.start();
            kills += 1;
            next = requests + LIFE / 2 + random.below(LIFE);
        }
        thread::sleep(POLL);
    }
    kills
}

/// Reads the newest part of the history, if that is possible at the moment; what is older goes.
fn learn_some(host: &Host, ledger: &Ledger) -> Option<u64> {
    let answer =
        Connection::open(host.socket()).and_then(|mut it| it.get("/v1/revisions?limit=1000")).ok()?;
    let revisions: Vec<RevisionStatus> =
        (answer.code == 200).then(|| serde_json::from_str(&answer.body).unwrap())?;
    revisions.iter().for_each(|revision| ledger.learn(revision.revision, &revision.what));
    revisions.first().map(|newest| newest.revision)
}

fn learn(host: &Host, ledger: &Ledger) -> u64 {
    learn_some(host, ledger).unwrap_or_else(|| panic!("the history cannot be read: {}", host.said()))
}

fn names_marked(mirror: &Mirror) -> Vec<String> {
    let marked = mirror.backends.iter().enumerate();
    let marked = marked.filter(|(_, backend)| backend.as_ref().is_some_and(|backend| backend.marked));
    marked.map(|(number, _)| format!("b{number}")).collect()
}
