//! The client: many sessions at once, each replaced by another when it ends.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, anyhow};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};

use super::{
    arrival::{self, Resets, Stamps},
    server::SESSION_PORT,
    talk::{Amount, Side, Talk},
};
use crate::lab::{Addresses, Family, Lab, ports::Ports, random::Random};

/// How sessions are held.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Sessions at once, half of them of each family.
    pub sessions: usize,
    /// A side sends its next line after a pause of this range.
    pub pause: Range<Duration>,
    /// How long they last.
    pub lifetime: Lifetime,
    /// A session that hears nothing for so long is given up.
    pub patience: Duration,
    /// Of all random choices.
    pub seed: u64,
}

/// How long sessions last, if nothing breaks them.
#[derive(Clone, Debug)]
pub enum Lifetime {
    /// Every second session until the client finishes, the others for a time of this range.
    Mixed(Range<Duration>),
    /// Until the client finishes.
    Long,
    /// Each for a time of this range.
    Each(Range<Duration>),
}

/// One session, from the client's side. Times count from the client's start.
#[derive(Clone, Debug)]
pub struct Record {
    /// Which VIP it went to.
    pub family: Family,
    /// The client's port: it finds the session in a capture.
    pub port: u16,
    /// Before its SYN.
    pub opened: Duration,
    /// When the client sent its first line.
    pub spoke: Option<Duration>,
    /// When the backend said its name.
    pub greeted: Option<Duration>,
    /// The backend that has it.
    pub backend: Option<String>,
    /// Lines to the backend.
    pub sent: Amount,
    /// Lines from the backend.
    pub received: Amount,
    /// Longest time between two lines from the backend.
    pub longest_silence: Duration,
    /// When the last line from the backend came.
    pub heard: Duration,
    /// When it ended: when its last line or its RST reached the client's host, if that is known.
    pub ended: Duration,
    /// When the client came to know of that, which a busy machine delays.
    pub noticed: Duration,
    /// How it ended.
    pub ending: Ending,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should, and every line came through both ways.
    Finished,
    /// By a RST.
    Reset,
    /// The backend closed it.
    Closed,
    /// Nothing came for too long.
    TimedOut,
    /// A line was lost, repeated, changed or another session's.
    Corrupt(String),
    /// Otherwise.
    Failed(String),
}

/// The running client; it stops when this is dropped.
#[derive(Debug)]
pub struct Sessions {
    start: std::time::Instant,
    books: Arc<Mutex<Books>>,
    stop: Option<watch::Sender<bool>>,
    thread: Option<thread::JoinHandle<Result<()>>>,
    resets: Resets,
}

#[derive(Debug, Default)]
struct Books {
    greeted: usize,
    records: Vec<Record>,
}

impl Sessions {
    /// Starts opening sessions from the client's namespace to both VIPs.
    pub fn start(lab: &Lab, pattern: Pattern) -> Result<Self> {
        Self::start_beside(lab, pattern, 0)
    }

    /// The same beside another client that has so many sessions until this one ends: its ports are left alone.
    pub fn start_beside(lab: &Lab, pattern: Pattern, others: u32) -> Result<Self> {
        let namespace = lab.client()?.try_clone()?;
        let resets = Resets::watch(&namespace)?;
        let start = std::time::Instant::now();
        let books = Arc::new(Mutex::new(Books::default()));
        let (stop, stopped) = watch::channel(false);
        let ports = Arc::new(Ports::after(others));
        let seat = Seat {
            start,
            vips: lab.plan().vips,
            pattern: Arc::new(pattern),
            books: books.clone(),
            stopped,
            ports,
        };
        let body = move || {
            namespace.enter()?;
            super::take_precedence()?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .context("start the client")?;
            runtime.block_on(seat.run_all());
            Ok(())
        };
        let thread =
            thread::Builder::new().name("sessions".to_owned()).spawn(body).context("start the client")?;
        Ok(Self { start, books, stop: Some(stop), thread: Some(thread), resets })
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Sessions that have a backend now.
    pub fn open(&self) -> usize {
        let books = lock(&self.books);
        books.greeted - books.records.iter().filter(|record| record.greeted.is_some()).count()
    }

    /// Sessions that broke so far.
    pub fn broken(&self) -> usize {
        lock(&self.books).records.iter().filter(|record| record.ending != Ending::Finished).count()
    }

    /// Sessions that ended so far.
    pub fn ended(&self) -> Vec<Record> {
        lock(&self.books).records.clone()
    }

    /// Ends every session in order and answers with all there were.
    pub fn finish(mut self) -> Result<Vec<Record>> {
        if let Some(stop) = self.stop.take() {
            stop.send_replace(true);
        }
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow!("hold sessions: the client panicked"))??;
        }
        let mut records = std::mem::take(&mut lock(&self.books).records);
        let stamps = self.resets.finish()?;
        let (real, now) = (SystemTime::now(), self.start.elapsed());
        for record in records.iter_mut().filter(|record| record.ending == Ending::Reset) {
            record.set_reset(&stamps, |stamp| {
                now.saturating_sub(real.duration_since(stamp).unwrap_or_default())
            });
        }
        Ok(records)
    }
}

impl Record {
    /// Notes when its RST came: the last one before the client noticed, for a host may ignore those before.
    fn set_reset(&mut self, stamps: &Stamps, since_start: impl Fn(SystemTime) -> Duration) {
        let stamps = stamps.get(&(self.family, self.port)).into_iter().flatten();
        let times = stamps.map(|stamp| since_start(*stamp));
        let its_own = times.filter(|time| (self.opened..=self.noticed).contains(time));
        self.ended = its_own.max().unwrap_or(self.noticed);
    }
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds one session after the other.
#[derive(Clone)]
struct Seat {
    start: std::time::Instant,
    vips: Addresses,
    pattern: Arc<Pattern>,
    books: Arc<Mutex<Books>>,
    /// True, or closed: the end.
    stopped: watch::Receiver<bool>,
    /// A SYN with the addresses of an earlier session goes where that one is pinned, and a backend that comes back may still hold
    /// that session and answer for it.
    ports: Arc<Ports>,
}

/// Time between the first sessions' openings: a thousand in two seconds.
const RAMP: Duration = Duration::from_millis(2);
/// Rest between a session that broke and the one in its place.
const REST: Duration = Duration::from_millis(20);

impl Seat {
    async fn run_all(self) {
        let mut seats = tokio::task::JoinSet::new();
        for number in 0..self.pattern.sessions {
            seats.spawn(self.clone().run(number));
            sleep(RAMP).await;
        }
        while seats.join_next().await.is_some() {}
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    async fn run(self, number: usize) {
        let family = if number.is_multiple_of(2) { Family::V4 } else { Family::V6 };
        let is_long = (number / 2).is_multiple_of(2);
        let mut random = Random::new(self.pattern.seed ^ (number as u64) << 32);
        while !self.is_stopped() {
            let lifetime = match &self.pattern.lifetime {
                Lifetime::Mixed(range) if !is_long => Some(random.within(range)),
                Lifetime::Each(range) => Some(random.within(range)),
                Lifetime::Mixed(_) | Lifetime::Long => None,
            };
            let mut session = Session::new(self.start.elapsed(), family, random.word());
            let ending = session.run(&self, lifetime, &mut random).await;
            let finished = matches!(ending, Ok(()));
            let record = session.record(self.start.elapsed(), ending.err().unwrap_or(Ending::Finished));
            lock(&self.books).records.push(record);
            if !finished {
                sleep(REST).await;
            }
        }
    }
}

struct Session {
    family: Family,
    key: u64,
    port: u16,
    opened: Duration,
    spoke: Option<Duration>,
    greeted: Option<Duration>,
    backend: Option<String>,
    talk: Talk,
    longest_silence: Duration,
    heard: Duration,
    /// How long the last line lay there before it was read.
    late: Duration,
}

impl Session {
    fn new(opened: Duration, family: Family, key: u64) -> Self {
        let talk = Talk::new(key, Side::Client);
        Self {
            family,
            key,
            port: 0,
            opened,
            spoke: None,
            greeted: None,
            backend: None,
            talk,
            longest_silence: Duration::ZERO,
            heard: opened,
            late: Duration::ZERO,
        }
    }

    fn record(self, noticed: Duration, ending: Ending) -> Record {
        let Self {
            family, port, opened, spoke, greeted, backend, talk, longest_silence, heard, late, ..
        } = self;
        let Talk { sent, received, .. } = talk;
        Record {
            family,
            port,
            opened,
            spoke,
            greeted,
            backend,
            sent,
            received,
            longest_silence,
            heard,
            ended: noticed.saturating_sub(late),
            noticed,
            ending,
        }
    }

    async fn run(
        &mut self,
        seat: &Seat,
        lifetime: Option<Duration>,
        random: &mut Random,
    ) -> Result<(), Ending> {
        let patience = seat.pattern.patience;
        let address: IpAddr = seat.vips.of(self.family);
        let socket = seat.ports.bind(self.family)?;
        self.port = socket.local_addr()?.port();
        let connect = socket.connect(SocketAddr::from((address, SESSION_PORT)));
        let mut stream = timeout(patience, connect).await.map_err(|_| Ending::TimedOut)??;
        stream.set_nodelay(true)?;
        let (reader, mut writer) = stream.split();
        let mut lines = BufReader::new(reader).lines();
        self.spoke = Some(seat.start.elapsed());
        writer.write_all(format!("open {:x}\n", self.key).as_bytes()).await?;
        let greeting = timeout(patience, lines.next_line()).await.map_err(|_| Ending::TimedOut)??;
        let greeting = greeting.ok_or(Ending::Closed)?;
        let name = greeting.strip_prefix("hello ").ok_or_else(|| Ending::Corrupt(greeting.clone()))?;
        self.backend = Some(name.to_owned());
        self.greeted = Some(seat.start.elapsed());
        lock(&seat.books).greeted += 1;

        let mut heard = Instant::now();
        let mut next = heard + random.within(&seat.pattern.pause);
        let end = lifetime.map(|lifetime| heard + lifetime);
        let mut stopped = seat.stopped.clone();
        let mut ending = seat.is_stopped();
        if ending {
            writer.write_all(b"end\n").await?;
        }
        loop {
            tokio::select! {
                line = timeout_at(heard + patience, lines.next_line()) => {
                    let line = line.map_err(|_| Ending::TimedOut)??.ok_or(Ending::Closed)?;
                    self.longest_silence = self.longest_silence.max(heard.elapsed());
                    heard = Instant::now();
                    self.heard = seat.start.elapsed();
                    if line.starts_with("bye ") {
                        self.late = arrival::since_last_data(lines.get_ref().get_ref().as_ref());
                        self.talk.compare(&line).map_err(Ending::Corrupt)?;
                        let confirmed = ending && self.talk.is_confirmed();
                        return if confirmed { Ok(()) } else { Err(Ending::Corrupt("an early bye".to_owned())) };
                    }
                    if let Some(wrong) = line.strip_prefix("wrong ") {
                        return Err(Ending::Corrupt(format!("the server says: {wrong}")));
                    }
                    if let Some(echo) = self.talk.take(&line).map_err(Ending::Corrupt)? {
                        writer.write_all(echo.as_bytes()).await?;
                    }
                }
                () = sleep_until(next), if !ending => {
                    if end.is_some_and(|end| Instant::now() >= end) {
                        ending = true;
                        writer.write_all(b"end\n").await?;
                    } else {
                        writer.write_all(self.talk.data().as_bytes()).await?;
                        next = Instant::now() + random.within(&seat.pattern.pause);
                    }
                }
                _ = stopped.changed(), if !ending => {
                    ending = true;
                    writer.write_all(b"end\n").await?;
                }
            }
        }
    }
}

impl From<io::Error> for Ending {
    fn from(error: io::Error) -> Self {
        let kind = error.kind();
        // A SYN that is refused is answered with a RST as well. Writing on after a RST was read is a broken pipe.
        let resets =
            [io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionRefused, io::ErrorKind::BrokenPipe];
        if resets.contains(&kind) {
            Self::Reset
        } else if kind == io::ErrorKind::TimedOut {
            Self::TimedOut
        } else {
            Self::Failed(error.to_string())
        }
    }
}
