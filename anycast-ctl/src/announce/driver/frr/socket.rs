//! bgpd's own socket, the one that vtysh talks to: a command and a zero byte go in; its output, three zero bytes and the number
//! of its outcome come out (`vtysh_read` in lib/vty.c). A command takes some 30 µs this way, vtysh 25 ms to start.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

use super::terminal::{Fault, LIMIT_BYTES, PATIENCE};
use crate::announce::driver::DriverError;

/// `CMD_SUCCESS` in lib/command.h.
const SUCCESS: u8 = 0;

/// A connection to it, between two commands.
pub struct Socket {
    path: PathBuf,
    stream: UnixStream,
}

impl Socket {
    /// Connects.
    ///
    /// # Errors
    /// Nobody is there, or not for us.
    pub async fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join("bgpd.vty");
        let stream = timeout(PATIENCE, UnixStream::connect(&path)).await.map_err(io::Error::from)??;
        Ok(Self { path, stream })
    }

    /// Asks for something to be shown.
    pub async fn ask(&mut self, questions: &[String]) -> Result<String, DriverError> {
        let mut answers = String::new();
        for question in questions {
            answers.push_str(&self.command(question).await?.0);
        }
        Ok(answers)
    }

    /// Gives orders up to the first that fails.
    pub async fn run(&mut self, orders: &[String]) -> Result<Result<(), Fault>, DriverError> {
        for (index, order) in orders.iter().enumerate() {
            let (text, outcome) = self.command(order).await?;
            if outcome != SUCCESS {
                // Back from wherever it got to: the next ones start over.
                self.command("end").await?;
                return Ok(Err(Fault { index, text: text.trim().to_owned() }));
            }
        }
        Ok(Ok(()))
    }

    /// Makes it one that may ask for everything.
    pub async fn enable(&mut self) -> Result<(), DriverError> {
        match self.command("enable").await? {
            (_, SUCCESS) => Ok(()),
            (text, _) => Err(DriverError::Refused(format!(
                "bgpd at {} does not take `enable`: {}",
                self.path.display(),
                text.trim()
            ))),
        }
    }

    async fn command(&mut self, command: &str) -> Result<(String, u8), DriverError> {
        let path = self.path.display();
        let unreachable = |what: &str| {
            DriverError::Unreachable(format!(
                "bgpd at {path} {what} `{command}`: see whether it runs (`vtysh -c 'show daemons'`)"
            ))
        };
        match timeout(PATIENCE, exchange(&mut self.stream, command)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Err(DriverError::Garbled(format!("bgpd at {path} answers `{command}` with {error}")))
            }
            Ok(Err(error)) => Err(unreachable(&format!("hung up ({error}) at"))),
            Err(_) => Err(unreachable(&format!("did not answer within {} s to", PATIENCE.as_secs()))),
        }
    }
}

async fn exchange(stream: &mut UnixStream, command: &str) -> io::Result<(String, u8)> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    stream.write_all(&[command.as_bytes(), &[0]].concat()).await?;
    let (mut answer, mut searched) = (Vec::new(), 0);
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let unseen = answer.get(searched..).unwrap_or_default();
        let Some(at) = memchr::memchr(0, unseen).map(|at| searched + at) else {
            searched = answer.len();
            if searched > LIMIT_BYTES {
                return Err(invalid("more than this daemon reads"));
            }
            continue;
        };
        searched = at;
        match answer.get(at..).unwrap_or_default() {
            [0, 0, 0, outcome] => {
                let outcome = *outcome;
                answer.truncate(at);
                return match String::from_utf8(answer) {
                    Ok(text) => Ok((text, outcome)),
                    Err(_) => Err(invalid("what is no text")),
                };
            }
            [0] | [0, 0] | [0, 0, 0] => {}
            _ => return Err(invalid("what no bgpd says: is it FRR's socket?")),
        }
    }
}
