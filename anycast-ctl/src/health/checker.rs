//! The checker: puts the engine's questions, on a thread of its own, so that nothing that backends do holds up the controller.

use std::{io, sync::Arc, thread, time::Duration};

use tokio::{
    runtime,
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until},
};

use super::{
    engine::{Answer, Engine, Question},
    happening::Happening,
    probe::{Context, Finding},
    question,
    report::{self, Ask},
    roster::Roster,
    standing::{Key, SavedJudges, Standings},
};
use crate::condition::Marks;

/// Questions that may be open at once. Each has a socket or two, and a process may have 1,024 by default.
const MOST_OPEN: usize = 4_096;

/// Questions that are put so late, and answers that took so long meanwhile, show that this host has too much to do.
const TOO_LATE: Duration = Duration::from_millis(100);

/// Descriptors that are left to everything else.
const SPARE_DESCRIPTORS: u64 = 256;

/// Things that happened and were not told yet.
const HAPPENINGS: usize = 4_096;

/// Who is to be checked.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// Which these are: each has a greater number than those before.
    pub number: u64,
    /// All of them.
    pub roster: Arc<Roster>,
    /// Who had slots when this was made.
    pub serving: Arc<Marks>,
}

/// What the checker says.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// What the checks come to.
    pub standings: Arc<Standings>,
    /// What must survive the daemon.
    pub saved: Arc<SavedJudges>,
    /// Number of the orders that this follows.
    pub orders: u64,
    /// Whether everybody was judged, or cannot be.
    pub is_settled: bool,
}

/// The running checker. It ends with this.
#[derive(Debug)]
pub struct Checker {
    orders: watch::Sender<Orders>,
    said: watch::Receiver<Said>,
    happenings: mpsc::Receiver<Happening>,
}

impl Checker {
    /// Starts the thread, in the caller's network namespace.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made.
    pub fn spawn(saved: SavedJudges, seed: u64, asks: mpsc::Receiver<Ask>) -> io::Result<Self> {
        let (orders, ordered) = watch::channel(Orders::default());
        let (say, said) = watch::channel(Said { saved: Arc::new(saved.clone()), ..Said::default() });
        let (tell, happenings) = mpsc::channel(HAPPENINGS);
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let most = most_open();
        let run = move || {
            let begun = Instant::now();
            let engine = Engine::new(saved, seed);
            let running = Running {
                engine,
                begun,
                context: Arc::default(),
                tasks: JoinSet::new(),
                late_at: None,
                orders: 0,
                say,
                tell,
                most,
            };
            runtime.block_on(running.follow(ordered, asks));
        };
        thread::Builder::new().name("checks".to_owned()).spawn(run)?;
        Ok(Self { orders, said, happenings })
    }

    /// Has others checked from here on.
    pub fn order(&self, orders: Orders) {
        // It is only gone when the daemon is about to be.
        let _ = self.orders.send(orders);
    }

    /// What it said last.
    pub fn said(&mut self) -> Said {
        self.said.borrow_and_update().clone()
    }

    /// What it says, for somebody else to follow.
    pub fn follow(&self) -> watch::Receiver<Said> {
        self.said.clone()
    }

    /// Waits until it says something else, or something happens.
    ///
    /// # Errors
    /// The checker has ended.
    pub async fn changed(&mut self) -> Result<Option<Happening>, Ended> {
        tokio::select! {
            // What happened is told before what it leads to.
            biased;
            happening = self.happenings.recv() => happening.map(Some).ok_or(Ended),
            // Both come together, perhaps since the other was looked for.
            changed = self.said.changed() => changed.map(|()| self.happenings.try_recv().ok()).map_err(|_| Ended),
        }
    }
}

/// The checker has ended, which it only does by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checker has ended: see the log")]
pub struct Ended;

/// Of a thread that waited for a core a failure says little: perhaps nobody was there to take the answer.
fn excuse(answer: &mut Answer) {
    if let Answer::Check(outcome) = answer
        && outcome.finding == Finding::Failed
        && outcome.latency > TOO_LATE
    {
        outcome.finding = Finding::Inconclusive;
        outcome.detail = format!("this host is too busy to check in time ({})", outcome.detail);
    }
}

/// As many as this process may have sockets for, at two each.
fn most_open() -> usize {
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    let descriptors = limit.map_or(0, |(soft, _)| soft.saturating_sub(SPARE_DESCRIPTORS) / 2);
    usize::try_from(descriptors).unwrap_or(MOST_OPEN).clamp(16, MOST_OPEN)
}

/// A question that was answered.
struct Answered {
    key: Key,
    number: u64,
    put_at: Duration,
    answer: Answer,
}

struct Running {
    engine: Engine,
    begun: Instant,
    context: Arc<Context>,
    tasks: JoinSet<Answered>,
    /// When a question was last put too late.
    late_at: Option<Duration>,
    /// Number of the orders it follows.
    orders: u64,
    say: watch::Sender<Said>,
    tell: mpsc::Sender<Happening>,
    most: usize,
}

impl Running {
    async fn follow(mut self, mut ordered: watch::Receiver<Orders>, mut asks: mpsc::Receiver<Ask>) {
        loop {
            self.work();
            let has_room = self.tasks.len() < self.most;
            let wake_at = self.engine.next_at().filter(|_| has_room);
            let wake_at = wake_at.map(|at| self.begun + at);
            tokio::select! {
                changed = ordered.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let Orders { number, roster, serving } = ordered.borrow_and_update().clone();
                    self.orders = number;
                    let now = self.now();
                    self.engine.set_roster(&roster, &serving, now);
                }
                Some(ended) = self.tasks.join_next() => {
                    self.take(ended);
                    while let Some(ended) = self.tasks.try_join_next() {
                        self.take(ended);
                    }
                }
                Some(ask) = asks.recv() => report::answer(ask, &self.engine, self.now()),
                () = sleep_until(wake_at.unwrap_or(self.begun)), if wake_at.is_some() => {}
            }
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Puts what is due, and says what came of what was answered.
    fn work(&mut self) {
        let now = self.now();
        self.engine.tick(now);
        if self.engine.lag(now) > TOO_LATE {
            self.late_at = Some(now);
        }
        let room = self.most.saturating_sub(self.tasks.len());
        for Question { number, key, asked } in self.engine.due(now, room) {
            let context = Arc::clone(&self.context);
            self.tasks.spawn(async move {
                Answered { key, number, put_at: now, answer: question::put(&asked, &context).await }
            });
        }
        let happenings = self.engine.happenings();
        let said = self.engine.standings(now).map(|standings| Said {
            standings: Arc::new(standings),
            saved: Arc::new(self.engine.saved(now)),
            orders: self.orders,
            is_settled: self.engine.is_settled(),
        });
        // As one: whoever learns that something happened must find what it came to, and the other way round.
        self.say.send_if_modified(|last| {
            for happening in happenings {
                // Somebody who does not listen misses what happens; how things are he can still ask.
                let _ = self.tell.try_send(happening);
            }
            said.map(|said| *last = said).is_some()
        });
    }

    fn take(&mut self, ended: Result<Answered, JoinError>) {
        match ended {
            Ok(Answered { key, number, put_at, mut answer }) => {
                let now = self.now();
                if self.late_at >= Some(put_at) {
                    excuse(&mut answer);
                }
                self.engine.ended(&key, number, answer, now);
            }
            Err(error) => tracing::error!(%error, "a check ended by a fault of this program"),
        }
    }
}
