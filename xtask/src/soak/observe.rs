//! A thread that looks: what daemons say, what they take, how far the run is.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};

use super::{
    ask,
    timeline::{self, Timeline},
    usage::{self, Held, Machine, Sample},
};

/// Between two looks at what daemons say.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Between two looks at what they take.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// Between two lines.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// By edge.
    pub timelines: BTreeMap<String, Timeline>,
    /// By edge, all its daemons.
    pub samples: BTreeMap<String, Vec<Sample>>,
    pub machine: Vec<Machine>,
    /// BPF objects that any daemon held.
    pub held: Held,
    /// Times a daemon did not answer: it was being restarted.
    pub unanswered: u64,
}

/// What the run knows of itself.
pub trait Progress: Send + 'static {
    /// Sessions that are open, that have broken, and things that were done.
    fn count(&self) -> (usize, usize, usize);
}

/// The running thread; it stops when this is dropped.
#[derive(Debug)]
pub struct Observer {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Observer {
    /// Begins to look at the daemons at these sockets, by edge.
    pub fn start(
        sockets: BTreeMap<String, PathBuf>,
        start: Instant,
        progress: impl Progress,
        silent: bool,
    ) -> Result<Self> {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Seen::default())));
        let mut look =
            Look { sockets, start, seen: seen.clone(), packets: BTreeMap::new(), pids: BTreeMap::new() };
        let stopped = stop.clone();
        let body = move || {
            let (mut sampled, mut said) = (None::<Instant>, Instant::now());
            while !stopped.load(Ordering::Relaxed) {
                let began = Instant::now();
                look.ask_all();
                if sampled.is_none_or(|sampled| sampled.elapsed() >= SAMPLE_EVERY) {
                    let counts = progress.count();
                    look.sample(counts, sampled.map(|sampled| sampled.elapsed()));
                    sampled = Some(Instant::now());
                }
                if !silent && said.elapsed() >= SAY_EVERY {
                    said = Instant::now();
                    look.say(progress.count());
                }
                thread::sleep(LOOK_EVERY.saturating_sub(began.elapsed()));
            }
        };
        let thread =
            thread::Builder::new().name("observer".to_owned()).spawn(body).context("start a thread")?;
        Ok(Self { stop, seen, thread: Some(thread) })
    }

    /// What an edge's pools were like when they were looked at last.
    pub fn last(&self, edge: &str) -> Option<timeline::Span> {
        lock(&self.seen).timelines.get(edge)?.spans.last().cloned()
    }

    /// Looks no more, and answers with what was seen.
    pub fn finish(mut self) -> Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow!("observe the run: the thread panicked"))?;
        }
        Ok(std::mem::take(&mut lock(&self.seen)))
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Look {
    sockets: BTreeMap<String, PathBuf>,
    start: Instant,
    seen: Arc<Mutex<Seen>>,
    /// What each edge had counted now, and at the last sample.
    packets: BTreeMap<String, (u64, u64)>,
    pids: BTreeMap<String, u32>,
}

impl Look {
    fn ask_all(&mut self) {
        for (edge, socket) in &self.sockets {
            let asked = self.start.elapsed();
            let answer = ask::status(socket);
            let answered = self.start.elapsed();
            let mut seen = lock(&self.seen);
            match answer {
                Ok(status) => {
                    self.packets.entry(edge.clone()).or_default().0 = status.counted();
                    self.pids.insert(edge.clone(), status.pid);
                    let pools = timeline::pools(&status);
                    seen.timelines.entry(edge.clone()).or_default().look(asked, answered, pools);
                }
                Err(_) => seen.unanswered += 1,
            }
        }
    }

    fn sample(&mut self, (sessions, broken, _): (usize, usize, usize), since: Option<Duration>) {
        let at = self.start.elapsed();
        let mut counted = 0;
        for (now, before) in self.packets.values_mut() {
            counted += now.saturating_sub(*before);
            *before = *now;
        }
        let packets_per_second = since.map_or(0.0, |since| counted as f64 / since.as_secs_f64());
        let mut seen = lock(&self.seen);
        // The file is there on every Linux.
        if let Ok(machine) = usage::machine() {
            seen.machine.push(Machine { at, sessions, broken, packets_per_second, ..machine });
        }
        for (edge, pid) in &self.pids {
            seen.samples.entry(edge.clone()).or_default().extend(usage::sample(at, *pid));
            seen.held.add(usage::held(*pid));
        }
    }

    fn say(&self, (sessions, broken, deeds): (usize, usize, usize)) {
        let seen = lock(&self.seen);
        let rate = seen.machine.last().map_or(0.0, |machine| machine.packets_per_second);
        let resident: Vec<String> = seen
            .samples
            .iter()
            .filter_map(|(edge, samples)| {
                Some(format!("{edge} {:.1}", samples.last()?.resident_kib as f64 / 1024.0))
            })
            .collect();
        println!(
            "  {:>6.1} s  {sessions} sessions open, {broken} broken, {rate:.0} packets/s, {deeds} things done, \
             MiB of daemons: {}",
            self.start.elapsed().as_secs_f64(),
            resident.join(", ")
        );
    }
}
