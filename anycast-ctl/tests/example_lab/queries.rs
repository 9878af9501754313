//! A steady stream of DNS queries over UDP, each from a port of its own, so that they take all ways there are.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    net::UdpSocket,
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use xtask::lab::Namespace;

/// 200 a second.
const PAUSE: Duration = Duration::from_millis(5);
/// An answer that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// `www.example.org`, and its only record.
const NAME: &[u8] = b"\x03www\x07example\x03org\x00";
const ANSWER: [u8; 4] = [198, 51, 100, 80];

/// What became of a query.
#[derive(Clone, Debug)]
enum Outcome {
    /// Rightly answered, by that server.
    Answered(String),
    /// Not answered, or refused by the server's host.
    Lost,
    /// Answered, but not as it should be.
    Wrong(Vec<u8>),
}

type Records = Arc<Mutex<Vec<(Instant, Outcome)>>>;

/// The stream; it ends when this is dropped.
pub struct Queries {
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    records: Records,
}

impl Queries {
    /// From a host to these addresses in turn; the servers are known by these names (NSID).
    pub fn start(namespace: &Namespace, vips: [IpAddr; 2], servers: &[&str]) -> Self {
        let namespace = namespace.try_clone().unwrap();
        let servers: Arc<[String]> = servers.iter().map(|name| (*name).to_owned()).collect();
        let (stop, mut stopped) = watch::channel(());
        let records = Records::default();
        let book = records.clone();
        let body = async move {
            let mut ticks = interval(PAUSE);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut asked = Vec::new();
            for number in 0.. {
                tokio::select! {
                    _ = ticks.tick() => {}
                    _ = stopped.changed() => break,
                }
                let (vip, servers, book) = (vips[number % 2], servers.clone(), book.clone());
                asked.push(tokio::spawn(async move {
                    let sent = Instant::now();
                    let outcome = ask(vip, number, &servers).await;
                    book.lock().unwrap().push((sent, outcome));
                }));
            }
            for query in asked {
                query.await.unwrap();
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

impl Drop for Queries {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

async fn ask(vip: IpAddr, number: usize, servers: &[String]) -> Outcome {
    let id = u16::try_from(number % 65_536).unwrap().to_be_bytes();
    // One question; one additional record: OPT of 1,232 bytes with an empty NSID option (RFC 6891, RFC 5001).
    let header = [id[0], id[1], 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 3, 0, 0];
    let query = [&header[..], NAME, &[0, 1, 0, 1], &opt].concat();
    let any = match vip {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::from((any, 0))).await.unwrap();
    let mut answer = vec![0; 2048];
    let exchange = async {
        socket.connect(SocketAddr::from((vip, 53))).await?;
        socket.send(&query).await?;
        socket.recv(&mut answer).await
    };
    let Ok(Ok(length)) = timeout(PATIENCE, exchange).await else { return Outcome::Lost };
    answer.truncate(length);
    let has = |bytes: &[u8]| answer.windows(bytes.len()).any(|window| window == bytes);
    let server = servers.iter().find(|name| has(name.as_bytes()));
    // An answer, without an error, of one record.
    let is_right = length > 12 && answer[..2] == id && answer[2] & 0x80 != 0 && answer[3] & 0x0f == 0;
    match server {
        Some(server) if is_right && answer[7] == 1 && has(&ANSWER) => Outcome::Answered(server.clone()),
        Some(_) | None => Outcome::Wrong(answer),
    }
}

/// Every query.
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
}

impl Asked {
    /// Queries that were sent between these moments.
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
                Outcome::Lost => lost.push(*sent),
                Outcome::Wrong(answer) => {
                    println!("wrong: {answer:02x?}");
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
        let Self { sent, answered, lost, wrong, gap, by } = self;
        let ms = gap.as_millis();
        write!(out, "{sent} sent, {answered} answered, {lost} lost within {ms} ms, {wrong} wrong; by {by:?}")
    }
}
