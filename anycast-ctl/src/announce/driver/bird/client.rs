//! BIRD's control socket: a command is a line, its answer is lines that begin with a code of four digits (doc/reply_codes in
//! its sources).
//!
//! ```text
//! 1002-up         BGP        ---        up     14:34:17.343  Established
//!  gone       BGP        ---        start  14:34:16.757  Connect      a space: the code of the line before
//! 1006-  BGP state:          Established                              a hyphen: more lines follow
//! 0000                                                                a space behind the code: the last one
//! +log line                                                           between answers, if somebody asked for it
//! ```
//!
//! The first digit says what it is: 0 done, 1 and 2 a table's entry or heading, 8 it cannot be done, 9 not understood.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    time::timeout,
};

use crate::{announce::driver::DriverError, spelling::quoted};

/// How long an answer may take; below the time that users of drivers give them, so that there is something to tell.
const PATIENCE: Duration = Duration::from_secs(4);
/// Longest line, and longest answer, that is read: a thousand peers with two families have a megabyte to say.
const LINE_BYTES: u64 = 64 * 1024;
const ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of commands that are sent before the first of their answers is read. BIRD hangs up when more than a kilobyte waits
/// for it (`rbsize` of its control sockets), and may have kept those before.
const AHEAD_BYTES: usize = 480;

/// "Access denied", of a socket that only lets look.
const ACCESS_DENIED: u16 = 8007;
/// "BIRD 2.0.12 ready."
const WELCOME: u16 = 1;

/// A connection to BIRD.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: BufReader<UnixStream>,
}

/// What BIRD answers to one command.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Code of its last line, which says how it went.
    pub code: u16,
    /// Text of its last line.
    pub text: String,
    /// The lines before.
    pub lines: Vec<Line>,
}

/// One line of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// What kind of line it is.
    pub code: u16,
    /// The rest of it.
    pub text: String,
}

impl Client {
    /// Connects, and finds out whether it is BIRD and may be told what to do.
    pub async fn connect(path: &Path) -> Result<Self, DriverError> {
        let connected = timeout(PATIENCE, UnixStream::connect(path));
        let stream = connected.await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()));
        let stream = stream.map_err(|error| DriverError::Unreachable(unreachable(path, &error)))?;
        let mut client = Self { path: path.to_owned(), stream: BufReader::new(stream) };
        let welcome = client.answer("the connection").await?;
        let version = welcome.text.strip_prefix("BIRD ").and_then(|rest| rest.split('.').next());
        let Some(version) = version.filter(|_| welcome.code == WELCOME) else {
            return Err(client.garbled("connecting to", &welcome.text));
        };
        if version == "1" {
            let advice = "it has another daemon for each family, which this one does not drive: take BIRD 2";
            return Err(DriverError::Refused(format!(
                "BIRD at {} is {}: {advice}",
                path.display(),
                quoted(&welcome.text)
            )));
        }
        // Nothing has no name: nothing is enabled, but a socket that only lets look says so, and not when it is too late.
        client.ask("enable \"\"").await?;
        Ok(client)
    }

    /// Sends a command and reads its answer.
    pub async fn ask(&mut self, command: &str) -> Result<Reply, DriverError> {
        let mut replies = self.ask_all(&[command.to_owned()]).await?;
        replies.pop().ok_or_else(|| self.garbled(&format!("answering {} by", quoted(command)), ""))
    }

    /// Sends commands without waiting for each answer; answers are in their order.
    pub async fn ask_all(&mut self, commands: &[String]) -> Result<Vec<Reply>, DriverError> {
        let mut replies = Vec::with_capacity(commands.len());
        let mut rest = commands;
        while !rest.is_empty() {
            let (commands, others) = rest.split_at_checked(ahead(rest)).unwrap_or((rest, &[]));
            rest = others;
            let mut text = commands.join("\n");
            text.push('\n');
            let sent = timeout(PATIENCE, self.stream.get_mut().write_all(text.as_bytes())).await;
            let step = || commands.first().map(|first| quoted(first)).unwrap_or_default();
            match sent {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(self.hung_up(&step(), &error)),
                Err(_) => return Err(self.silent(&step())),
            }
            for command in commands {
                let reply = self.answer(&quoted(command)).await?;
                if reply.code == ACCESS_DENIED {
                    let advice = "remove `restrict` from the `cli` block of its configuration that has this socket, \
                                  or name another one in [announce.bird] socket";
                    return Err(DriverError::Refused(format!(
                        "BIRD at {} only lets this daemon look (8007 {}): {advice}",
                        self.path.display(),
                        reply.text
                    )));
                }
                replies.push(reply);
            }
        }
        Ok(replies)
    }

    /// What it says that is none of the answers there are to the command.
    pub fn garbled(&self, step: &str, said: &str) -> DriverError {
        let advice = "see whether [announce.bird] socket is the control socket of BIRD 2";
        DriverError::Garbled(format!(
            "{step} BIRD at {}: it says {}: {advice}",
            self.path.display(),
            quoted(said)
        ))
    }

    async fn answer(&mut self, question: &str) -> Result<Reply, DriverError> {
        match timeout(PATIENCE, self.read_reply()).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(Fault::Io(error))) => Err(self.hung_up(question, &error)),
            Ok(Err(Fault::Garbled(said))) => {
                Err(self.garbled(&format!("reading the answer to {question} of"), &said))
            }
            Err(_) => Err(self.silent(question)),
        }
    }

    async fn read_reply(&mut self) -> Result<Reply, Fault> {
        let mut reply = Reply::default();
        let mut read = 0;
        loop {
            let line = self.read_line().await?;
            read += line.len();
            if read > ANSWER_BYTES {
                return Err(Fault::Garbled("more than an answer can have".to_owned()));
            }
            if line.starts_with('+') {
                continue;
            }
            if let Some(text) = line.strip_prefix(' ') {
                let Some(before) = reply.lines.last() else { return Err(Fault::Garbled(line)) };
                reply.lines.push(Line { code: before.code, text: text.to_owned() });
                continue;
            }
            let Some((code, is_last, text)) = split(&line) else { return Err(Fault::Garbled(line)) };
            if is_last {
                text.clone_into(&mut reply.text);
                reply.code = code;
                return Ok(reply);
            }
            reply.lines.push(Line { code, text: text.to_owned() });
        }
    }

    async fn read_line(&mut self) -> Result<String, Fault> {
        let mut line = Vec::new();
        (&mut self.stream).take(LINE_BYTES).read_until(b'\n', &mut line).await?;
        let text = String::from_utf8_lossy(&line);
        match text.strip_suffix('\n') {
            Some(text) => Ok(text.trim_end_matches('\r').to_owned()),
            None if u64::try_from(line.len()).is_ok_and(|length| length >= LINE_BYTES) => {
                Err(Fault::Garbled(text.into_owned()))
            }
            None => Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
        }
    }

    fn hung_up(&self, question: &str, error: &io::Error) -> DriverError {
        let at = self.path.display();
        DriverError::Unreachable(format!(
            "waiting for BIRD at {at} to answer {question}: it hung up ({error}): see whether it runs and what it logged"
        ))
    }

    fn silent(&self, question: &str) -> DriverError {
        let (at, seconds) = (self.path.display(), PATIENCE.as_secs());
        DriverError::Unreachable(format!(
            "waiting for BIRD at {at} to answer {question}: nothing came for {seconds} s: see whether it hangs, by \
             `birdc show status`"
        ))
    }
}

/// How many of the commands are sent at once: at least one.
fn ahead(commands: &[String]) -> usize {
    let mut bytes = 0;
    let fits = |command: &&String| {
        bytes += command.len() + 1;
        bytes <= AHEAD_BYTES
    };
    commands.iter().take_while(fits).count().max(1)
}

/// Code, whether it is the last line, and text.
fn split(line: &str) -> Option<(u16, bool, &str)> {
    let (code, rest) = line.split_at_checked(4)?;
    let code = code.bytes().all(|byte| byte.is_ascii_digit()).then(|| code.parse().ok())??;
    match rest.split_at_checked(1) {
        Some(("-", text)) => Some((code, false, text)),
        Some((" ", text)) => Some((code, true, text)),
        Some(_) => None,
        None => Some((code, true, "")),
    }
}

fn unreachable(path: &Path, error: &io::Error) -> String {
    let known = [
        (ErrorKind::NotFound, "start BIRD, or set [announce.bird] socket to the path it was given by -s"),
        (ErrorKind::PermissionDenied, "let this daemon's user write to it, by the group that BIRD runs as"),
        (ErrorKind::ConnectionRefused, "nobody listens there any more: start BIRD"),
        (ErrorKind::TimedOut, "it does not accept connections: see whether it hangs, by `birdc show status`"),
    ];
    let advice = known.into_iter().find(|(kind, _)| *kind == error.kind());
    let advice =
        advice.map_or("see whether [announce.bird] socket is its control socket", |(_, advice)| advice);
    let error = error.to_string().to_lowercase();
    format!("connecting to BIRD at {}: {error}: {advice}", path.display())
}

/// What can go wrong with an answer.
enum Fault {
    Io(io::Error),
    Garbled(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
