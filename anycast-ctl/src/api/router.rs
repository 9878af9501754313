//! Every route, and the document that describes them: one list makes both.

use std::sync::Arc;

use axum::{
    Router,
    body::to_bytes,
    extract::{ConnectInfo, DefaultBodyLimit, Request as HttpRequest, State},
    http::header,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use futures_util::future::{BoxFuture, Shared};
use nix::unistd::Uid;
use tokio::sync::{Semaphore, oneshot};
use tower_service::Service as _;
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::router::OpenApiRouter;

use super::{
    audit,
    captures::Captures,
    link::Link,
    peer::Peer,
    public,
    refusal::Refusal,
    request::{Request, RequestError},
    routes,
    snapshot::{self, Snapshot, Snapshots},
};
use crate::{flows::Catchments, observe::Observer, privilege, spelling::one_line};

/// Largest body of a request, in bytes, where no other limit is set.
const MAX_BODY_BYTES: usize = 64 << 10;

/// Requests that are worked on at a time; what comes beyond them is refused at once.
pub const MAX_REQUESTS: usize = 1_024;

/// Watchers of events at a time.
pub const MAX_WATCHERS: usize = 64;

/// Readers of remembered flows at a time: each has a thread to itself.
pub const MAX_FLOW_READERS: usize = 4;

/// Resolves when the daemon is on its way out.
pub type Stopping = Shared<BoxFuture<'static, ()>>;

/// What handlers have at hand.
#[derive(Clone, Debug)]
pub struct Api {
    /// The controller's other end.
    pub link: Link,
    snapshots: Snapshots,
    requests: Arc<Semaphore>,
    /// Places for watchers of events.
    pub watchers: Arc<Semaphore>,
    /// Places for readers of remembered flows.
    pub flow_readers: Arc<Semaphore>,
    /// The catchment that was measured last.
    pub catchments: Catchments,
    /// Shows packets.
    pub observer: Observer,
    /// Whom it shows them to.
    pub captures: Captures,
    /// Resolves when the daemon is on its way out.
    pub stopping: Stopping,
}

impl Api {
    /// Asks by that link.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(link: Link, stopping: Stopping) -> Self {
        Self {
            snapshots: snapshot::spawn(link.requests.clone()),
            captures: Captures::default(),
            catchments: Catchments::default(),
            observer: Observer::spawn(link.requests.clone()),
            link,
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
            watchers: Arc::new(Semaphore::new(MAX_WATCHERS)),
            flow_readers: Arc::new(Semaphore::new(MAX_FLOW_READERS)),
            stopping,
        }
    }

    /// The same, with places of its own: those who ask there take none from those who ask here.
    pub fn apart(&self) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
            watchers: Arc::new(Semaphore::new(MAX_WATCHERS)),
            ..self.clone()
        }
    }

    /// Asks the controller itself.
    ///
    /// # Errors
    ///
    /// What it refuses, and 503 when it is stopping.
    pub async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, RequestError>>) -> Request,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.link.requests.send(request(reply)).await.map_err(|_| Refusal::stopping())?;
        Ok(answer.await.map_err(|_| Refusal::stopping())??)
    }

    /// A status that is no older than this call.
    ///
    /// # Errors
    ///
    /// When it could not be made, and 503 when the controller is stopping.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, Refusal> {
        Ok(self.snapshots.get().await.ok_or_else(Refusal::stopping)??)
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "anycast",
    description = "Control of one anycast dataplane over its Unix socket. Every answer that is not 2xx is an `ApiError`."
))]
struct Document;

fn described() -> (Router<Api>, OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi()).merge(routes::all()).split_for_parts()
}

/// The OpenAPI document of all routes.
pub fn document() -> OpenApi {
    described().1
}

/// The routes, apart from any socket.
pub fn router(api: Api) -> Router {
    described()
        .0
        .fallback(Refusal::unknown_route)
        .method_not_allowed_fallback(Refusal::unknown_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state((privilege::service_user(), public::router(&api)), trusted))
        .layer(middleware::from_fn(told))
        .layer(middleware::from_fn_with_state(api.clone(), audit::note))
        .layer(middleware::from_fn_with_state(api.clone(), bounded))
        .with_state(api)
}

/// What is refused before a handler sees it, a path or a query that cannot be read, is an `ApiError` like any other.
async fn told(request: HttpRequest, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !is_error || kind.is_some_and(|kind| kind == "application/json") {
        return response;
    }
    let text = to_bytes(response.into_body(), MAX_BODY_BYTES).await.unwrap_or_default();
    let text = one_line(&String::from_utf8_lossy(&text));
    Refusal::new(status, format!("read the request: {text}")).into_response()
}

/// A program that the daemon runs, to check a backend, has the daemon's user and may open its socket: it is told what everybody
/// is. Nobody logs in as a service; as root, and without any right, a daemon is run by a person.
async fn trusted(
    State((own, mut public)): State<(Option<Uid>, Router)>,
    request: HttpRequest,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|peer| peer.0).unwrap_or_default();
    if own.is_some_and(|own| peer.is(own)) {
        return public.call(request).await.unwrap_or_else(|never| match never {});
    }
    next.run(request).await
}

/// Works on so many requests at a time, and no more.
async fn bounded(State(api): State<Api>, request: HttpRequest, next: Next) -> Response {
    match api.requests.try_acquire() {
        Ok(_held) => next.run(request).await,
        Err(_) => Refusal::busy(MAX_REQUESTS, "requests to answer").into_response(),
    }
}
