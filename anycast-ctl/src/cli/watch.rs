//! `anycast-ctl watch`

use std::{
    io::{self, IsTerminal as _, Write as _},
    os::fd::AsFd as _,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, builder::PossibleValuesParser};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Common, block_on, complete, output};
use crate::{
    api::{
        client::{Client, ClientError, Frame, Watch as Stream},
        types::{Event, Severity, Told},
    },
    events::Since,
};

mod filter;
mod line;
mod packets;

use self::{filter::Filter, packets::Packets};

/// How long whoever was cut off waits at first: a daemon that ends may still answer.
const PAUSE: Duration = Duration::from_millis(100);

/// How often a daemon that went is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How often it is looked whether anybody still reads.
const LOOK_FOR_READER: Duration = Duration::from_secs(1);

/// Show what happens, as it happens: health, drains, announcements, tables, drops, changes, and who made them
///
/// One line an event: when (UTC), whether somebody should look, whom it is about, and what happened. The daemon keeps the last
/// 10,000 (`run --keep-events`). When it is restarted this waits for it and goes on; nothing is shown twice.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl watch                                  from now on
  anycast-ctl watch --since 10m                      the last ten minutes, and on
  anycast-ctl watch --since 10m --no-follow          the last ten minutes, and end
  anycast-ctl watch --since 2026-11-21T18:00:00Z     from then on
  anycast-ctl watch --pool web --severity warning    what somebody should look at of one pool
  anycast-ctl watch --backend web/web-2 --exit-on drain    until something is said of its drain
  anycast-ctl watch --kind drops --packets 1         what is dropped, with a packet a second of it
  anycast-ctl watch --json | jq -r 'select(.event == \"drops\") | .reason'

With --json an event is an object on a line. Several --kind, --vip, --pool or --backend are
alternatives of each other; different options must all hold. An event is of a VIP, pool or
backend if it names it: a table is its pool's, and no VIP's.")]
pub struct Watch {
    /// Begin earlier: how long ago (10m), a time (2026-11-21T18:00:00Z), or behind the event of that number
    #[arg(long, value_name = "PLACE")]
    since: Option<Since>,

    /// End when all that is kept was shown
    #[arg(long)]
    no_follow: bool,

    /// Only events of this VIP
    #[arg(long, value_name = "NAME", add = complete::vips())]
    vip: Vec<String>,

    /// Only events of this pool
    #[arg(long, value_name = "NAME", add = complete::pools())]
    pool: Vec<String>,

    /// Only events of this backend: NAME, or POOL/NAME
    #[arg(long, value_name = "NAME", add = complete::backends())]
    backend: Vec<String>,

    /// Only events of this kind
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(Event::KINDS))]
    kind: Vec<String>,

    /// Only events that are as bad as this, or worse
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<Severity>,

    /// Show dropped packets as well, at most so many a second. For as long as this runs, the program on the interfaces is one that
    /// shows packets, for which each costs more; see `anycast-ctl capture`
    #[arg(long, value_name = "PER_SECOND", conflicts_with = "no_follow", value_parser = clap::value_parser!(u32).range(1..=1000))]
    packets: Option<u32>,

    /// End after the first event of this kind that is shown
    #[arg(long, value_name = "KIND", hide_possible_values = true, conflicts_with = "no_follow",
        value_parser = PossibleValuesParser::new(Event::KINDS))]
    exit_on: Vec<String>,
}

/// What is said when the daemon is away.
const AWAY: &str = "the daemon is away: waiting for it";

/// Shows events.
struct Shower {
    filter: Filter,
    exit_on: Vec<String>,
    json: bool,
    colours: bool,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    /// Nobody reads, or what was waited for has come.
    End,
}

/// Why a stream of events is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Nobody reads, or what was waited for has come.
    Done,
    /// It was read too slowly; what was missed is kept.
    Dropped,
    /// The daemon ended.
    Away,
}

impl Watch {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { since, no_follow, vip, pool, backend, kind, severity, packets, exit_on } = self;
        let packets = Packets::new(packets, &vip);
        let shower = Shower {
            filter: Filter { vips: vip, pools: pool, backends: backend, kinds: kind, severity },
            exit_on,
            json: common.json,
            colours: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        if no_follow {
            let kept = block_on(client.kept(since.unwrap_or(Since::Sequence(0))))?
                .context("ask for the events that are kept")?;
            for told in kept {
                if shower.show(&told)? == Next::End {
                    break;
                }
            }
            return Ok(());
        }
        block_on(follow(client, since, &shower, packets))?
    }
}

/// Shows what happens until nobody reads any more.
async fn follow(
    client: &Client,
    since: Option<Since>,
    shower: &Shower,
    mut packets: Packets,
) -> anyhow::Result<()> {
    let mut place = since;
    let mut stream = client.watch(place).await.context("watch for events")?;
    packets.begin(client).await.context("begin to capture what is dropped")?;
    loop {
        let over = read(&mut stream, &mut packets, &mut place, shower).await?;
        if over == Over::Done {
            return Ok(());
        }
        let Some(again) = come_back(client, place, over == Over::Away).await? else { return Ok(()) };
        stream = again;
        if over == Over::Away {
            packets.begin(client).await.context("begin again to capture what is dropped")?;
        }
    }
}

/// Shows events until the stream is over, and notes the number of the last in `place`.
async fn read(
    stream: &mut Stream,
    packets: &mut Packets,
    place: &mut Option<Since>,
    shower: &Shower,
) -> anyhow::Result<Over> {
    let mut over = Over::Away;
    let mut look = interval(LOOK_FOR_READER);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let frame = tokio::select! {
            frame = stream.next() => frame.context("watch for events")?,
            packet = packets.next() => {
                if print(&packets::line(&*packet?, shower.json)?)? == Next::End {
                    return Ok(Over::Done);
                }
                continue;
            }
            _ = look.tick() => {
                if is_unread() {
                    return Ok(Over::Done);
                }
                continue;
            }
        };
        let Some(frame) = frame else { return Ok(over) };
        if frame.kind == "dropped" {
            over = Over::Dropped;
        }
        *place = Some(Since::Sequence(frame.sequence));
        if shower.show_frame(&frame)? == Next::End {
            return Ok(Over::Done);
        }
    }
}

/// Waits for the daemon, and says so if it is away; `None`: nobody reads any more.
async fn come_back(
    client: &Client,
    place: Option<Since>,
    mut is_away: bool,
) -> anyhow::Result<Option<Stream>> {
    if is_away {
        note(AWAY);
    }
    sleep(PAUSE).await;
    loop {
        match client.watch(place).await {
            Ok(stream) => {
                if is_away {
                    note("the daemon is back");
                }
                return Ok(Some(stream));
            }
            Err(error @ ClientError::Denied(_)) => return Err(error).context("watch for events"),
            Err(
                ClientError::NoDaemon(_)
                | ClientError::Connect(..)
                | ClientError::Timeout(..)
                | ClientError::Http(_)
                | ClientError::Answer(_)
                | ClientError::Unshown(_)
                | ClientError::Refused { .. },
            ) => {}
        }
        if !is_away {
            is_away = true;
            note(AWAY);
        }
        if is_unread() {
            return Ok(None);
        }
        sleep(LOOK_AGAIN).await;
    }
}

impl Shower {
    fn show_frame(&self, frame: &Frame) -> anyhow::Result<Next> {
        match serde_json::from_str::<Told>(&frame.json) {
            Ok(told) => self.show(&told),
            // A later version has kinds that this one does not know: for scripts that do, if nothing else was asked for.
            Err(_) if self.json && self.filter.is_open() => print(&frame.json),
            Err(_) => {
                note(&format!(
                    "an event of kind {} is not understood: is the daemon of another version?",
                    frame.kind
                ));
                Ok(Next::Go)
            }
        }
    }

    fn show(&self, told: &Told) -> anyhow::Result<Next> {
        if !self.filter.takes(told) {
            return Ok(Next::Go);
        }
        let text = if self.json {
            serde_json::to_string(told).context("write an event as JSON")?
        } else {
            line::of(told, self.colours)
        };
        let is_last = self.exit_on.iter().any(|kind| kind == told.event.kind());
        if print(&text)? == Next::End || is_last { Ok(Next::End) } else { Ok(Next::Go) }
    }
}

/// Prints a line at once. A reader that went away has what it wanted.
fn print(text: &str) -> anyhow::Result<Next> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Next::Go),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Next::End),
        Err(error) => Err(error).context("write to stdout"),
    }
}

/// What is said beside the events.
fn note(text: &str) {
    output::warn(text);
}

/// Whether stdout is a pipe whose other end is closed.
fn is_unread() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let found = poll(&mut polled, PollTimeout::ZERO);
    let [stdout] = polled;
    found.is_ok() && stdout.revents().is_some_and(|events| events.contains(PollFlags::POLLERR))
}
