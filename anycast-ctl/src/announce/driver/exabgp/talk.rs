//! Talking to ExaBGP's API: commands out, answers in, and which answer is whose.
//!
//! ExaBGP answers each command with lines of text and then `done` or `error`, in the order of the commands; but there is no
//! answer at all to a command that it stumbles over, and answers to commands of somebody who died come to whoever is there
//! next. So what is asked is followed by a mark: a command whose answer is like no other.

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::lines::Lines;

/// How long ExaBGP may take for what is asked at once. Whoever uses a driver gives it more.
const PATIENCE: Duration = Duration::from_secs(3);

/// Commands that are on the way at once: they fit into a pipe, so that neither side waits for the other to read.
const BATCH: usize = 100;

/// Longest line.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Most lines in one answer: some routes to some neighbours.
const MAX_LINES: usize = 100_000;

/// A summary of the neighbours of that name, which is nobody's: a heading, and `done`.
const MARK: &str = "show neighbor none summary";

/// The routes of the same: `done`.
const NOTHING: &str = "show adj-rib out none";

/// The two ends of a conversation with ExaBGP.
#[derive(Debug)]
pub struct Talk<R, W> {
    lines: Lines<R>,
    writer: W,
    patience: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// It is gone.
    #[error("ExaBGP is gone")]
    Gone,
    /// Reading or writing fails.
    #[error("the pipe of ExaBGP fails: {0}")]
    Io(#[from] io::Error),
    /// There is none in time.
    #[error(
        "ExaBGP does not answer within {}: it hangs, or its environment sets exabgp.api.ack to false, which must be true",
        crate::period::text(PATIENCE)
    )]
    Silent,
    /// There is no end of it.
    #[error("ExaBGP answers more than {MAX_LINES} lines")]
    Endless,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Talk<R, W> {
    /// A conversation that is yet to be begun.
    pub fn new(reader: R, writer: W) -> Self {
        Self { lines: Lines::new(reader, MAX_LINE_BYTES), writer, patience: PATIENCE }
    }

    /// Begins: whatever comes from now on is the answer to what is asked from now on.
    ///
    /// # Errors
    /// ExaBGP does not answer.
    pub async fn begin(&mut self) -> Result<(), TalkError> {
        // Somebody else may have begun and died: between two marks there is a number of answers that only we know.
        let nothings = RandomState::new().hash_one(0) % 64 + 2;
        let mut text = format!("{MARK}\n");
        for _ in 0..nothings {
            text += &format!("{NOTHING}\n");
        }
        text += &format!("{MARK}\n");
        timeout(self.patience, async {
            self.write(&text).await?;
            let mut between = None;
            loop {
                match Answer::of(&self.line().await?) {
                    // The `done` of the first mark is one of those between.
                    Answer::Mark if between == Some(nothings.saturating_add(1)) => break,
                    Answer::Mark => between = Some(0),
                    Answer::Done => between = between.map(|it: u64| it.saturating_add(1)),
                    Answer::Event => {}
                    Answer::Error | Answer::Text => between = None,
                }
            }
            self.until_done().await
        })
        .await
        .map_err(|_| TalkError::Silent)?
    }

    /// Gives commands, and answers with all that ExaBGP says to them: lines of text, `done` and `error`.
    ///
    /// # Errors
    /// There is no answer: the conversation must be begun again.
    pub async fn exchange(&mut self, commands: &[String]) -> Result<Vec<String>, TalkError> {
        let mut answers = Vec::new();
        for batch in commands.chunks(BATCH) {
            timeout(self.patience, self.exchange_batch(batch, &mut answers))
                .await
                .map_err(|_| TalkError::Silent)??;
        }
        Ok(answers)
    }

    /// Reads what ExaBGP says without being asked, until it is gone. Dropping the future loses nothing that matters.
    ///
    /// # Errors
    /// It is gone.
    pub async fn listen(&mut self) -> TalkError {
        loop {
            if let Err(error) = self.line().await {
                return error;
            }
        }
    }

    async fn exchange_batch(&mut self, batch: &[String], answers: &mut Vec<String>) -> Result<(), TalkError> {
        let mut text = String::new();
        for command in batch {
            text += command;
            text.push('\n');
        }
        self.write(&format!("{text}{MARK}\n")).await?;
        loop {
            let line = self.line().await?;
            match Answer::of(&line) {
                Answer::Mark => return self.until_done().await,
                Answer::Event => {}
                Answer::Done | Answer::Error | Answer::Text if answers.len() == MAX_LINES => {
                    return Err(TalkError::Endless);
                }
                Answer::Done | Answer::Error | Answer::Text => answers.push(line),
            }
        }
    }

    async fn until_done(&mut self) -> Result<(), TalkError> {
        while Answer::of(&self.line().await?) != Answer::Done {}
        Ok(())
    }

    async fn write(&mut self, text: &str) -> Result<(), TalkError> {
        let written = async {
            self.writer.write_all(text.as_bytes()).await?;
            self.writer.flush().await
        };
        written.await.map_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe { TalkError::Gone } else { TalkError::Io(error) }
        })
    }

    async fn line(&mut self) -> Result<String, TalkError> {
        self.lines.next().await?.ok_or(TalkError::Gone)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Done,
    Error,
    Mark,
    /// What nobody asked for: a neighbour came or went.
    Event,
    Text,
}

impl Answer {
    fn of(line: &str) -> Self {
        match line {
            "done" => Self::Done,
            "error" => Self::Error,
            _ if line.starts_with("Peer ") && line.contains("up/down") => Self::Mark,
            _ if line.starts_with('{') => Self::Event,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf, duplex, split};

    use super::*;

    const HEADING: &str = "Peer            AS        up/down state       |     #sent     #recvd\ndone\n";

    type Near = Talk<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

    /// A conversation with something that first says `before`, and then what the function makes of each line.
    fn with(before: &str, mut answer: impl FnMut(&str) -> String + Send + 'static) -> Near {
        let (near, far) = duplex(1 << 20);
        let before = before.to_owned();
        tokio::spawn(async move {
            let (reader, mut writer) = split(far);
            writer.write_all(before.as_bytes()).await.unwrap();
            let mut lines = BufReader::new(reader).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if writer.write_all(answer(&line).as_bytes()).await.is_err() {
                    return;
                }
            }
        });
        let (reader, writer) = split(near);
        Talk::new(reader, writer)
    }

    fn as_exabgp_does(line: &str) -> String {
        match line {
            MARK => HEADING.to_owned(),
            "version" => "exabgp 4.2.21\ndone\n".to_owned(),
            "wrong" => "{ \"type\": \"state\" }\nerror\n".to_owned(),
            "stumble" => String::new(),
            _ => "done\n".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_was_said_to_others_is_passed_over() {
        let before = format!("done\nerror\n{HEADING}done\n{HEADING}neighbor 10.0.0.1\n{{}}\ndone\n");
        let mut talk = with(&before, as_exabgp_does);
        talk.begin().await.unwrap();
        assert_eq!(talk.exchange(&["version".to_owned()]).await.unwrap(), ["exabgp 4.2.21", "done"]);
    }

    #[tokio::test]
    async fn a_command_without_an_answer_shifts_no_others() {
        let mut talk = with("", as_exabgp_does);
        let commands = ["stumble", "wrong", "right"].map(str::to_owned);
        assert_eq!(talk.exchange(&commands).await.unwrap(), ["error", "done"]);
        assert_eq!(talk.exchange(&["right".to_owned()]).await.unwrap(), ["done"]);
    }

    #[tokio::test]
    async fn silence_has_an_end() {
        let mut talk = with("", |_| String::new());
        talk.patience = Duration::from_millis(50);
        assert!(matches!(talk.begin().await, Err(TalkError::Silent)));
        let error = talk.exchange(&["version".to_owned()]).await.unwrap_err();
        assert!(error.to_string().starts_with("ExaBGP does not answer within 3s"), "{error}");
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off() {
        let mut talk = with("", |_| "x\n".repeat(MAX_LINES + 10));
        assert!(matches!(talk.exchange(&["version".to_owned()]).await, Err(TalkError::Endless)));
    }

    #[tokio::test]
    async fn who_is_gone_says_nothing() {
        let mut talk = Talk::new(tokio::io::empty(), tokio::io::sink());
        assert!(matches!(talk.exchange(&[]).await, Ok(lines) if lines.is_empty()));
        assert!(matches!(talk.exchange(&["version".to_owned()]).await, Err(TalkError::Gone)));
    }
}
