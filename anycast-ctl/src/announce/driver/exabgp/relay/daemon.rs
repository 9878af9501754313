//! The relay's end of a connection with the daemon.

use std::{io, path::Path, time::Duration};

use serde::Serialize;
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use super::held::Held;
use crate::announce::driver::exabgp::{
    lines::Lines,
    message::{self, Hello, Reply, Request},
};

/// How long the daemon may take to read a reply.
const PATIENCE: Duration = Duration::from_secs(1);

/// A daemon that is there.
#[derive(Debug)]
pub struct Daemon {
    lines: Lines<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Daemon {
    /// Comes to where it listens, and tells it what is held.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub async fn come(socket: &Path, held: &Held) -> Result<Self, String> {
        let stream = UnixStream::connect(socket).await.map_err(|error| {
            let remedy = if error.kind() == io::ErrorKind::PermissionDenied {
                "; let the user that ExaBGP runs as write to the socket"
            } else {
                "; waiting for it"
            };
            format!("connect to {}: {error}{remedy}", socket.display())
        })?;
        let (reader, writer) = stream.into_split();
        let mut daemon = Some(Self { lines: Lines::new(reader, message::MAX_LINE_BYTES), writer });
        let hello = Hello { relay: message::VERSION, routes: held.routes().clone() };
        Self::reply_any(&mut daemon, &hello).await.map_err(|error| format!("greet the daemon: {error}"))?;
        daemon.ok_or_else(|| "greet the daemon: it is gone".to_owned())
    }

    /// Its next request. Dropping the future loses nothing. Without a daemon it never comes.
    ///
    /// # Errors
    /// It hung up, or is no daemon; in words.
    pub async fn next(daemon: &mut Option<Self>) -> Result<Request, String> {
        let Some(daemon) = daemon else { return std::future::pending().await };
        match daemon.lines.next().await {
            Ok(Some(line)) => serde_json::from_str(&line)
                .map_err(|error| format!("the daemon asks what is no request ({error}): hung up")),
            Ok(None) => Err("the daemon hung up".to_owned()),
            Err(error) => Err(format!("listen to the daemon: {error}")),
        }
    }

    /// Answers.
    ///
    /// # Errors
    /// It is gone, or does not read.
    pub async fn reply(daemon: &mut Option<Self>, reply: &Reply) -> io::Result<()> {
        Self::reply_any(daemon, reply).await
    }

    async fn reply_any(daemon: &mut Option<Self>, message: &impl Serialize) -> io::Result<()> {
        let Some(daemon) = daemon else { return Err(io::ErrorKind::NotConnected.into()) };
        let line = message::line(message)?;
        timeout(PATIENCE, daemon.writer.write_all(line.as_bytes())).await?
    }
}
