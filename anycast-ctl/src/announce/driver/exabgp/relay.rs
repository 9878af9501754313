//! The relay: the process that ExaBGP runs, between it and the daemon.
//!
//! It lives as long as ExaBGP does, whatever becomes of the daemon, and knows which routes came by it. When it has heard no
//! request for the time of the lease, it withdraws them. It does not end by itself: ExaBGP ends when processes of its
//! do that too often.
//!
//! ```text
//!  daemon ──requests──▶ relay ──commands──▶ ExaBGP
//!         ◀──replies──        ◀──answers───
//! ```

use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::unix::pipe::{Receiver, Sender},
    time::{Instant, sleep, sleep_until},
};

use super::{
    message::Reply,
    talk::{Talk, TalkError},
};

mod daemon;
mod held;
pub(super) mod record;

use daemon::Daemon;
use held::Held;

/// How often the daemon is looked for.
const KNOCK: Duration = Duration::from_millis(250);

/// How long to wait before ExaBGP is asked again that did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Why there is no relay.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// It was not ExaBGP who started it.
    #[error("talk to ExaBGP over {end}: {error}; the relay is for ExaBGP to run, see --help")]
    NoPipe {
        /// Which end: stdin or stdout.
        end: &'static str,
        /// The system's answer.
        #[source]
        error: io::Error,
    },
}

/// Relays between the daemon at `socket` and the ExaBGP at the two pipes, until ExaBGP is gone. The lease is what applies until
/// a daemon tells its own. `say` is told what its operator should know.
///
/// # Errors
/// The descriptors are no pipes.
pub async fn run(
    socket: &Path,
    lease: Duration,
    stdin: OwnedFd,
    stdout: OwnedFd,
    say: impl FnMut(&str),
) -> Result<(), RelayError> {
    let reader =
        Receiver::from_owned_fd(stdin).map_err(|error| RelayError::NoPipe { end: "stdin", error })?;
    let writer =
        Sender::from_owned_fd(stdout).map_err(|error| RelayError::NoPipe { end: "stdout", error })?;
    let talk = Talk::new(reader, writer);
    let mut relay =
        Relay { talk, begun: false, socket: socket.to_owned(), held: Held::new(lease, Instant::now()), say };
    // Only its being gone ends it.
    let TalkEnded = relay.relay().await;
    Ok(())
}

/// ExaBGP is gone.
struct TalkEnded;

struct Relay<R, W, S> {
    talk: Talk<R, W>,
    /// Whether answers are known to be ours.
    begun: bool,
    socket: PathBuf,
    held: Held,
    say: S,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin, S: FnMut(&str)> Relay<R, W, S> {
    async fn relay(&mut self) -> TalkEnded {
        if let Err(ended) = self.take_over().await {
            return ended;
        }
        let mut daemon = None;
        let mut complained = None;
        loop {
            let deadline = self.held.deadline();
            let step = tokio::select! {
                error = self.talk.listen() => Step::Heard(error),
                request = Daemon::next(&mut daemon), if daemon.is_some() => Step::Asked(request),
                came = Daemon::come(&self.socket, &self.held), if daemon.is_none() => Step::Came(came),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Step::Expired,
            };
            let done = match step {
                Step::Heard(TalkError::Gone) => Err(TalkEnded),
                Step::Heard(error) => {
                    sleep(PAUSE).await;
                    self.stumble(&error)
                }
                Step::Came(Ok(came)) => {
                    (daemon, complained) = (Some(came), None);
                    Ok(())
                }
                Step::Came(Err(why)) => {
                    if complained.as_ref() != Some(&why) {
                        (self.say)(&format!("no daemon: {why}"));
                        complained = Some(why);
                    }
                    sleep(KNOCK).await;
                    Ok(())
                }
                Step::Asked(Ok(request)) => {
                    self.held.heard(Duration::from_millis(request.lease_ms), Instant::now());
                    self.answer(&mut daemon, &request.commands).await
                }
                Step::Asked(Err(why)) => {
                    (self.say)(&why);
                    daemon = None;
                    Ok(())
                }
                Step::Expired => {
                    // Whoever comes back must see that they are gone.
                    daemon = None;
                    self.expire().await
                }
            };
            if let Err(ended) = done {
                return ended;
            }
        }
    }

    /// Takes over what an earlier relay announced, as far as ExaBGP still has it.
    async fn take_over(&mut self) -> Result<(), TalkEnded> {
        let recorded = record::read(&self.socket);
        if recorded.is_empty() {
            return Ok(());
        }
        match self.ask(&["show adj-rib out".to_owned()]).await? {
            Ok(lines) => {
                let there =
                    lines.iter().flat_map(|line| line.split(' ')).filter_map(|word| word.parse().ok());
                self.held.take(there.filter(|prefix| recorded.contains(prefix)));
            }
            // Rather too many: to withdraw what is not there does no harm.
            Err(_) => self.held.take(recorded),
        }
        if let Some(count) = self.held.count() {
            (self.say)(&format!("took over {count} of an earlier relay's"));
        }
        Ok(())
    }

    async fn answer(&mut self, daemon: &mut Option<Daemon>, commands: &[String]) -> Result<(), TalkEnded> {
        if commands.iter().any(|it| it.contains(['\n', '\r'])) {
            (self.say)("the daemon sent a command of several lines: hung up");
            *daemon = None;
            return Ok(());
        }
        // From the moment ExaBGP may have it, and until it certainly has not.
        self.held.before(commands);
        let reply = match self.ask(commands).await? {
            Ok(lines) => {
                self.held.after(commands);
                Reply::Lines(lines)
            }
            Err(error) => Reply::Failed(error.to_string()),
        };
        let failed = matches!(reply, Reply::Failed(_));
        if Daemon::reply(daemon, &reply).await.is_err() || failed {
            *daemon = None;
        }
        Ok(())
    }

    async fn expire(&mut self) -> Result<(), TalkEnded> {
        let commands = self.held.withdrawals();
        match self.ask(&commands).await? {
            Ok(_) => {
                let (count, lease) = (commands.len(), crate::period::text(self.held.lease()));
                (self.say)(&format!("the daemon was not heard of for {lease}: withdrew routes: {count}"));
                self.held.after(&commands);
            }
            Err(_) => sleep(PAUSE).await,
        }
        Ok(())
    }

    /// Asks ExaBGP, beginning anew where that is needed.
    async fn ask(&mut self, commands: &[String]) -> Result<Result<Vec<String>, TalkError>, TalkEnded> {
        if !self.begun {
            match self.talk.begin().await {
                Ok(()) => self.begun = true,
                Err(error) => return self.stumble(&error).map(|()| Err(error)),
            }
        }
        match self.talk.exchange(commands).await {
            Ok(lines) => Ok(Ok(lines)),
            Err(error) => self.stumble(&error).map(|()| Err(error)),
        }
    }

    /// Notes that answers can no longer be told apart.
    fn stumble(&mut self, error: &TalkError) -> Result<(), TalkEnded> {
        self.begun = false;
        match error {
            TalkError::Gone => Err(TalkEnded),
            TalkError::Io(_) | TalkError::Silent | TalkError::Endless => {
                (self.say)(&error.to_string());
                Ok(())
            }
        }
    }
}

enum Step {
    Heard(TalkError),
    Asked(Result<super::message::Request, String>),
    Came(Result<Daemon, String>),
    Expired,
}
