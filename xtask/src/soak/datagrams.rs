//! UDP to the VIPs: servers that say their name, and clients that notice when another one answers.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use tokio::{
    net::UdpSocket,
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::lab::{Addresses, Family, Namespace, random::Random};

/// Port of the server on the VIPs.
pub const PORT: u16 = 7200;
/// A datagram of this length goes in fragments.
const LONG: usize = 3000;
const SHORT: usize = 64;
/// Every so many-th client sends long ones.
const LONG_EVERY: usize = 4;
/// An answer that takes longer is taken for lost.
const PATIENCE: Duration = Duration::from_millis(800);
/// A client rests so long between two datagrams; shorter than pins live.
const PAUSE: std::ops::Range<Duration> = Duration::from_millis(100)..Duration::from_millis(400);

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<Result<()>>>,
}

impl Server {
    /// Starts one in the namespace of a host that holds these addresses.
    pub fn start(namespace: &Namespace, vips: Addresses) -> Result<Self> {
        let (namespace, name) = (namespace.try_clone()?, namespace.name().to_owned());
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = std::sync::mpsc::channel();
        let body = move || {
            namespace.enter()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                for family in Family::ALL {
                    let address = SocketAddr::from((vips.of(family), PORT));
                    let socket = UdpSocket::bind(address).await.with_context(|| format!("bind {address}"))?;
                    tokio::spawn(answer(socket, name.clone()));
                }
                let _ = ready.send(());
                drop(stopped.await);
                Ok(())
            })
        };
        let thread =
            thread::Builder::new().name("datagrams".to_owned()).spawn(body).context("start a thread")?;
        // Without the word the thread has ended, with an error that says why.
        if started.recv().is_err() {
            thread.join().map_err(|_| anyhow!("serve datagrams: the thread panicked"))??;
            return Err(anyhow!("serve datagrams: the server ended at once"));
        }
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed.
            let _ = thread.join();
        }
    }
}

/// Sends each datagram back with the name in front.
async fn answer(socket: UdpSocket, name: String) {
    let mut datagram = vec![0; 1 << 16];
    loop {
        // An error is one that ICMP brought about an earlier answer.
        let Ok((length, client)) = socket.recv_from(&mut datagram).await else { continue };
        let start = datagram.get(..length.min(SHORT)).unwrap_or_default();
        let _ = socket.send_to(&[name.as_bytes(), b" ", start].concat(), client).await;
    }
}

/// A client's datagrams were one server's, and then another's. Times count from the start of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub family: Family,
    /// The client's port.
    pub port: u16,
    pub from: String,
    pub to: String,
    /// When the first one's last datagram had been sent.
    pub left: Duration,
    /// When the other's first answer came.
    pub came: Duration,
}

/// A client that has another port is another flow: none lasts so long that a drain would wait for it.
const LIFETIME: std::ops::Range<Duration> = Duration::from_secs(10)..Duration::from_secs(50);

/// What became of all datagrams.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub sent: u64,
    pub answered: u64,
    /// Of those, longer than a packet.
    pub long_sent: u64,
    pub long_answered: u64,
    pub moves: Vec<Move>,
}

/// Running clients; they stop when this is dropped.
#[derive(Debug)]
pub struct Clients {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    thread: Option<thread::JoinHandle<Result<()>>>,
}

impl Clients {
    /// Starts so many clients of each VIP in that namespace.
    pub fn start(
        namespace: &Namespace,
        vips: Addresses,
        count: usize,
        start: Instant,
        seed: u64,
    ) -> Result<Self> {
        let namespace = namespace.try_clone()?;
        let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Tally::default())));
        let (stopped, books) = (stop.clone(), tally.clone());
        let body = move || {
            namespace.enter()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut clients = tokio::task::JoinSet::new();
                for (number, family) in
                    (0..count).flat_map(|number| Family::ALL.map(|family| (number, family)))
                {
                    let client = Client {
                        family,
                        length: if number % LONG_EVERY == LONG_EVERY - 1 { LONG } else { SHORT },
                        vip: vips.of(family),
                        socket: open(vips.of(family)).await?,
                        start,
                        books: books.clone(),
                        random: Random::new(seed ^ (number as u64) << 8 ^ u64::from(family == Family::V6)),
                    };
                    clients.spawn(client.run(stopped.clone()));
                }
                while clients.join_next().await.is_some() {}
                Ok(())
            })
        };
        let thread =
            thread::Builder::new().name("datagrams".to_owned()).spawn(body).context("start a thread")?;
        Ok(Self { stop, tally, thread: Some(thread) })
    }

    /// Sends no more and answers with what became of all.
    pub fn finish(mut self) -> Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow!("send datagrams: the clients panicked"))??;
        }
        Ok(lock(&self.tally).clone())
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn open(vip: IpAddr) -> Result<UdpSocket> {
    let any = match vip {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await.context("open a UDP socket")?;
    socket.connect((vip, PORT)).await.with_context(|| format!("connect to {vip}"))?;
    Ok(socket)
}

struct Client {
    family: Family,
    length: usize,
    vip: IpAddr,
    socket: UdpSocket,
    start: Instant,
    books: Arc<Mutex<Tally>>,
    random: Random,
}

impl Client {
    async fn run(mut self, stop: Arc<AtomicBool>) {
        let mut last: Option<(String, Duration)> = None;
        let mut number = 0_u64;
        let mut until = Instant::now() + self.random.within(&LIFETIME);
        while !stop.load(Ordering::Relaxed) {
            if Instant::now() >= until
                && let Ok(socket) = open(self.vip).await
            {
                until = Instant::now() + self.random.within(&LIFETIME);
                (self.socket, last) = (socket, None);
            }
            number += 1;
            let sent = self.start.elapsed();
            let answered = timeout(PATIENCE, self.ask(number)).await;
            let name = match answered {
                Ok(Ok(name)) => Some(name),
                // An ICMP error: the path's MTU became known, or nobody listens there. The next one shows.
                Ok(Err(_)) | Err(_) => None,
            };
            self.note(&mut last, sent, name);
            sleep(self.random.within(&PAUSE)).await;
        }
    }

    fn note(&self, last: &mut Option<(String, Duration)>, sent: Duration, name: Option<String>) {
        let mut tally = lock(&self.books);
        let is_long = u64::from(self.length > SHORT);
        tally.sent += 1;
        tally.long_sent += is_long;
        let Some(name) = name else { return };
        tally.answered += 1;
        tally.long_answered += is_long;
        if let Some((from, left)) = last.replace((name.clone(), sent)).filter(|(from, _)| *from != name) {
            tally.moves.push(Move {
                family: self.family,
                port: self.socket.local_addr().map_or(0, |address| address.port()),
                from,
                to: name,
                left,
                came: self.start.elapsed(),
            });
        }
    }

    /// Sends a datagram and waits for its own answer.
    async fn ask(&self, number: u64) -> io::Result<String> {
        let mut datagram = format!("{number} ").into_bytes();
        datagram.resize(self.length, b'.');
        self.socket.send(&datagram).await?;
        let mut answer = [0; 256];
        loop {
            let length = self.socket.recv(&mut answer).await?;
            let text = String::from_utf8_lossy(answer.get(..length).unwrap_or_default());
            let mut words = text.split(' ');
            if let (Some(name), Some(found)) = (words.next(), words.next())
                && found == number.to_string()
            {
                return Ok(name.to_owned());
            }
        }
    }
}
