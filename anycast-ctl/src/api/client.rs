//! The other side: asks a running daemon over its Unix socket.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::{BodyExt as _, Limited};
use hyper::{
    StatusCode,
    body::{Body, Bytes},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::{net::UnixStream, time::timeout};

mod announce;
mod capture;
mod explain;
mod flows;
mod going;
mod log;
mod watch;

pub use self::{
    capture::CaptureLines,
    watch::{Frame, Watch},
};

use super::{
    call::{Call, Question, Segment, Terms},
    doors,
    types::{
        ApiError, BackendHealth, BackendStatus, Committed, HealthStatus, HookState, HookStatus, HostStatus,
        PlanStatus, PoolStatus, ReconcileStatus, RevisionDetail, RevisionStatus, SlotsStatus, Status,
        VipStatus,
    },
};
use crate::model::Site;

/// How long one request may take. The daemon answers from memory and a few map reads.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The same where a program for the kernel may be loaded first: on a slow machine its verifier alone takes seconds.
const LOADING: Duration = Duration::from_secs(60);

/// The same where routes are withdrawn first: routers may be given an hour to follow.
const WITHDRAWAL: Duration = Duration::from_secs(3_660);

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
    #[error("the daemon on {} did not answer within {} s: see its log", .0.display(), .1.as_secs())]
    Timeout(PathBuf, Duration),
    /// The connection broke.
    #[error("talk to the daemon: {0}")]
    Http(#[from] hyper::Error),
    /// What came is not what this program understands.
    #[error("understand the daemon's answer ({0}): is it of another version?")]
    Answer(String),
    /// A change is made, and what was changed could not be read.
    #[error(
        "the change is made, as revision {0}, but the daemon cannot show what came of it: see its log, and `anycast-ctl status`"
    )]
    Unshown(u64),
    /// The daemon understood, and refused.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The daemon's words.
        message: String,
        /// The newest revision, when the change was made for another one.
        current: Option<Box<RevisionStatus>>,
    },
}

/// Asks the daemon behind one socket. Every question is a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<T> {
    /// The revision that is desired.
    pub revision: u64,
    /// Whether the dataplane has it, if that was waited for.
    pub in_time: bool,
    /// The thing that was changed.
    pub value: T,
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

    /// `GET /v1/hosts`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn hosts(&self) -> Result<Vec<HostStatus>, ClientError> {
        self.get("/v1/hosts").await
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

    /// `GET /v1/health`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn health(&self) -> Result<HealthStatus, ClientError> {
        self.get("/v1/health").await
    }

    /// `GET /v1/pools/{pool}/backends/{backend}/health`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn backend_health(&self, pool: &str, backend: &str) -> Result<BackendHealth, ClientError> {
        self.get(&format!("/v1/pools/{}/backends/{}/health", Segment(pool), Segment(backend))).await
    }

    /// `GET /v1/vips/{vip}`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn vip(&self, vip: &str) -> Result<VipStatus, ClientError> {
        self.get(&format!("/v1/vips/{}", Segment(vip))).await
    }

    /// `GET /v1/site`: the desired state.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn site(&self) -> Result<Site, ClientError> {
        self.get("/v1/site").await
    }

    /// The same as the text of a site file.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn site_file(&self) -> Result<String, ClientError> {
        let answer = self.exchange(&Question::get("/v1/site").accepting("application/toml"), TIMEOUT).await?;
        let text = String::from_utf8(answer.accepted()?.body.into());
        text.map_err(|error| ClientError::Answer(error.to_string()))
    }

    /// `GET /v1/revisions`: the newest ones first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revisions(&self, limit: usize) -> Result<Vec<RevisionStatus>, ClientError> {
        self.get(&format!("/v1/revisions?limit={limit}")).await
    }

    /// `GET /v1/revisions/{revision}`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revision(&self, revision: u64) -> Result<RevisionDetail, ClientError> {
        self.get(&format!("/v1/revisions/{revision}")).await
    }

    /// Makes a change.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn change<T: DeserializeOwned>(
        &self,
        call: &Call,
        terms: &Terms,
    ) -> Result<Changed<T>, ClientError> {
        let patience = TIMEOUT + terms.wait.unwrap_or_default();
        let answer = self.exchange(&call.question(terms, false), patience).await?.accepted()?;
        let in_time = answer.status != StatusCode::ACCEPTED;
        let revision = answer.revision;
        let value = match answer.json() {
            Ok(value) => value,
            Err(_) if answer.json::<Committed>().is_ok() => return Err(ClientError::Unshown(revision)),
            Err(error) => return Err(error),
        };
        Ok(Changed { revision, in_time, value })
    }

    /// `POST /v1/reconcile`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn reconcile(&self, dry_run: bool) -> Result<ReconcileStatus, ClientError> {
        let question = Question::post(&format!("/v1/reconcile?dry_run={dry_run}"));
        self.exchange(&question, TIMEOUT).await?.accepted()?.json()
    }

    /// What a change would do. Nothing is changed.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn plan(&self, call: &Call, terms: &Terms) -> Result<PlanStatus, ClientError> {
        self.exchange(&call.question(terms, true), TIMEOUT).await?.accepted()?.json()
    }

    /// `POST /v1/attach`, `/v1/detach` or `/v1/down`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn hook(&self, state: HookState) -> Result<HookStatus, ClientError> {
        let question = Call::hook(state).question(&Terms::default(), false);
        self.exchange(&question, WITHDRAWAL).await?.accepted()?.json()
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.exchange(&Question::get(path), TIMEOUT).await?.accepted()?.json()
    }

    async fn exchange(&self, question: &Question, patience: Duration) -> Result<Answer, ClientError> {
        let exchanged = timeout(patience, self.converse(question)).await;
        exchanged.map_err(|_| ClientError::Timeout(self.socket.clone(), patience))?
    }

    async fn converse(&self, question: &Question) -> Result<Answer, ClientError> {
        let request = question.request().map_err(|error| ClientError::Answer(error.to_string()))?;
        let stream = self.connect(question).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let exchange = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            let tag = answer.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
            let revision = tag.and_then(|tag| tag.trim_matches('"').parse().ok()).unwrap_or_default();
            Ok(Answer { status, revision, body: read(answer.into_body()).await? })
        };
        // The connection has to be driven for the exchange to go on; an error of its own reaches the exchange too.
        tokio::pin!(exchange);
        tokio::select! {
            biased;
            done = &mut exchange => done,
            _ = connection => exchange.await,
        }
    }

    /// Who may not use the socket may still read, by the one beside it.
    async fn connect(&self, question: &Question) -> Result<UnixStream, ClientError> {
        let denied = match UnixStream::connect(&self.socket).await {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && question.only_reads() => error,
            connected => return connected.map_err(|error| self.not_connected(error)),
        };
        let readers = UnixStream::connect(doors::readers_path(&self.socket)).await;
        readers.map_err(|_| self.not_connected(denied))
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

async fn read(body: impl Body<Data = Bytes, Error = hyper::Error>) -> Result<Bytes, ClientError> {
    let read = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    Ok(read.map_err(|error| ClientError::Answer(error.to_string()))?.to_bytes())
}

/// What the daemon answered.
struct Answer {
    status: StatusCode,
    revision: u64,
    body: Bytes,
}

impl Answer {
    /// Itself, if the daemon did what was asked.
    fn accepted(self) -> Result<Self, ClientError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let status = self.status.as_u16();
        Err(match serde_json::from_slice(&self.body) {
            Ok(ApiError { error, current }) => {
                ClientError::Refused { status, message: error, current: current.map(Box::new) }
            }
            Err(_) => ClientError::Refused {
                status,
                message: format!("the daemon answers {}", self.status),
                current: None,
            },
        })
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| ClientError::Answer(error.to_string()))
    }
}
