//! What a backend's agent says: the line protocol of HAProxy's `agent-check`.
//!
//! An agent answers a connection with one line, ended by a line feed or carriage return, of words between spaces, tabs and
//! commas, in any order and case. What it does not mention stays as it was. Sources: HAProxy's configuration manual, 5.2
//! `agent-check`, and `tcpcheck_agent_expect_reply` in its `src/tcpcheck.c`.
//!
//! | word | says |
//! |---|---|
//! | `75%` | the weight, in percent of the configured one; 0 is as good as `drain` |
//! | `up`, `down`, `fail`, `stopped` | the operational state, with a reason behind `#`, which ends the words |
//! | `ready`, `drain`, `maint` | the administrative state |
//! | `maxconn:30` | nothing here: there are no connections to count |
//!
//! Of several words of a kind the last one holds, as in HAProxy. Its manual names `failed`, its program reads `fail`: here
//! both are read. A line with any other word is refused as a whole, and changes nothing: HAProxy reports the word and
//! follows the rest.

use std::fmt;

use crate::spelling::quoted;

#[cfg(test)]
mod tests;

/// The most bytes a line may have, its end included. Whoever reads it need keep no more.
pub const MAX_LINE_BYTES: usize = 1024;
/// The greatest weight, in percent. HAProxy's weights end at 256.
pub const MAX_PERCENT: u16 = 1000;

/// What an agent said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The weight, in percent of the configured one.
    pub weight_percent: Option<u16>,
    /// What the backend is meant to do.
    pub admin: Option<Admin>,
    /// How it is.
    pub oper: Option<Oper>,
}

/// What a backend is meant to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Admin {
    /// Take flows: takes `drain` and `maint` back.
    Ready,
    /// Take no new flows.
    Drain,
    /// Take no flows at all.
    Maint,
}

/// How a backend is, in its agent's eyes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Oper {
    /// Well, if the checks say so too.
    Up,
    /// Not to be used.
    Down(Down),
}

/// Why an agent calls its backend down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Down {
    /// Which word it chose.
    pub word: DownWord,
    /// What it said behind `#`; empty if nothing. Printable, whatever the agent sent.
    pub reason: String,
}

/// The words for down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DownWord {
    /// The server does not run or respond.
    Down,
    /// It responds but fails its tests.
    Fail,
    /// It was stopped on purpose.
    Stopped,
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.word {
            DownWord::Down => "agent: down",
            DownWord::Fail => "agent: fail",
            DownWord::Stopped => "agent: stopped",
        })?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, " ({})", self.reason) }
    }
}

/// A line that is none of this protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// There is no end of the line: the connection ended too early.
    #[error("the agent's line has no end: let it send a line feed")]
    Unended,
    /// More than a line may have.
    #[error("the agent's line is longer than {MAX_LINE_BYTES} bytes: let it send less")]
    TooLong,
    /// Nothing was said.
    #[error("the agent's line is empty: let it say `ready` if nothing is to change")]
    Empty,
    /// A word that is none.
    #[error(
        "the agent said {}: let it say a percentage, up, down, fail, stopped, ready, drain, maint or maxconn:N",
        quoted(.0)
    )]
    Word(String),
    /// A weight beyond all measure.
    #[error("the agent said {}: let it say 0% to {MAX_PERCENT}%", quoted(.0))]
    Percent(String),
}

/// Whether these bytes hold all that will be read: the line has ended, or is too long.
pub fn is_complete(bytes: &[u8]) -> bool {
    bytes.len() >= MAX_LINE_BYTES || bytes.iter().any(is_end)
}

/// Reads what an agent sent. What follows the first line is not looked at.
///
/// # Errors
///
/// [`AgentError`] when it is no line, or one with a word that says nothing.
pub fn parse(bytes: &[u8]) -> Result<Reply, AgentError> {
    let line = bytes.iter().take(MAX_LINE_BYTES).position(is_end).and_then(|end| bytes.get(..end));
    let unended = if bytes.len() < MAX_LINE_BYTES { AgentError::Unended } else { AgentError::TooLong };
    let line = String::from_utf8_lossy(line.ok_or(unended)?);

    // A sharp only begins a reason where a word could begin.
    let is_space = |char: char| matches!(char, ' ' | '\t' | ',');
    let (mut words, mut reason) = (line.as_ref(), "");
    let begins_word =
        |at: &usize| line.get(..*at).is_some_and(|head| head.is_empty() || head.ends_with(is_space));
    if let Some((at, _)) = line.match_indices('#').find(|(at, _)| begins_word(at)) {
        (words, reason) = line.split_at(at);
    }
    let reason = reason.trim_start_matches('#').trim();
    let reason = || reason.chars().filter(|char| !char.is_control()).collect();

    let mut words = words.split(is_space).filter(|word| !word.is_empty()).peekable();
    if words.peek().is_none() {
        return Err(AgentError::Empty);
    }
    let mut reply = Reply::default();
    for word in words {
        let down = |word| Some(Oper::Down(Down { word, reason: reason() }));
        match word.to_ascii_lowercase().as_str() {
            "up" => reply.oper = Some(Oper::Up),
            "down" => reply.oper = down(DownWord::Down),
            "fail" | "failed" => reply.oper = down(DownWord::Fail),
            "stopped" => reply.oper = down(DownWord::Stopped),
            "ready" => reply.admin = Some(Admin::Ready),
            "drain" => reply.admin = Some(Admin::Drain),
            "maint" => reply.admin = Some(Admin::Maint),
            lower => match (lower.strip_suffix('%'), lower.strip_prefix("maxconn:")) {
                (Some(number), _) if is_number(number) => reply.weight_percent = Some(percent(word, number)?),
                (None, Some(number)) if is_number(number) => {}
                _ => return Err(AgentError::Word(word.to_owned())),
            },
        }
    }
    Ok(reply)
}

fn is_end(byte: &u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn percent(word: &str, number: &str) -> Result<u16, AgentError> {
    let percent = number.parse().ok().filter(|percent| *percent <= MAX_PERCENT);
    percent.ok_or_else(|| AgentError::Percent(word.to_owned()))
}
