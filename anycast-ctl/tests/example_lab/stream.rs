//! A steady stream of questions from the client, and what became of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use xtask::lab::Namespace;

/// An answer that takes longer is lost.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What became of a question.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Rightly answered, by that server.
    Answered(String),
    /// Not answered, or refused: why.
    Lost(String),
    /// Answered, but not as it should be.
    Wrong(String),
}

type Records = Arc<Mutex<Vec<(Instant, Outcome)>>>;

/// The stream; it ends when this is dropped.
pub struct Stream {
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    records: Records,
}

impl Stream {
    /// Asks one question after each pause, all in that namespace; they have numbers.
    pub fn start<F: Future<Output = Outcome> + Send + 'static>(
        namespace: &Namespace,
        pause: Duration,
        ask: impl Fn(usize) -> F + Send + 'static,
    ) -> Self {
        let namespace = namespace.try_clone().unwrap();
        let (stop, mut stopped) = watch::channel(());
        let records = Records::default();
        let book = records.clone();
        let body = async move {
            let mut ticks = interval(pause);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut asked = Vec::new();
            for number in 0.. {
                tokio::select! {
                    _ = ticks.tick() => {}
                    _ = stopped.changed() => break,
                }
                let (question, book) = (ask(number), book.clone());
                asked.push(tokio::spawn(async move {
                    let sent = Instant::now();
                    let outcome = question.await;
                    book.lock().unwrap().push((sent, outcome));
                }));
            }
            for question in asked {
                question.await.unwrap();
            }
        };
        let thread = thread::spawn(move || {
            namespace.enter().unwrap();
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body);
        });
        Self { stop: Some(stop), thread: Some(thread), records }
    }

    /// Ends it, and waits for the last answers.
    pub fn finish(mut self) -> Asked {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
        Asked(std::mem::take(&mut *self.records.lock().unwrap()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

/// Every question.
pub struct Asked(Vec<(Instant, Outcome)>);

/// What became of those of a time.
#[derive(Debug, Default)]
pub struct Tally {
    pub sent: usize,
    pub answered: usize,
    pub lost: usize,
    pub wrong: usize,
    /// From the first that was lost to the last.
    pub gap: Duration,
    pub by: BTreeMap<String, usize>,
    /// Why some were lost.
    pub reasons: BTreeSet<String>,
}

impl Asked {
    /// Questions that were asked between these moments.
    pub fn between(&self, from: Instant, to: Instant) -> Tally {
        let mut tally = Tally::default();
        let mut lost = Vec::new();
        for (sent, outcome) in self.0.iter().filter(|(sent, _)| (from..to).contains(sent)) {
            tally.sent += 1;
            match outcome {
                Outcome::Answered(server) => {
                    tally.answered += 1;
                    *tally.by.entry(server.clone()).or_default() += 1;
                }
                Outcome::Lost(why) => {
                    tally.reasons.insert(why.clone());
                    lost.push(*sent);
                }
                Outcome::Wrong(answer) => {
                    println!("wrong: {answer}");
                    tally.wrong += 1;
                }
            }
        }
        tally.lost = lost.len();
        if let (Some(first), Some(last)) = (lost.iter().min(), lost.iter().max()) {
            tally.gap = last.duration_since(*first);
        }
        tally
    }
}

impl Tally {
    /// Whether all of them were answered, by servers of these sites alone.
    pub fn all_by(&self, sites: &[&str]) -> bool {
        let is_theirs = |server: &String| sites.iter().any(|site| server.starts_with(site));
        self.sent > 0 && self.answered == self.sent && self.by.keys().all(is_theirs)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, answered, lost, wrong, gap, by, reasons } = self;
        let ms = gap.as_millis();
        write!(
            out,
            "{sent} sent, {answered} answered, {lost} lost within {ms} ms, {wrong} wrong; by {by:?}; {reasons:?}"
        )
    }
}
