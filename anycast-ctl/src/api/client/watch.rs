//! Events, as the daemon sends them.

use super::{Client, ClientError, Question, Segment, TIMEOUT, going::Going};
use crate::{api::types::Told, events::Since};

/// Largest event that is read, in bytes.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// Events as they happen. Ends with the daemon.
#[derive(Debug)]
pub struct Watch {
    answer: Going,
    /// What came, and is no whole event yet.
    rest: Vec<u8>,
}

/// One event as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number.
    pub sequence: u64,
    /// Its kind.
    pub kind: String,
    /// All of it, a [`Told`] as JSON.
    pub json: String,
}

impl Client {
    /// `GET /v1/events`, from a place on; `None`: from the next event on.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn watch(&self, since: Option<Since>) -> Result<Watch, ClientError> {
        let query = since.map(|since| format!("?since={}", Segment(&since.to_string()))).unwrap_or_default();
        let question = Question::get(&format!("/v1/events{query}"));
        Ok(Watch { answer: self.begin(&question, TIMEOUT).await?, rest: Vec::new() })
    }

    /// `GET /v1/events/kept`, from a place on.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn kept(&self, since: Since) -> Result<Vec<Told>, ClientError> {
        self.get(&format!("/v1/events/kept?since={}", Segment(&since.to_string()))).await
    }
}

impl Watch {
    /// The next event; `None`: the daemon ends, or went. Nothing is lost when the wait for it is given up.
    ///
    /// # Errors
    /// What came is no event.
    pub async fn next(&mut self) -> Result<Option<Frame>, ClientError> {
        loop {
            while let Some(block) = take_block(&mut self.rest) {
                if let Some(frame) = frame(&block)? {
                    return Ok(Some(frame));
                }
            }
            if self.rest.len() > MAX_EVENT_BYTES {
                return Err(ClientError::Answer(format!("an event of more than {MAX_EVENT_BYTES} bytes")));
            }
            // A daemon that is killed leaves the body unfinished.
            let Some(Ok(bytes)) = self.answer.next().await else { return Ok(None) };
            self.rest.extend_from_slice(&bytes);
        }
    }
}

/// What stands before the first empty line.
fn take_block(rest: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = memchr::memmem::find(rest, b"\n\n")?;
    let behind = rest.split_off(end + 2);
    Some(std::mem::replace(rest, behind))
}

/// The event of a block; a comment is none.
fn frame(block: &[u8]) -> Result<Option<Frame>, ClientError> {
    let text = std::str::from_utf8(block).map_err(|error| ClientError::Answer(error.to_string()))?;
    let (mut frame, mut has_data) = (Frame { sequence: 0, kind: String::new(), json: String::new() }, false);
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut frame.kind),
            "id" => frame.sequence = value.parse().unwrap_or_default(),
            "data" => {
                has_data = true;
                frame.json.push_str(value);
            }
            _ => {}
        }
    }
    Ok(has_data.then_some(frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_from_whatever_pieces_come() {
        let sent =
            b": still here\n\nevent: drift\ndata: {\"a\":1}\nid: 7\n\nevent:log\ndata:{}\nid:8\n\nevent: ha";
        let expected = [(7, "drift", "{\"a\":1}"), (8, "log", "{}")];
        for length in 1..=sent.len() {
            let (mut rest, mut frames) = (Vec::new(), Vec::new());
            for piece in sent.chunks(length) {
                rest.extend_from_slice(piece);
                while let Some(block) = take_block(&mut rest) {
                    frames.extend(frame(&block).unwrap());
                }
            }
            let seen: Vec<_> =
                frames.iter().map(|it| (it.sequence, it.kind.as_str(), it.json.as_str())).collect();
            assert_eq!(seen, expected, "{length}");
            assert_eq!(rest, b"event: ha");
        }
    }
}
