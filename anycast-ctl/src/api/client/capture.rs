//! Captures: an answer that goes on, a line at a time.

use http_body_util::{BodyExt as _, Full};
use hyper::{
    StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, task::JoinHandle, time::timeout};

use super::{Answer, Client, ClientError, TIMEOUT, read};
use crate::api::{
    call::Question,
    types::{CaptureLine, CaptureStatus, NewCapture},
};

/// Bytes of the longest line: far above what a packet comes to.
const MAX_LINE_BYTES: usize = 64 << 10;

/// The lines of a capture. Dropping it ends the capture.
#[derive(Debug)]
pub struct CaptureLines {
    body: Incoming,
    /// What came of the next lines.
    buffer: Vec<u8>,
    /// Where in it the next line starts.
    start: usize,
    connection: JoinHandle<()>,
    /// Without it the connection would end.
    _sender: http1::SendRequest<Full<Bytes>>,
}

impl Client {
    /// `POST /v1/captures`. The daemon may load a program first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn capture(&self, wanted: &NewCapture) -> Result<CaptureLines, ClientError> {
        let question = Question::post("/v1/captures").with_json(wanted);
        let begun = timeout(TIMEOUT, self.begin_capture(&question)).await;
        begun.map_err(|_| ClientError::Timeout(self.socket.clone(), TIMEOUT))?
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

    async fn begin_capture(&self, question: &Question) -> Result<CaptureLines, ClientError> {
        let request = question.request().map_err(|error| ClientError::Answer(error.to_string()))?;
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.not_connected(error))?;
        let (mut sender, connection) = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await?;
        // An error of the connection's own reaches whoever reads the body too.
        let connection = tokio::spawn(async { drop(connection.await) });
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body();
        let lines = CaptureLines { body, buffer: Vec::new(), start: 0, connection, _sender: sender };
        if status.is_success() { Ok(lines) } else { Err(lines.refused(status).await) }
    }
}

impl CaptureLines {
    /// What the daemon says instead.
    async fn refused(mut self, status: StatusCode) -> ClientError {
        let body = match read(&mut self.body).await {
            Ok(body) => body,
            Err(error) => return error,
        };
        match (Answer { status, revision: 0, body }.accepted()) {
            Err(error) => error,
            Ok(_) => ClientError::Answer(format!("{status} is no error")),
        }
    }

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
            match self.body.frame().await {
                Some(frame) => self.buffer.extend(frame?.data_ref().into_iter().flatten()),
                None => return Ok(None),
            }
        }
    }
}

impl Drop for CaptureLines {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
