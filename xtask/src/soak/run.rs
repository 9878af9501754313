//! A run, from the first process to the last.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    actions::Actor,
    books::Books,
    causes::{AFTER, Evidence},
    counters::Counters,
    daemon::{self, Daemon, Look},
    datagrams,
    deck::Deck,
    flood,
    judge::Judge,
    leftovers::Parts,
    observe::{Observer, Progress},
    report::{self, Load, Report},
    site,
    stage::{self, A, B, Deeds, Stage},
    tables::Listeners,
};
use crate::{
    demo::client::{Connection, Traffic},
    lab::{
        random::Random,
        session::{Lifetime, Pattern, Record, Sessions},
    },
    signals,
};

/// Sessions that last for seconds, and those that last for up to a minute: nothing settles while a session lives that was moved.
const LIFETIMES: [std::ops::Range<Duration>; 2] =
    [Duration::from_secs(2)..Duration::from_secs(20), Duration::from_secs(20)..Duration::from_secs(60)];
/// Of so many sessions one is of the second kind.
const ONE_LONG_OF: usize = 6;
/// The second kind's ports begin so much later.
const PORTS_APART: u32 = 31_000;
/// A session that hears nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Clients of datagrams for each VIP.
const DATAGRAM_CLIENTS: usize = 12;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// The anycast-ctl executable.
    pub binary: PathBuf,
    /// How long.
    pub time: Duration,
    /// Of all random choices.
    pub seed: u64,
    /// Sessions that are open at once.
    pub sessions: usize,
    /// Requests a second.
    pub rate: u32,
    /// Whether sessions are broken without a reason, halfway.
    pub plant: bool,
    /// Whether nothing is printed.
    pub silent: bool,
}

/// Clients of sessions, and things that were done, for the one who tells of them.
struct Counts {
    sessions: Arc<Mutex<Option<[Sessions; 2]>>>,
    deeds: Deeds,
}

impl Progress for Counts {
    fn count(&self) -> (usize, usize, usize) {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |count: fn(&Sessions) -> usize| sessions.iter().flatten().map(count).sum();
        let deeds = self.deeds.lock().unwrap_or_else(PoisonError::into_inner).len();
        (sum(Sessions::open), sum(Sessions::broken), deeds)
    }
}

/// Plays a run to its end, or until a signal comes, and says what came of it. Nothing is left when this returns.
pub fn run(options: &Options) -> Result<Report> {
    let say = |text: &str| {
        if !options.silent {
            println!("{text}");
        }
    };
    say(&format!(
        "seed {}: starting a lab of two sites, with two edge hosts and three backends each",
        options.seed
    ));
    let mut stage = Stage::build(&options.binary)?;
    let sockets = stage.sockets()?;
    let vips = stage.sites.plan().vips;
    let before = Counters::read(&stage.sites, &sockets)?;
    let daemons_before = daemon::look_at_all(&sockets)?;

    say(&format!(
        "{} sessions, {} requests a second, datagrams, fragments, pings and floods to {} and {}, for {} s",
        options.sessions,
        options.rate,
        vips.v4,
        vips.v6,
        options.time.as_secs()
    ));
    stage.start = Instant::now();
    let client = stage.sites.namespace("client")?.try_clone()?;
    let sessions = {
        let lab = stage.sites.any_edge()?;
        let long = options.sessions / ONE_LONG_OF;
        let pattern = |sessions, lifetime: usize| Pattern {
            sessions,
            pause: stage::PAUSE,
            lifetime: Lifetime::Each(LIFETIMES.get(lifetime).cloned().unwrap_or_default()),
            patience: PATIENCE,
            seed: options.seed ^ lifetime as u64,
        };
        [
            Sessions::start(lab, pattern(options.sessions - long, 0))?,
            Sessions::start_beside(lab, pattern(long, 1), PORTS_APART)?,
        ]
    };
    let offsets = sessions.each_ref().map(|sessions| stage.elapsed().saturating_sub(sessions.elapsed()));
    let traffic = Traffic::start(stage.sites.any_edge()?, options.rate)?;
    let traffic_offset = stage.elapsed().saturating_sub(traffic.elapsed());
    let datagrams = [
        datagrams::Clients::start(&client, vips, DATAGRAM_CLIENTS, stage.start, options.seed ^ 2)?,
        datagrams::Clients::start(&client, site::LOCAL_VIPS, 2, stage.start, options.seed ^ 3)?,
    ];
    let flood = flood::Flood::start(&client, vips, options.seed ^ 4)?;
    let pings = flood::pings(&stage.sites)?;
    let sessions = Arc::new(Mutex::new(Some(sessions)));
    let counts = Counts { sessions: sessions.clone(), deeds: stage.deeds.clone() };
    let listeners = Listeners::start(&stage, A.into_iter().chain(B))?;
    let observer = Observer::start(sockets.clone(), stage.start, counts, options.silent)?;

    let interrupted = play(&mut stage, &observer, options)?;
    let lasted = stage.elapsed();
    say(&format!("  {:>6.1} s  the clients end", lasted.as_secs_f64()));
    drop(pings);
    let syns = flood.finish()?;
    let [tally, local] = datagrams.map(datagrams::Clients::finish);
    let (tally, local) = (tally?, local?);
    let requests = traffic.finish()?;
    let taken = sessions.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut records = Vec::new();
    for (sessions, offset) in taken.into_iter().flatten().zip(offsets) {
        records.extend(sessions.finish()?.into_iter().map(|record| shifted(record, offset)));
    }
    let requests: Vec<Connection> = requests
        .into_iter()
        .map(|it| Connection { opened: it.opened + traffic_offset, ended: it.ended + traffic_offset, ..it })
        .collect();
    let seen = observer.finish()?;
    let tables = listeners.finish()?;
    let after = Counters::read_quiet(&stage.sites, &sockets)?;
    let daemons_after = daemon::look_at_all(&sockets)?;

    let deeds = stage.deeds.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let evidence = Evidence { timelines: seen.timelines.clone(), routes: stage.routes(), deeds, tables };
    let judge = Judge::new(&evidence);
    let outcomes =
        [judge.sessions(&records), judge.requests(&requests), judge.datagrams(tally.answered, &tally.moves)];
    let parts = Parts::of(&stage.sites, seen.held.clone())?;
    let done = std::mem::take(&mut stage.faults);
    say("the lab ends");
    drop(stage);
    drop(client);
    let left = parts.left();

    let daemons = A.into_iter().chain(B).map(|edge| {
        let samples = seen.samples.get(edge).cloned().unwrap_or_default();
        let find =
            |all: &[(String, Look)]| all.iter().find(|(name, _)| name == edge).map(|(_, look)| look.clone());
        Daemon::new(
            edge,
            samples,
            find(&daemons_before).unwrap_or_default(),
            find(&daemons_after).unwrap_or_default(),
        )
    });
    Ok(Report::new(report::Parts {
        seed: options.seed,
        lasted,
        interrupted,
        load: Load {
            longest_silence: records.iter().map(|record| record.longest_silence).max().unwrap_or_default(),
            flood: syns,
            datagrams: tally,
            local_datagrams: local,
        },
        outcomes,
        books: Books::between(&before, &after),
        daemons: daemons.collect(),
        machine: seen.machine,
        // Those before are the lab's own beginning.
        changes_of_routes: evidence.routes.iter().filter(|change| !change.at.is_zero()).count(),
        deeds: evidence.deeds,
        undone: done,
        parts: parts.count(),
        left,
    }))
}

/// Does one thing after the other; answers whether a signal ended it.
fn play(stage: &mut Stage, observer: &Observer, options: &Options) -> Result<bool> {
    let mut deck = Deck::new(options.seed);
    let mut random = Random::new(options.seed ^ 5);
    let rest = Duration::from_secs(1)..Duration::from_secs(4);
    let mut plant = options.plant;
    let mut actor = Actor { stage, observer, random: Random::new(options.seed ^ 6) };
    loop {
        let left = options.time.saturating_sub(actor.stage.elapsed());
        if plant && left < options.time / 2 {
            plant = false;
            // Nothing that was done before is to blame.
            actor.stage.rest(AFTER * 2)?;
            actor.stage.break_sessions("a-web1")?;
        }
        let step = if left > rest.end
            && let Some(card) = deck.draw(left)
        {
            actor.perform(card).and_then(|()| actor.stage.rest(random.within(&rest)))
        } else if left.is_zero() {
            return Ok(false);
        } else {
            actor.stage.rest(left.min(Duration::from_secs(1)))
        };
        match step {
            Ok(()) => {}
            Err(error) if error.is::<signals::Interrupted>() => return Ok(true),
            Err(error) => return Err(error),
        }
    }
}

/// A session with times since the start of the run.
fn shifted(record: Record, offset: Duration) -> Record {
    let later = |time: Option<Duration>| time.map(|time| time + offset);
    Record {
        opened: record.opened + offset,
        spoke: later(record.spoke),
        greeted: later(record.greeted),
        heard: record.heard + offset,
        ended: record.ended + offset,
        noticed: record.noticed + offset,
        ..record
    }
}
