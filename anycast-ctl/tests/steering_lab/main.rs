//! Sessions against changes, in the lab: real TCP through the real program, natively attached, with the real daemon.
//!
//! A session whose backend stays usable must not notice any change; one whose backend is taken away must end by a RST
//! within a second. Needs root. `ANYCAST_PROOF_SECONDS` sets how long the changes take (60), `ANYCAST_PROOF_SEED` brings
//! a run's random choices back, `ANYCAST_PROOF_CAPTURE` names a file for the client's packets.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod changes;
mod facts;
mod flood;
mod verdict;

use std::{
    env,
    ops::Range,
    process::Command,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use xtask::lab::{
    INTERFACE, Options, OwnedLab, Process, controller,
    random::Random,
    session::{Lifetime, Pattern, Server, Sessions},
};

use crate::{changes::Fleet, facts::Facts, flood::Flood};

const BACKENDS: usize = 8;
const SPARES: usize = 2;
const SESSIONS: usize = 1000;
const CHANGES: u32 = 200;
/// A side sends a line after a pause of this range. Two cores run both sides, the network between them and the edge.
const PAUSE: Range<Duration> = Duration::from_millis(60)..Duration::from_millis(240);
/// Beside a flood, which has a core for itself.
const LONG_PAUSE: Range<Duration> = Duration::from_millis(120)..Duration::from_millis(480);

#[test]
fn a_thousand_sessions_survive_two_hundred_changes() {
    let proof = Proof::new(Duration::from_secs(10), PAUSE);
    let (changes, facts) = proof.run(CHANGES, seconds(60), |_| {});
    assert_eq!(changes, CHANGES);
    facts.print();
}

#[test]
fn sessions_survive_a_syn_flood_while_slots_are_in_transition() {
    // Frames of sessions share queues with the flood: what is lost there comes late, but must come.
    let proof = Proof::new(Duration::from_secs(20), LONG_PAUSE);
    let before = Facts::read(&proof.lab);
    let flood = Flood::start(&proof.lab, flood::syn(&proof.lab));
    let (_, facts) = proof.run(CHANGES / 5, seconds(60) / 3, |lab| {
        let report = flood.finish(lab);
        println!("{report}");
        assert!(report.offered > 0 && report.steered > 0 && report.returned > 0);
    });
    facts.print();
    facts.assert_no_growth_since(&before);
}

/// A lab in which sessions are held.
struct Proof {
    // Dropped in this order.
    _servers: Vec<Server>,
    lab: OwnedLab,
    seed: u64,
    patience: Duration,
    pause: Range<Duration>,
}

impl Proof {
    fn new(patience: Duration, pause: Range<Duration>) -> Self {
        let seed = match env::var("ANYCAST_PROOF_SEED") {
            Ok(seed) => seed.parse().expect("ANYCAST_PROOF_SEED is a number"),
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64,
        };
        println!("ANYCAST_PROOF_SEED={seed}");
        let binary = Some(env!("CARGO_BIN_EXE_anycast-ctl").into());
        let options = Options { backends: BACKENDS, spares: SPARES, binary, ..Options::default() };
        let mut lab = OwnedLab::start(&options).unwrap();
        let site = changes::site(&controller::site(lab.plan()));
        lab.start_controller_on(&site, &["--xdp-mode", "native"]).unwrap();
        let start = Instant::now();
        while !lab.status().unwrap().all_up() {
            assert!(start.elapsed() < Duration::from_secs(20), "not every backend comes up");
            thread::sleep(Duration::from_millis(30));
        }
        let hosts = lab.plan().servers().map(|host| host.name.clone()).collect::<Vec<_>>();
        let servers = hosts.iter().map(|host| Server::start(&lab, host, pause.clone()).unwrap()).collect();
        Self { _servers: servers, lab, seed, patience, pause }
    }

    /// Holds sessions while changes happen, evenly over that time; `calm` is called before the sessions end.
    fn run(self, changes: u32, duration: Duration, calm: impl FnOnce(&OwnedLab)) -> (u32, Facts) {
        let pattern = Pattern {
            sessions: SESSIONS,
            pause: self.pause,
            lifetime: Lifetime::Mixed(Duration::from_millis(500)..Duration::from_secs(10)),
            patience: self.patience,
            seed: self.seed,
        };
        let _capture = capture(&self.lab);
        let sessions = Sessions::start(&self.lab, pattern).unwrap();
        while sessions.open() < SESSIONS * 9 / 10 {
            assert!(sessions.elapsed() < Duration::from_secs(60), "only {} sessions open", sessions.open());
            thread::sleep(Duration::from_millis(50));
        }
        let mut fleet = Fleet::new(&self.lab);
        let mut random = Random::new(self.seed);
        let (start, mut done) = (Instant::now(), 0);
        let mut open = (usize::MAX, 0);
        while done < changes {
            if let Some(due) = (duration / changes * done).checked_sub(start.elapsed()) {
                thread::sleep(due);
            }
            if fleet.change(&mut random, &sessions) {
                done += 1;
            }
            open = (open.0.min(sessions.open()), open.1.max(sessions.open()));
        }
        // The last change shows its effect within a second, or as late as patience ends.
        thread::sleep(Duration::from_millis(1500));
        let facts = Facts::read(&self.lab);
        calm(&self.lab);
        thread::sleep(Duration::from_millis(500));
        let asked_to_end = sessions.elapsed();
        let records = sessions.finish().unwrap();
        println!(
            "{done} changes in {:.1} s, {}; {} to {} sessions open at once",
            start.elapsed().as_secs_f64(),
            fleet.summary(),
            open.0,
            open.1
        );
        let verdict = verdict::judge(&records, &fleet, asked_to_end);
        println!("{verdict}");
        if !verdict.faults.is_empty() {
            println!("the controller says:\n{}", self.lab.controller_log().unwrap());
            panic!("{} faults; seed {}", verdict.faults.len(), self.seed);
        }
        (done, facts)
    }
}

/// Every packet of the client into the file that `ANYCAST_PROOF_CAPTURE` names.
fn capture(lab: &OwnedLab) -> Option<Process> {
    let file = env::var_os("ANYCAST_PROOF_CAPTURE")?;
    let mut tcpdump = Command::new("tcpdump");
    tcpdump.args(["-n", "-s", "100", "-B", "65536", "-Z", "root", "-i", INTERFACE, "-w"]).arg(file);
    let process = lab.spawn(&lab.plan().client.name, tcpdump).unwrap();
    thread::sleep(Duration::from_millis(500));
    Some(process)
}

fn seconds(default: u64) -> Duration {
    let seconds = env::var("ANYCAST_PROOF_SECONDS");
    Duration::from_secs(
        seconds.map_or(default, |text| text.parse().expect("ANYCAST_PROOF_SECONDS is a number")),
    )
}
