//! Answers that go on for as long as somebody listens.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::{task::JoinHandle, time::timeout};

use super::{Answer, Client, ClientError, Question, read};

/// An answer that goes on. Dropping it ends the connection.
#[derive(Debug)]
pub struct Going {
    body: Incoming,
    connection: JoinHandle<()>,
    /// Without it the connection would end.
    _sender: http1::SendRequest<Full<Bytes>>,
}

impl Client {
    /// Asks, and waits so long for the answer to begin.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(super) async fn begin(&self, question: &Question, patience: Duration) -> Result<Going, ClientError> {
        let begun = timeout(patience, self.begin_in_any_time(question)).await;
        begun.map_err(|_| ClientError::Timeout(self.socket.clone(), patience))?
    }

    async fn begin_in_any_time(&self, question: &Question) -> Result<Going, ClientError> {
        let request = question.request().map_err(|error| ClientError::Answer(error.to_string()))?;
        let stream = self.connect(question).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // An error of the connection's own reaches whoever reads the body, too.
        let connection = tokio::spawn(async move { drop(connection.await) });
        let answer = sender.send_request(request).await?;
        let (status, body) = (answer.status(), answer.into_body());
        let mut going = Going { body, connection, _sender: sender };
        if status.is_success() {
            return Ok(going);
        }
        let refused = Answer { status, revision: 0, body: read(&mut going.body).await? }.accepted();
        Err(refused.err().unwrap_or_else(|| ClientError::Answer(format!("{status} is no error"))))
    }
}

impl Going {
    /// What comes next of it; `None`: its end.
    pub async fn next(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        let frame = self.body.frame().await?;
        Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
