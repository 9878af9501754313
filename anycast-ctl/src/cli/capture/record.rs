//! One capture, from its begin to its end.

use std::{io::Write as _, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep_until},
};

use super::{
    sink::{Sink, Unread},
    tally::Counts,
};
use crate::api::{
    client::{CaptureLines, Client, ClientError},
    types::{CaptureLine, NewCapture},
};

/// How long what came may wait to be written.
const FLUSH: Duration = Duration::from_millis(100);

/// How long the daemon may take for what is under way when a capture is ended. Whoever asks twice does not wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked for.
pub struct Order {
    pub wanted: NewCapture,
    pub write: Option<PathBuf>,
    pub force: bool,
    pub json: bool,
    pub count: Option<u64>,
    pub lasts: Option<Duration>,
}

/// Captures, and tells the counts at the end.
pub async fn record(client: &Client, order: Order) -> anyhow::Result<()> {
    // Before the daemon is asked: what cannot be written needs no capture. A pipe may wait here for its reader.
    let sink = Sink::open(order.write.as_deref(), order.force, order.json, &order.wanted)?;
    let signals = Signals::new().context("watch for signals")?;
    let lines = client.capture(&order.wanted).await.context("begin to capture")?;
    let json = order.json;
    let mut recorder = Recorder {
        client,
        lines,
        sink,
        counts: Counts::default(),
        id: None,
        most: order.count.unwrap_or(u64::MAX),
        ends_at: order.lasts.map(|lasts| Instant::now() + lasts),
        is_ending: false,
        signals,
    };
    let outcome = recorder.run().await;
    let counts = recorder.counts;
    let told = if json { serde_json::to_string(&counts)? } else { counts.line() };
    // Who has closed stderr does not want to know.
    let _ = writeln!(std::io::stderr(), "{told}");
    match outcome.as_ref().map_err(|error| error.downcast_ref()) {
        Err(Some(Unread::Gone)) => Ok(()),
        // The runtime's end would wait for the write.
        Err(Some(Unread::Stuck)) => std::process::exit(0),
        Ok(()) | Err(None) => outcome,
    }
}

struct Recorder<'a> {
    client: &'a Client,
    lines: CaptureLines,
    sink: Sink,
    counts: Counts,
    /// The capture's number, once that was told.
    id: Option<u64>,
    /// Packets to be written.
    most: u64,
    ends_at: Option<Instant>,
    /// Whether the daemon was told to end it.
    is_ending: bool,
    signals: Signals,
}

impl Recorder<'_> {
    async fn run(&mut self) -> anyhow::Result<()> {
        let mut flush_at = None;
        loop {
            let ends_at = self.ends_at.unwrap_or_else(Instant::now);
            tokio::select! {
                line = self.lines.next() => {
                    // A connection that breaks is a daemon that was killed.
                    let line = match line {
                        Err(ClientError::Http(_)) => None,
                        line => line.context("read the daemon's answer")?,
                    };
                    if !self.take(line).await? {
                        return self.flush().await;
                    }
                    if self.sink.is_full() {
                        self.flush().await?;
                        flush_at = None;
                    } else if self.sink.is_pending() {
                        flush_at.get_or_insert_with(|| Instant::now() + FLUSH);
                    }
                }
                () = sleep_until(flush_at.unwrap_or(ends_at)), if flush_at.is_some() => {
                    self.flush().await?;
                    flush_at = None;
                }
                () = sleep_until(ends_at), if self.ends_at.is_some() => {
                    if self.is_ending {
                        bail!("the daemon does not end the capture within {} s", PATIENCE.as_secs());
                    }
                    self.end().await?;
                }
                () = self.signals.next() => {
                    if self.is_ending {
                        // Whoever asks twice does not want to wait.
                        return self.flush().await;
                    }
                    self.end().await?;
                }
            }
        }
    }

    /// Writes what is there; a signal ends a write that stands still.
    async fn flush(&mut self) -> anyhow::Result<()> {
        tokio::select! {
            written = self.sink.flush() => written,
            () = self.signals.next() => Err(Unread::Stuck.into()),
        }
    }

    /// Whether more is to come.
    async fn take(&mut self, line: Option<CaptureLine>) -> anyhow::Result<bool> {
        match line {
            Some(CaptureLine::Begun(status)) => {
                self.id = Some(status.id);
                // Whoever did not want it any more before it had begun.
                if self.is_ending {
                    self.tell(status.id).await?;
                }
            }
            Some(CaptureLine::Packet(packet)) if self.counts.written < self.most => {
                self.sink.add(*packet)?;
                self.counts.written += 1;
                if self.counts.written == self.most {
                    self.end().await?;
                }
            }
            Some(CaptureLine::Packet(_)) => {}
            Some(CaptureLine::Tally(tally)) => self.counts.tally = tally,
            Some(CaptureLine::Ended(tally)) => {
                self.counts.tally = tally;
                if !self.is_ending {
                    self.flush().await?;
                    bail!("the capture was ended by somebody else, or the daemon is stopping");
                }
                return Ok(false);
            }
            None => {
                self.flush().await?;
                bail!("the daemon went away: what it had shown until then is written");
            }
        }
        Ok(true)
    }

    /// Has the daemon end it, which it does when all that is under way has been sent.
    async fn end(&mut self) -> anyhow::Result<()> {
        if self.is_ending {
            return Ok(());
        }
        self.is_ending = true;
        // One that has not begun has no number yet: it is told when it has.
        self.ends_at = None;
        match self.id {
            Some(id) => self.tell(id).await,
            None => Ok(()),
        }
    }

    async fn tell(&mut self, id: u64) -> anyhow::Result<()> {
        self.ends_at = Some(Instant::now() + PATIENCE);
        self.client.end_capture(id).await.map(drop).context("end the capture")
    }
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
