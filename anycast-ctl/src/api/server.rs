//! The daemon's side: HTTP requests become [`Request`]s to the controller, its answers become JSON.
//!
//! | method and path | answer |
//! |---|---|
//! | `GET /v1/status` | [`Status`] |
//! | `GET /v1/vips` | its `vips` |
//! | `GET /v1/pools` | its `pools` |
//! | `GET /v1/pools/{pool}/backends` | the `backends` of one of them |
//! | `GET /v1/pools/{pool}` | one of them, a [`PoolStatus`] |
//! | `GET /v1/pools/{pool}/slots` | its slot table, [`SlotsStatus`] |
//! | `POST /v1/pools/{pool}/backends` | body [`NewBackend`]; 201 and the [`BackendStatus`] |
//! | `DELETE /v1/pools/{pool}/backends/{backend}` | the [`BackendStatus`] as it went |
//! | `POST /v1/pools/{pool}/backends/{backend}/drain` | body [`NewDrain`] or none; the [`BackendStatus`] |
//! | `DELETE /v1/pools/{pool}/backends/{backend}/drain` | the [`BackendStatus`] |
//! | `PUT /v1/pools/{pool}/backends/{backend}/weight` | body [`NewWeight`]; the [`BackendStatus`] |
//! | `PUT /v1/pools/{pool}/backends/{backend}/health` | body [`NewHealth`]; the [`BackendStatus`] |
//!
//! Whatever changes something takes `?dry_run=true`: it changes nothing then and answers 200 and a
//! [`PlanStatus`].
//!
//! Every answer that is not 2xx is an [`ApiError`].

use std::{io, time::Duration};

use axum::{
    Json, Router,
    extract::{
        DefaultBodyLimit, Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use futures_util::FutureExt as _;
use serde::Deserialize;
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use super::{
    peer::Peer,
    socket::Socket,
    types::{
        ApiError, BackendStatus, Change, NewBackend, NewDrain, NewHealth, NewWeight, PlanStatus, PoolStatus,
        SlotsStatus, Status, VipStatus,
    },
};
use crate::spelling::unknown;

/// Largest request body, in bytes.
const MAX_BODY_BYTES: usize = 64 << 10;

/// How long requests under way may hold up the end.
const GRACE: Duration = Duration::from_secs(1);

/// What the API asks of the controller. A reply that is dropped means that it is stopping.
#[derive(Debug)]
pub enum Request {
    /// What is steered where, with all counters.
    Status(oneshot::Sender<Result<Status, EditError>>),
    /// The slot table of a pool.
    Slots {
        /// Name of the pool.
        pool: String,
        /// Its table.
        reply: oneshot::Sender<Result<SlotsStatus, EditError>>,
    },
    /// Changes the backends of a pool.
    Change {
        /// Name of the pool.
        pool: String,
        /// What to change.
        change: Change,
        /// The backend after it; a removed one as it went.
        reply: oneshot::Sender<Result<BackendStatus, EditError>>,
    },
    /// Says what a change would do.
    Plan {
        /// Name of the pool.
        pool: String,
        /// What would be changed.
        change: Change,
        /// What would come of it.
        reply: oneshot::Sender<Result<PlanStatus, EditError>>,
    },
}

/// Why an edit was refused. The text says what is wrong and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such pool or backend: 404.
    #[error("{0}")]
    NotFound(String),
    /// It is there already: 409.
    #[error("{0}")]
    Conflict(String),
    /// The site would break a rule: 422.
    #[error("{0}")]
    Invalid(String),
    /// The dataplane could not be changed: 500.
    #[error("{0}")]
    Internal(String),
}

/// Answers requests on the socket until `shutdown` resolves, finishes those under way (a client that dawdles gets a
/// second), and removes the socket.
///
/// # Errors
/// When the socket cannot be accepted on any more.
pub async fn serve(
    socket: Socket,
    requests: mpsc::Sender<Request>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let Socket { listener, guard } = socket;
    let shutdown = shutdown.shared();
    let service = router(requests).into_make_service_with_connect_info::<Peer>();
    let answer = axum::serve(listener, service).with_graceful_shutdown(shutdown.clone());
    let served = tokio::select! {
        served = answer.into_future() => served,
        () = shutdown.then(|()| sleep(GRACE)) => Ok(()),
    };
    drop(guard);
    served
}

/// The routes, apart from any socket.
pub fn router(requests: mpsc::Sender<Request>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/vips", get(vips))
        .route("/v1/pools", get(pools))
        .route("/v1/pools/{pool}", get(pool))
        .route("/v1/pools/{pool}/slots", get(slots))
        .route("/v1/pools/{pool}/backends", get(backends).post(add_backend))
        .route("/v1/pools/{pool}/backends/{backend}", delete(remove_backend))
        .route("/v1/pools/{pool}/backends/{backend}/drain", post(drain).delete(undrain))
        .route("/v1/pools/{pool}/backends/{backend}/weight", put(weight))
        .route("/v1/pools/{pool}/backends/{backend}/health", put(health))
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Controller(requests))
}

/// An answer that is not 2xx.
struct Refusal(StatusCode, String);

#[derive(Clone)]
struct Controller(mpsc::Sender<Request>);

impl Controller {
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Refusal> {
        let stopping =
            || Refusal(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping: try again later".into());
        let (reply, answer) = oneshot::channel();
        self.0.send(request(reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }

    /// Makes a change and answers with the backend, or says what it would do.
    async fn change(&self, pool: String, change: Change, dry_run: DryRun) -> Result<Response, Refusal> {
        let Query(DryRunQuery { dry_run }) = dry_run?;
        if dry_run {
            let plan = self.ask(|reply| Request::Plan { pool, change, reply }).await??;
            return Ok(Json(plan).into_response());
        }
        let code = if matches!(change, Change::Add(_)) { StatusCode::CREATED } else { StatusCode::OK };
        let backend = self.ask(|reply| Request::Change { pool, change, reply }).await??;
        Ok((code, Json(backend)).into_response())
    }
}

#[derive(Deserialize)]
struct DryRunQuery {
    #[serde(default)]
    dry_run: bool,
}

type DryRun = Result<Query<DryRunQuery>, QueryRejection>;

/// A pool and a backend.
type Names = Path<(String, String)>;

type Body<T> = Result<Json<T>, JsonRejection>;

async fn status(State(controller): State<Controller>) -> Result<Json<Status>, Refusal> {
    Ok(Json(controller.ask(Request::Status).await??))
}

async fn vips(State(controller): State<Controller>) -> Result<Json<Vec<VipStatus>>, Refusal> {
    Ok(Json(controller.ask(Request::Status).await??.vips))
}

async fn pools(State(controller): State<Controller>) -> Result<Json<Vec<PoolStatus>>, Refusal> {
    Ok(Json(controller.ask(Request::Status).await??.pools))
}

async fn pool(
    State(controller): State<Controller>,
    Path(name): Path<String>,
) -> Result<Json<PoolStatus>, Refusal> {
    let pools = controller.ask(Request::Status).await??.pools;
    let message = unknown("pool", &name, pools.iter().map(|pool| pool.name.as_str()));
    let pool = pools.into_iter().find(|pool| pool.name == name);
    Ok(Json(pool.ok_or(Refusal(StatusCode::NOT_FOUND, message))?))
}

async fn backends(state: State<Controller>, name: Path<String>) -> Result<Json<Vec<BackendStatus>>, Refusal> {
    let Json(pool) = pool(state, name).await?;
    Ok(Json(pool.backends))
}

async fn slots(
    State(controller): State<Controller>,
    Path(pool): Path<String>,
) -> Result<Json<SlotsStatus>, Refusal> {
    Ok(Json(controller.ask(|reply| Request::Slots { pool, reply }).await??))
}

async fn add_backend(
    State(controller): State<Controller>,
    Path(pool): Path<String>,
    dry_run: DryRun,
    body: Body<NewBackend>,
) -> Result<Response, Refusal> {
    let Json(backend) = body?;
    controller.change(pool, Change::Add(backend), dry_run).await
}

async fn remove_backend(
    State(controller): State<Controller>,
    Path((pool, name)): Names,
    dry_run: DryRun,
) -> Result<Response, Refusal> {
    controller.change(pool, Change::Remove { name }, dry_run).await
}

async fn drain(
    State(controller): State<Controller>,
    Path((pool, name)): Names,
    dry_run: DryRun,
    body: Result<Option<Json<NewDrain>>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(NewDrain { deadline_seconds }) = body?.unwrap_or_default();
    let deadline = deadline_seconds.map(Duration::from_secs);
    controller.change(pool, Change::Drain { name, deadline }, dry_run).await
}

async fn undrain(
    State(controller): State<Controller>,
    Path((pool, name)): Names,
    dry_run: DryRun,
) -> Result<Response, Refusal> {
    controller.change(pool, Change::Undrain { name }, dry_run).await
}

async fn weight(
    State(controller): State<Controller>,
    Path((pool, name)): Names,
    dry_run: DryRun,
    body: Body<NewWeight>,
) -> Result<Response, Refusal> {
    let Json(NewWeight { weight }) = body?;
    controller.change(pool, Change::Weight { name, weight }, dry_run).await
}

async fn health(
    State(controller): State<Controller>,
    Path((pool, name)): Names,
    dry_run: DryRun,
    body: Body<NewHealth>,
) -> Result<Response, Refusal> {
    let Json(NewHealth { up }) = body?;
    controller.change(pool, Change::Mark { name, up }, dry_run).await
}

async fn unknown_route(uri: Uri) -> Refusal {
    let text = format!("there is no {}: see /v1/status, /v1/vips and /v1/pools", uri.path());
    Refusal(StatusCode::NOT_FOUND, text)
}

async fn unknown_method(method: Method, uri: Uri) -> Refusal {
    Refusal(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}", uri.path()))
}

impl From<EditError> for Refusal {
    fn from(error: EditError) -> Self {
        match error {
            EditError::NotFound(text) => Self(StatusCode::NOT_FOUND, text),
            EditError::Conflict(text) => Self(StatusCode::CONFLICT, text),
            EditError::Invalid(text) => Self(StatusCode::UNPROCESSABLE_ENTITY, text),
            EditError::Internal(text) => Self(StatusCode::INTERNAL_SERVER_ERROR, text),
        }
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.status(), format!("read the body of the request: {}", rejection.body_text()))
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        let text = format!("read the query (?dry_run=true or ?dry_run=false): {}", rejection.body_text());
        Self(rejection.status(), text)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, error) = self;
        (status, Json(ApiError { error })).into_response()
    }
}
