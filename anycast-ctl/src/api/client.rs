//! The other side: asks a running daemon over its Unix socket.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::UnixStream, time::timeout};

use super::types::{
    ApiError, BackendStatus, Change, NewDrain, NewHealth, NewWeight, PlanStatus, PoolStatus, SlotsStatus,
    Status, VipStatus,
};

/// How long one request may take. The daemon answers from memory and a few map reads.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Largest answer that is read, in bytes: far above what the largest site says.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Why the daemon could not be asked, or what it refused.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error(
        "no daemon is listening on {}: start it with `anycast-ctl run --config FILE`, or name another socket with \
         --socket", .0.display()
    )]
    NoDaemon(PathBuf),
    /// The socket is not for this user.
    #[error("no permission to connect to {}: use sudo, or join the group that owns it", .0.display())]
    Denied(PathBuf),
    /// The socket is there and cannot be connected to.
    #[error("connect to {}: {}", .0.display(), .1)]
    Connect(PathBuf, #[source] io::Error),
    /// The daemon did not answer in time.
    #[error("the daemon on {} did not answer within {} s: see its log", .0.display(), TIMEOUT.as_secs())]
    Timeout(PathBuf),
    /// The connection broke.
    #[error("talk to the daemon: {0}")]
    Http(#[from] hyper::Error),
    /// What came is not what this program understands.
    #[error("understand the daemon's answer ({0}): is it of another version?")]
    Answer(String),
    /// The daemon understood, and refused.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The daemon's words.
        message: String,
    },
}

/// Asks the daemon behind one socket. Every question is a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client for the daemon on that socket. Nothing is connected yet.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// `GET /v1/status`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    /// `GET /v1/vips`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn vips(&self) -> Result<Vec<VipStatus>, ClientError> {
        self.get("/v1/vips").await
    }

    /// `GET /v1/pools`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn pools(&self) -> Result<Vec<PoolStatus>, ClientError> {
        self.get("/v1/pools").await
    }

    /// `GET /v1/pools/{pool}/backends`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn backends(&self, pool: &str) -> Result<Vec<BackendStatus>, ClientError> {
        self.get(&format!("/v1/pools/{}/backends", Segment(pool))).await
    }

    /// `GET /v1/pools/{pool}`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn pool(&self, pool: &str) -> Result<PoolStatus, ClientError> {
        self.get(&format!("/v1/pools/{}", Segment(pool))).await
    }

    /// `GET /v1/pools/{pool}/slots`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn slots(&self, pool: &str) -> Result<SlotsStatus, ClientError> {
        self.get(&format!("/v1/pools/{}/slots", Segment(pool))).await
    }

    /// Makes a change; the backend after it, a removed one as it went.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn change(&self, pool: &str, change: &Change) -> Result<BackendStatus, ClientError> {
        self.request_change(pool, change, "").await
    }

    /// What a change would do. Nothing is changed.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn plan(&self, pool: &str, change: &Change) -> Result<PlanStatus, ClientError> {
        self.request_change(pool, change, "?dry_run=true").await
    }

    async fn request_change<T: DeserializeOwned>(
        &self,
        pool: &str,
        change: &Change,
        query: &str,
    ) -> Result<T, ClientError> {
        let pool = format!("/v1/pools/{}/backends", Segment(pool));
        let of = |what: &str| format!("{pool}/{}{what}{query}", Segment(change.backend()));
        match change {
            Change::Add(backend) => self.ask(Method::POST, &format!("{pool}{query}"), Some(backend)).await,
            Change::Remove { .. } => self.ask(Method::DELETE, &of(""), None::<&()>).await,
            Change::Drain { deadline, .. } => {
                let body = NewDrain { deadline_seconds: deadline.map(|deadline| deadline.as_secs()) };
                self.ask(Method::POST, &of("/drain"), Some(&body)).await
            }
            Change::Undrain { .. } => self.ask(Method::DELETE, &of("/drain"), None::<&()>).await,
            Change::Weight { weight, .. } => {
                self.ask(Method::PUT, &of("/weight"), Some(&NewWeight { weight: *weight })).await
            }
            Change::Mark { up, .. } => {
                self.ask(Method::PUT, &of("/health"), Some(&NewHealth { up: *up })).await
            }
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, None::<&()>).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let (status, answer) = timeout(TIMEOUT, self.exchange(method, path, body))
            .await
            .map_err(|_| ClientError::Timeout(self.socket.clone()))??;
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(|error| ClientError::Answer(error.to_string()));
        }
        let message = match serde_json::from_slice(&answer) {
            Ok(ApiError { error }) => error,
            Err(_) => format!("the daemon answers {status}"),
        };
        Err(ClientError::Refused { status: status.as_u16(), message })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let body = match body {
            Some(body) => serde_json::to_vec(body).map_err(|error| ClientError::Answer(error.to_string()))?,
            None => Vec::new(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "anycast")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| ClientError::Answer(error.to_string()))?;

        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.not_connected(error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let exchange = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            Ok((status, read(answer.into_body()).await?))
        };
        // The connection has to be driven for the exchange to go on; an error of its own reaches the exchange too.
        tokio::pin!(exchange);
        tokio::select! {
            biased;
            done = &mut exchange => done,
            _ = connection => exchange.await,
        }
    }

    fn not_connected(&self, error: io::Error) -> ClientError {
        let socket = self.socket.clone();
        let is = |kinds: &[io::ErrorKind]| kinds.contains(&error.kind());
        if is(&[io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused]) {
            ClientError::NoDaemon(socket)
        } else if is(&[io::ErrorKind::PermissionDenied]) {
            ClientError::Denied(socket)
        } else {
            ClientError::Connect(socket, error)
        }
    }
}

async fn read(body: Incoming) -> Result<Bytes, ClientError> {
    let read = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    Ok(read.map_err(|error| ClientError::Answer(error.to_string()))?.to_bytes())
}

/// One segment of a path, percent-encoded but for the unreserved characters of RFC 3986 section 2.3.
struct Segment<'a>(&'a str);

impl std::fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                    write!(f, "{}", char::from(byte))?
                }
                // A dot too: `..` would be taken for a step up.
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Segment;

    #[test]
    fn names_are_encoded_into_paths() {
        assert_eq!(Segment("web-1_a~").to_string(), "web-1_a~");
        assert_eq!(Segment("../a b/ü").to_string(), "%2E%2E%2Fa%20b%2F%C3%BC");
    }
}
