//! The server: one for each backend, in its namespace.

use std::{
    net::{IpAddr, SocketAddr},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{TcpListener, TcpSocket, TcpStream, tcp::ReadHalf},
    sync::oneshot,
    time::{Instant, sleep_until, timeout},
};

use super::talk::{Side, Talk};
use crate::lab::{Lab, random::Random};

/// Port of the server on both VIPs.
pub const SESSION_PORT: u16 = 7000;
/// A client that is silent for so long is gone: its session was reset by another backend, and nobody told this one.
const SILENCE: Duration = Duration::from_secs(25);
const BACKLOG: u32 = 4096;

/// The running server; it stops when this is dropped, and its sessions with it.
#[derive(Debug)]
pub struct Server {
    accepted: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Starts it on both VIPs in the namespace of that backend. Its sessions send a line after each pause of that range.
    pub fn start(lab: &Lab, backend: &str, pause: Range<Duration>) -> Result<Self> {
        let namespace = lab.namespace(backend)?.try_clone()?;
        let vips = lab.plan().vips;
        let accepted = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = std::sync::mpsc::channel();
        let (name, count) = (backend.to_owned(), accepted.clone());
        let body = move || {
            let start = || {
                namespace.enter()?;
                super::take_precedence()?;
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let _inside = runtime.enter();
                let listeners = [listen(vips.v4.into())?, listen(vips.v6.into())?];
                drop(_inside);
                anyhow::Ok((runtime, listeners))
            };
            match start() {
                Ok((runtime, listeners)) => {
                    drop(ready.send(Ok(())));
                    let service = Service { name: name.into(), pause, accepted: count };
                    runtime.block_on(async move {
                        for listener in listeners {
                            tokio::spawn(service.clone().accept(listener));
                        }
                        drop(stopped.await);
                    });
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        };
        let title = format!("sessions on {backend}");
        let thread = thread::Builder::new().name(title.clone()).spawn(body).context("start a thread")?;
        started
            .recv()
            .map_err(|_| anyhow!("it panicked"))
            .flatten()
            .with_context(|| format!("serve {title}"))?;
        Ok(Self { accepted, stop: Some(stop), thread: Some(thread) })
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
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

fn listen(vip: IpAddr) -> Result<TcpListener> {
    let address = SocketAddr::from((vip, SESSION_PORT));
    let socket =
        if vip.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.context("open a socket")?;
    socket.set_reuseaddr(true).context("reuse the address")?;
    socket.bind(address).with_context(|| format!("bind {address}"))?;
    socket.listen(BACKLOG).with_context(|| format!("listen on {address}"))
}

#[derive(Clone)]
struct Service {
    name: Arc<str>,
    pause: Range<Duration>,
    accepted: Arc<AtomicU64>,
}

impl Service {
    async fn accept(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let number = self.accepted.fetch_add(1, Ordering::Relaxed);
                    let service = self.clone();
                    // How a session ends is the client's to tell.
                    tokio::spawn(async move { service.session(stream, number).await });
                }
                // Out of descriptors, most likely: sessions end, and some come free.
                Err(error) => {
                    eprintln!("accept a session on {}: {error}", self.name);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn session(&self, mut stream: TcpStream, number: u64) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        // Nothing is left of a session that breaks: no kernel sends on in its name.
        stream.set_zero_linger().ok()?;
        let (reader, mut writer) = stream.split();
        let mut lines = BufReader::new(reader).lines();
        let opening = timeout(SILENCE, lines.next_line()).await.ok()?.ok()??;
        let Some(key) = opening.strip_prefix("open ").and_then(|key| u64::from_str_radix(key, 16).ok())
        else {
            return writer.write_all(format!("wrong opening {opening}\n").as_bytes()).await.ok();
        };
        writer.write_all(format!("hello {}\n", self.name).as_bytes()).await.ok()?;
        let mut talk = Talk::new(key, Side::Server);
        let mut random = Random::new(key ^ number);
        let mut next = Instant::now() + random.within(&self.pause);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                line = lines.next_line() => {
                    let line = line.ok()??;
                    heard = Instant::now();
                    if line == "end" {
                        writer.write_all(talk.totals("bye").as_bytes()).await.ok()?;
                        return until_closed(lines).await;
                    }
                    match talk.take(&line) {
                        Ok(Some(echo)) => writer.write_all(echo.as_bytes()).await.ok()?,
                        Ok(None) => {}
                        Err(wrong) => {
                            writer.write_all(format!("wrong {wrong}\n").as_bytes()).await.ok()?;
                            return until_closed(lines).await;
                        }
                    }
                }
                () = sleep_until(next) => {
                    if heard.elapsed() > SILENCE {
                        return None;
                    }
                    writer.write_all(talk.data().as_bytes()).await.ok()?;
                    next = Instant::now() + random.within(&self.pause);
                }
            }
        }
    }
}

/// The client closes first: with zero linger, closing here would take from it what it has not read.
async fn until_closed(mut lines: Lines<BufReader<ReadHalf<'_>>>) -> Option<()> {
    while timeout(SILENCE, lines.next_line()).await.ok()?.ok()?.is_some() {}
    Some(())
}
