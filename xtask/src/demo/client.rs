//! Real HTTP connections from the client's namespace, one request each, at a steady rate.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Semaphore,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::lab::{Addresses, Family, Lab, ports::Ports, server::HTTP_PORT};

/// Connections open at once; beyond it the client falls behind its rate.
const CONCURRENT: usize = 64;
/// Longer than a lost SYN's first retransmissions (1 s, 2 s): a lost packet delays, it does not fail.
const TIME_LIMIT: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(5);

/// One connection, from the client's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Which VIP it went to.
    pub family: Family,
    /// When it was opened, since the traffic started.
    pub opened: Duration,
    /// When it was answered or failed, since the traffic started.
    pub ended: Duration,
    /// The backend that answered, or what went wrong.
    pub outcome: Result<String, String>,
}

/// The running client; it stops when this is dropped.
#[derive(Debug)]
pub struct Traffic {
    start: Instant,
    stop: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<Connection>>>,
    thread: Option<thread::JoinHandle<Result<()>>>,
}

impl Traffic {
    /// Starts opening that many connections a second, to both VIPs in turn.
    pub fn start(lab: &Lab, per_second: u32) -> Result<Self> {
        let namespace = lab.client()?.try_clone()?;
        let vips = lab.plan().vips;
        let start = Instant::now();
        let stop = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let ports = Arc::new(Ports::after(0));
        let work =
            Work { start, stop: stop.clone(), connections: connections.clone(), vips, ports, per_second };
        let body = move || {
            namespace.enter()?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .context("start the client")?;
            runtime.block_on(work.run());
            Ok(())
        };
        let thread =
            thread::Builder::new().name("client".to_owned()).spawn(body).context("start the client")?;
        Ok(Self { start, stop, connections, thread: Some(thread) })
    }

    /// Time since the traffic started.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Connections that ended, from the given one on.
    pub fn since(&self, first: usize) -> Vec<Connection> {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.get(first..).unwrap_or_default().to_vec()
    }

    /// Opens no more, waits for those that are open, and answers with all of them.
    pub fn finish(mut self) -> Result<Vec<Connection>> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow!("run the client: it panicked"))??;
        }
        Ok(self.since(0))
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct Work {
    start: Instant,
    stop: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<Connection>>>,
    vips: Addresses,
    ports: Arc<Ports>,
    per_second: u32,
}

impl Work {
    async fn run(&self) {
        let permits = Arc::new(Semaphore::new(CONCURRENT));
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut opened: u64 = 0;
        while !self.stop.load(Ordering::Relaxed) {
            tick.tick().await;
            let due = (self.start.elapsed().as_secs_f64() * f64::from(self.per_second)) as u64;
            while opened < due {
                // Never closed, so a permit always comes.
                let Ok(permit) = permits.clone().acquire_owned().await else { return };
                let (work, family) =
                    (self.clone(), if opened.is_multiple_of(2) { Family::V4 } else { Family::V6 });
                opened += 1;
                tokio::spawn(async move {
                    work.connection(family).await;
                    drop(permit);
                });
            }
        }
        let all = u32::try_from(CONCURRENT).unwrap_or(u32::MAX);
        let _every_connection_ended = permits.acquire_many(all).await;
    }

    async fn connection(&self, family: Family) {
        let opened = self.start.elapsed();
        let outcome = match timeout(TIME_LIMIT, self.request(family)).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {TIME_LIMIT:?}")),
        };
        let connection = Connection { family, opened, ended: self.start.elapsed(), outcome };
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    /// One request over a connection of its own; answers with the name in the body.
    async fn request(&self, family: Family) -> std::io::Result<String> {
        let socket = self.ports.bind(family)?;
        let mut stream = socket.connect(SocketAddr::from((self.vips.of(family), HTTP_PORT))).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::with_capacity(512);
        stream.read_to_string(&mut answer).await?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.trim().to_owned()),
            _ => Err(std::io::Error::other("an answer that is not HTTP 200")),
        }
    }
}
