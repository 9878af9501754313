//! Asks the daemon, on a thread of its own: a large answer takes a while to be read, and keys do not wait for it.

use std::{
    io,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::{Instant, sleep_until},
};

use super::picture::{Picture, Sample};
use crate::api::{
    client::{Client, ClientError},
    types::BackendHealth,
};

/// Messages that may wait. While nobody takes them the daemon is not asked.
const QUEUE: usize = 16;
/// A daemon that is away is asked at least so often.
const RETRY: Duration = Duration::from_secs(2);

/// What whoever shows is told.
#[derive(Debug)]
pub enum Message {
    /// How things are.
    Picture(Arc<Picture>),
    /// The checks of a backend that is looked at, with all results that are kept, and the name of its pool.
    Health(String, Box<BackendHealth>),
    /// The daemon does not answer.
    Away(ClientError),
    /// Something happened at the terminal.
    Terminal(io::Result<ratatui::crossterm::event::Event>),
    /// Somebody wants this program to end.
    End,
    /// The thread that asks has ended, which it never should.
    Broken,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    interval: Duration,
    /// The backend that is looked at: its pool, its name.
    backend: Option<(String, String)>,
}

/// The asking thread's other end.
#[derive(Debug)]
pub struct Follower {
    wanted: watch::Sender<Wanted>,
    messages: mpsc::Receiver<Message>,
    sender: mpsc::SyncSender<Message>,
}

/// Starts to ask that often.
///
/// # Errors
/// The thread or its runtime cannot be started.
pub fn start(client: Client, interval: Duration) -> io::Result<Follower> {
    let (wanted, changes) = watch::channel(Wanted { interval, backend: None });
    let (sender, messages) = mpsc::sync_channel(QUEUE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = sender.clone();
    // Not joined: it ends when nobody listens, or with the process.
    thread::Builder::new().name("follow".to_owned()).spawn(move || {
        let end = EndOfThread(told.clone());
        runtime.block_on(follow(client, changes, told));
        drop(end);
    })?;
    Ok(Follower { wanted, messages, sender })
}

/// Tells the other end when the thread is over, whatever ended it.
struct EndOfThread(mpsc::SyncSender<Message>);

impl Drop for EndOfThread {
    fn drop(&mut self) {
        let _ = self.0.send(Message::Broken);
    }
}

impl Follower {
    /// The next message; `None` when there is none for that long.
    pub fn next(&self, patience: Duration) -> Option<Message> {
        self.messages.recv_timeout(patience).ok()
    }

    /// A message that is there already.
    pub fn ready(&self) -> Option<Message> {
        self.messages.try_recv().ok()
    }

    /// Where others put their messages.
    pub fn sender(&self) -> mpsc::SyncSender<Message> {
        self.sender.clone()
    }

    /// Asks at another interval from here on.
    pub fn set_interval(&self, interval: Duration) {
        self.wanted.send_if_modified(|wanted| std::mem::replace(&mut wanted.interval, interval) != interval);
    }

    /// Also asks for the checks of that backend (pool, name).
    pub fn look_at(&self, backend: Option<(String, String)>) {
        self.wanted.send_if_modified(|wanted| {
            let differs = wanted.backend != backend;
            wanted.backend = backend;
            differs
        });
    }

    /// Passes SIGTERM, SIGINT and SIGHUP on as [`Message::End`]. If nobody takes it within some seconds, as a terminal that
    /// is stuck keeps the drawing from going on, the process ends without it.
    ///
    /// # Errors
    /// Signals cannot be watched for.
    pub fn end_on_signals(&self) -> io::Result<()> {
        const PATIENCE: Duration = Duration::from_secs(3);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _inside = runtime.enter();
            [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()]
                .map(signal)
                .into_iter()
                .collect::<io::Result<Vec<_>>>()?
        };
        let sender = self.sender();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                let any = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
                futures_util::future::select_all(any).await;
            });
            let _ = sender.try_send(Message::End);
            thread::sleep(PATIENCE);
            super::terminal::restore();
            std::process::exit(1);
        })?;
        Ok(())
    }
}

async fn follow(client: Client, mut changes: watch::Receiver<Wanted>, told: mpsc::SyncSender<Message>) {
    let begun = Instant::now();
    let mut before: Option<Arc<Picture>> = None;
    loop {
        let asked = Instant::now();
        let wanted = changes.borrow_and_update().clone();
        let mut is_away = false;
        let message = match sample(&client).await {
            Ok((sample, read)) => {
                let picture = Arc::new(Picture::next(before.as_deref(), sample, read - begun));
                before = Some(Arc::clone(&picture));
                Message::Picture(picture)
            }
            Err(error) => {
                is_away = true;
                Message::Away(error)
            }
        };
        if told.send(message).is_err() {
            return;
        }
        let answered = Instant::now();
        let mut backend = wanted.backend;
        loop {
            if let Some((pool, name)) = backend.take()
                && let Ok(health) = client.backend_health(&pool, &name).await
                && told.send(Message::Health(pool, Box::new(health))).is_err()
            {
                return;
            }
            let interval = changes.borrow_and_update().interval;
            let interval = if is_away { interval.min(RETRY) } else { interval };
            // After an answer that was long in coming, not at once: nobody knows when in that time counters were read.
            let next = (asked + interval).max(answered + interval / 2);
            tokio::select! {
                () = sleep_until(next) => break,
                changed = changes.changed() => match changed {
                    // A backend that was opened is asked for at once; the rest when its time comes.
                    Ok(()) => backend = changes.borrow_and_update().backend.clone(),
                    Err(_) => return,
                },
            }
        }
    }
}

/// What the daemon says, and when it read its counters, as far as that can be known: midway between question and answer.
async fn sample(client: &Client) -> Result<(Sample, Instant), ClientError> {
    let asked = Instant::now();
    let status = client.status().await?;
    let read = asked + asked.elapsed() / 2;
    let (health, announcements) = tokio::try_join!(client.health(), client.announcements())?;
    Ok((Sample { status, health, announcements }, read))
}
