//! A bounded queue between whoever logs and whoever takes it.

use std::{
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tracing_subscriber::fmt::MakeWriter;

use super::journald::Socket;

/// Records that may wait.
const RECORDS: usize = 4_096;

/// Bytes that they may have together.
const BYTES: usize = 4 << 20;

/// How long the end waits for what was logged to be taken.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where records go.
#[derive(Debug)]
pub enum Sink {
    /// Lines.
    Stderr,
    /// Entries.
    Journal(Socket),
    /// Nobody takes anything.
    #[cfg(test)]
    Stuck,
}

/// Takes records, and never waits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    sender: SyncSender<Message>,
    waiting: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Record(Vec<u8>),
    Flush(SyncSender<()>),
}

impl Queue {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// There is none to be had.
    pub fn start(sink: Sink) -> io::Result<Self> {
        let (sender, records) = sync_channel(RECORDS);
        let queue = Self { sender, waiting: Arc::default(), lost: Arc::default() };
        let (waiting, lost) = (Arc::clone(&queue.waiting), Arc::clone(&queue.lost));
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(sink, &records, &waiting, &lost))?;
        Ok(queue)
    }

    /// Takes a record; one for which there is no room is counted.
    pub fn push(&self, record: Vec<u8>) {
        let bytes = record.len();
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= BYTES
            && self.sender.try_send(Message::Record(record)).is_ok()
        {
            return;
        }
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of records that were lost.
    pub fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lost)
    }

    /// Waits for a second at most until everything was written.
    pub fn flush(&self) {
        let deadline = Instant::now() + PATIENCE;
        let (done, written) = sync_channel(1);
        let mut message = Message::Flush(done);
        while let Err(error) = self.sender.try_send(message) {
            let TrySendError::Full(unsent) = error else { return };
            if Instant::now() >= deadline {
                return;
            }
            message = unsent;
            thread::sleep(Duration::from_millis(5));
        }
        let _ = written.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

fn write_all(sink: Sink, records: &Receiver<Message>, waiting: &AtomicUsize, lost: &AtomicU64) {
    let mut told = 0;
    while let Ok(message) = records.recv() {
        match message {
            Message::Record(record) => {
                if sink.write(&record).is_err() {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
                waiting.fetch_sub(record.len(), Ordering::Relaxed);
            }
            Message::Flush(done) => drop(done.send(())),
        }
        let now_lost = lost.load(Ordering::Relaxed);
        // With half of the room free again.
        if now_lost > told && waiting.load(Ordering::Relaxed) < BYTES / 2 && sink.takes() {
            tracing::warn!("{} lines of the log are lost: they were not taken in time", now_lost - told);
            told = now_lost;
        }
    }
}

impl Sink {
    fn write(&self, record: &[u8]) -> io::Result<()> {
        match self {
            Self::Stderr => io::stderr().lock().write_all(record),
            Self::Journal(socket) => socket.send(record),
            #[cfg(test)]
            Self::Stuck => loop {
                thread::park();
            },
        }
    }

    /// Whether it is of use to tell it something.
    fn takes(&self) -> bool {
        match self {
            // A write of nothing fails where every other one would.
            Self::Stderr => true,
            Self::Journal(socket) => socket.is_there(),
            #[cfg(test)]
            Self::Stuck => false,
        }
    }
}

/// One line on its way.
#[derive(Debug)]
pub struct Line<'a> {
    queue: &'a Queue,
    bytes: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { queue: self, bytes: Vec::new() }
    }
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.queue.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_a_sink_that_takes_nothing() {
        let queue = Queue::start(Sink::Stuck).unwrap();
        for _ in 0..RECORDS * 2 {
            queue.push(b"line\n".to_vec());
        }
        // One is on its way, or about to be.
        let lost = queue.lost().load(Ordering::Relaxed) as usize;
        assert!((RECORDS - 1..=RECORDS).contains(&lost), "{lost}");
        queue.flush();
    }

    #[test]
    fn the_bytes_that_wait_are_bounded() {
        let queue = Queue::start(Sink::Stuck).unwrap();
        for _ in 0..8 {
            queue.push(vec![b'x'; BYTES / 4]);
        }
        assert_eq!(queue.lost().load(Ordering::Relaxed), 4);
        assert!(queue.waiting.load(Ordering::Relaxed) <= BYTES);
    }
}
