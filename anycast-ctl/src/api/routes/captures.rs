//! `/v1/captures`

use axum::{
    Json,
    body::{Body as Answer, Bytes},
    extract::{ConnectInfo, Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};

use crate::{
    api::{
        body::Optional,
        captures::Listed,
        peer::Peer,
        refusal::Refusal,
        request::{Request, RequestError},
        router::Api,
        types::{ApiError, CaptureLine, CaptureStatus, NewCapture},
    },
    observe::ObserveError,
};

mod begin;
mod stream;

/// Have packets shown, as the program sees and delivers them
///
/// The answer is a line of JSON for each packet, which goes on until the client closes the connection or the capture is ended;
/// other lines tell of its begin, its counts and its end.
#[utoipa::path(
    post,
    path = "/v1/captures",
    tag = "packets",
    request_body = NewCapture,
    responses(
        (status = 200, body = CaptureLine, content_type = "application/x-ndjson"),
        (status = "default", body = ApiError),
    ),
)]
pub async fn begin(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Optional(wanted): Optional<NewCapture>,
) -> Result<Response, Refusal> {
    let book = api.ask(Request::Book).await?;
    let spec = begin::spec(&wanted, &book)?;
    let subscription = api.observer.subscribe(spec).await?;
    let by = tokio::task::spawn_blocking(move || peer.author().to_string()).await.unwrap_or_default();
    let listed: Listed = api.captures.add(by, wanted);
    tracing::info!(
        id = listed.status.id,
        by = listed.status.by,
        expression = listed.status.wanted.expression,
        "a capture begins"
    );
    let lines = stream::lines(stream::Capture::new(api, subscription, listed, book));
    let content = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((content, Answer::from_stream(lines)).into_response())
}

/// Captures under way
#[utoipa::path(
    get,
    path = "/v1/captures",
    tag = "packets",
    responses((status = 200, body = Vec<CaptureStatus>), (status = "default", body = ApiError)),
)]
pub async fn list(State(api): State<Api>) -> Json<Vec<CaptureStatus>> {
    Json(api.captures.all())
}

/// End a capture; what is under way is still shown, and the last line tells its counts
#[utoipa::path(
    delete,
    path = "/v1/captures/{capture}",
    tag = "packets",
    params(("capture" = u64, Path)),
    responses((status = 200, body = CaptureStatus), (status = "default", body = ApiError)),
)]
pub async fn end(State(api): State<Api>, Path(capture): Path<u64>) -> Result<Json<CaptureStatus>, Refusal> {
    let none = || format!("there is no capture {capture} under way: GET /v1/captures lists those there are");
    Ok(Json(api.captures.end(capture).ok_or_else(|| RequestError::NotFound(none()))?))
}

impl From<ObserveError> for Refusal {
    fn from(error: ObserveError) -> Self {
        let status = match error {
            ObserveError::Busy => StatusCode::CONFLICT,
            ObserveError::Refused(_) => StatusCode::INTERNAL_SERVER_ERROR,
            ObserveError::Stopping => return Self::stopping(),
        };
        Self::new(status, error.to_string())
    }
}

/// A line of JSON.
fn json(line: &CaptureLine, text: &mut Vec<u8>) {
    // Lines have no maps with odd keys: there is nothing that JSON could not say.
    drop(serde_json::to_writer(&mut *text, line));
    text.push(b'\n');
}

/// Text of one line.
fn single(line: &CaptureLine) -> Bytes {
    let mut text = Vec::new();
    json(line, &mut text);
    text.into()
}
