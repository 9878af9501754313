//! Captures: an answer that goes on, a line at a time.

use super::{Client, ClientError, LOADING, TIMEOUT, going::Going};
use crate::api::{
    call::Question,
    types::{CaptureLine, CaptureStatus, NewCapture},
};

/// Bytes of the longest line: far above what a packet comes to.
const MAX_LINE_BYTES: usize = 64 << 10;

/// The lines of a capture. Dropping it ends the capture.
#[derive(Debug)]
pub struct CaptureLines {
    answer: Going,
    /// What came of the next lines.
    buffer: Vec<u8>,
    /// Where in it the next line starts.
    start: usize,
}

impl Client {
    /// `POST /v1/captures`. The daemon may load a program first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn capture(&self, wanted: &NewCapture) -> Result<CaptureLines, ClientError> {
        let question = Question::post("/v1/captures").with_json(wanted);
        Ok(CaptureLines { answer: self.begin(&question, LOADING).await?, buffer: Vec::new(), start: 0 })
    }

    /// `GET /v1/captures`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn captures(&self) -> Result<Vec<CaptureStatus>, ClientError> {
        self.get("/v1/captures").await
    }

    /// `DELETE /v1/captures/{capture}`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn end_capture(&self, id: u64) -> Result<CaptureStatus, ClientError> {
        let question = Question::delete(&format!("/v1/captures/{id}"));
        self.exchange(&question, TIMEOUT).await?.accepted()?.json()
    }
}

impl CaptureLines {
    /// The next line; `None` after the last, or where the daemon went away.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn next(&mut self) -> Result<Option<CaptureLine>, ClientError> {
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', rest) {
                let line = serde_json::from_slice(rest.get(..end).unwrap_or_default());
                self.start += end + 1;
                return line.map(Some).map_err(|error| ClientError::Answer(error.to_string()));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            if self.buffer.len() > MAX_LINE_BYTES {
                return Err(ClientError::Answer("a line that does not end".to_owned()));
            }
            match self.answer.next().await {
                Some(bytes) => self.buffer.extend_from_slice(&bytes?),
                None => return Ok(None),
            }
        }
    }
}
