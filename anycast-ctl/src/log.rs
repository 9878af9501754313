//! What the daemon says to its log: lines on stderr for people or as JSON, or entries of the journal with fields.
//!
//! ```text
//!   tracing ─▶ filter, changed at run time ─▶ one record a line ─▶ bounded queue ─▶ thread ─▶ stderr or journal
//! ```
//!
//! Whoever logs never waits: when the queue is full, lines are counted instead, and the count is logged when there is room
//! again.

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::Context as _;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt as _, registry::LookupSpan, reload,
    util::SubscriberInitExt as _,
};

pub mod journald;
pub mod level;
mod queue;
mod text;

use self::{
    level::Control,
    queue::{Queue, Sink},
};

/// Where journald listens, systemd-journald.service(8).
pub const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// As entries of the journal where stderr leads there, else as text
    Auto,
    /// A line each, for people
    Text,
    /// A JSON object each
    Json,
    /// Entries of the journal, with fields
    Journald,
}

impl Format {
    /// `text`, `json` or `journald`.
    const fn label(self) -> &'static str {
        match self {
            Self::Auto | Self::Text => "text",
            Self::Json => "json",
            Self::Journald => "journald",
        }
    }
}

/// What to log, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The filter.
    pub filter: String,
    /// How lines are written.
    pub format: Format,
    /// Where journald listens.
    pub journal: PathBuf,
}

/// Takes care that what was logged is written before the process ends. Whoever does not take it in a second loses it.
#[derive(Debug)]
#[must_use = "what is logged last is lost without it"]
pub struct Guard(Queue);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.flush();
    }
}

static CONTROL: OnceLock<Control> = OnceLock::new();

/// What is logged by this process, if it logs at all.
pub fn control() -> Option<&'static Control> {
    CONTROL.get()
}

/// Begins to log. Once in a process.
///
/// # Errors
/// Nothing listens where journald should, a thread is not to be had, or it has begun already.
pub fn start(options: &Options) -> anyhow::Result<Guard> {
    let format = match options.format {
        Format::Auto if leads_to_journal() && journald::Socket::open(&options.journal).is_ok() => {
            Format::Journald
        }
        Format::Auto => Format::Text,
        Format::Text => Format::Text,
        Format::Json => Format::Json,
        Format::Journald => Format::Journald,
    };
    let filter = EnvFilter::try_new(&options.filter).context("read the filter of the log")?;
    let (filter, handle) = reload::Layer::new(filter);
    let queue = Queue::start(sink(format, &options.journal)?).context("start the thread of the log")?;
    let subscriber = Registry::default().with(filter).with(layer(format, queue.clone()));
    subscriber.try_init().context("begin to log")?;
    let control = Control::new(handle, options.filter.clone(), format.label(), queue.lost());
    CONTROL.set(control).map_err(|_| anyhow::anyhow!("begin to log: this process does already"))?;
    Ok(Guard(queue))
}

fn sink(format: Format, journal: &Path) -> anyhow::Result<Sink> {
    Ok(match format {
        Format::Auto | Format::Text | Format::Json => Sink::Stderr,
        Format::Journald => Sink::Journal(journald::Socket::open(journal).with_context(|| {
            format!("reach the journal at {}: use --log-format text where there is none", journal.display())
        })?),
    })
}

fn layer<S>(format: Format, queue: Queue) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = fmt::layer().with_target(false);
    match format {
        Format::Journald => journald::Journal::new(queue).boxed(),
        Format::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            lines.with_target(true).with_writer(queue).boxed()
        }
        Format::Auto | Format::Text => {
            let lines =
                lines.fmt_fields(text::Fields).with_ansi(io::stderr().is_terminal()).with_writer(queue);
            // journald stamps every line itself, systemd.exec(5).
            if std::env::var_os("JOURNAL_STREAM").is_some() {
                lines.without_time().boxed()
            } else {
                lines.boxed()
            }
        }
    }
}

/// Whether stderr is the stream that the service manager connected with the journal, systemd.exec(5), `$JOURNAL_STREAM`.
fn leads_to_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stat) = nix::sys::stat::fstat(io::stderr()) else { return false };
    stream == format!("{}:{}", stat.st_dev, stat.st_ino)
}
