//! The daemon's end of a connection with the relay.

use std::{collections::BTreeSet, path::Path, time::Duration};

use ipnet::IpNet;
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, timeout, timeout_at},
};

use super::{
    door,
    lines::Lines,
    message::{self, Hello, Reply, Request},
};
use crate::announce::driver::DriverError;

/// How long a relay may be waited for: it comes again every quarter of a second.
const WAIT: Duration = Duration::from_secs(1);

/// How long it may take to say who it is.
const GREETING: Duration = Duration::from_millis(500);

/// How long it may take to answer, which is when ExaBGP does not.
const PATIENCE: Duration = Duration::from_millis(3_500);

/// A relay that was let in.
#[derive(Debug)]
pub struct Link {
    lines: Lines<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    lease_ms: u64,
}

impl Link {
    /// Lets a relay in at the socket, and answers with the routes that it has announced, too.
    ///
    /// # Errors
    /// There is none, or somebody else has the socket.
    pub async fn accept(path: &Path, lease: Duration) -> Result<(Self, BTreeSet<IpNet>), DriverError> {
        let refused = |error: &dyn std::fmt::Display| {
            DriverError::Refused(format!("await ExaBGP's relay at {}: {error}", path.display()))
        };
        let listener = door::open(path).map_err(|error| refused(&error))?;
        let listener = UnixListener::from_std(listener).map_err(|error| refused(&error))?;
        let deadline = Instant::now() + WAIT;
        let mut why = None;
        loop {
            let Ok(accepted) = timeout_at(deadline, listener.accept()).await else {
                return Err(why.unwrap_or_else(|| nobody(path)));
            };
            let (stream, _) = accepted.map_err(|error| refused(&error))?;
            // Those that came first may be dead by now.
            match Self::greet(stream, lease).await {
                Ok(greeted) => return Ok(greeted),
                Err(error) => why = Some(error),
            }
        }
    }

    /// Has commands passed to ExaBGP, and answers with all that it said.
    ///
    /// # Errors
    /// The relay or ExaBGP is gone or does not answer.
    pub async fn exchange(&mut self, commands: &[String]) -> Result<Vec<String>, DriverError> {
        let request = Request { lease_ms: self.lease_ms, commands: commands.to_vec() };
        let text = message::line(&request).map_err(|error| garbled(&error))?;
        let reply = timeout(PATIENCE, async {
            self.writer.write_all(text.as_bytes()).await?;
            self.lines.next().await
        });
        let line = match reply.await {
            Err(_) => {
                return Err(DriverError::Unreachable(
                    "ExaBGP's relay does not answer: see what ExaBGP's log says".into(),
                ));
            }
            Ok(Err(error)) => return Err(DriverError::Unreachable(format!("ask ExaBGP's relay: {error}"))),
            Ok(Ok(None)) => {
                return Err(DriverError::Unreachable(
                    "ExaBGP's relay hung up: ExaBGP starts it again, or must be started itself".to_owned(),
                ));
            }
            Ok(Ok(Some(line))) => line,
        };
        match serde_json::from_str(&line).map_err(|error| garbled(&error))? {
            Reply::Lines(lines) => Ok(lines),
            Reply::Failed(why) => Err(DriverError::Unreachable(why)),
        }
    }

    async fn greet(stream: UnixStream, lease: Duration) -> Result<(Self, BTreeSet<IpNet>), DriverError> {
        let (reader, writer) = stream.into_split();
        let mut lines = Lines::new(reader, message::MAX_LINE_BYTES);
        let line = match timeout(GREETING, lines.next()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None) | Err(_)) | Err(_) => {
                let text = "something connected in place of ExaBGP's relay, and said nothing";
                return Err(DriverError::Unreachable(text.to_owned()));
            }
        };
        let hello: Hello = serde_json::from_str(&line).map_err(|error| garbled(&error))?;
        if hello.relay != message::VERSION {
            return Err(DriverError::Refused(format!(
                "ExaBGP's relay is of version {}, and this daemon of {}: restart ExaBGP, so that it runs this daemon's",
                hello.relay,
                message::VERSION
            )));
        }
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let mut link = Self { lines, writer, lease_ms };
        // One that died while nobody let it in has left its greeting, but answers nothing.
        link.exchange(&[]).await?;
        Ok((link, hello.routes))
    }
}

fn nobody(path: &Path) -> DriverError {
    DriverError::Unreachable(format!(
        "no relay of ExaBGP's comes to {path}: have exabgp.conf say `process anycast {{ run /usr/bin/anycast-ctl announce relay \
         --socket {path}; encoder json; }}`, and in each neighbor `api {{ processes [ anycast ]; }}`, start ExaBGP, and see \
         in its log whether the relay may connect",
        path = path.display()
    ))
}

fn garbled(error: &dyn std::fmt::Display) -> DriverError {
    DriverError::Garbled(format!("what came to the socket of ExaBGP's relay is not the relay's: {error}"))
}
