//! Answers that are not 2xx.

use axum::{
    Json,
    extract::rejection::{PathRejection, QueryRejection},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::{request::RequestError, types::ApiError};
use crate::spelling::one_line;

/// Status and body of such an answer.
#[derive(Clone, Debug)]
pub struct Refusal {
    status: StatusCode,
    body: Box<ApiError>,
}

impl Refusal {
    /// With that status and these words.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, body: Box::new(ApiError { error: error.into(), current: None }) }
    }

    /// 503 of a daemon that is on its way out.
    pub fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping: try again later")
    }

    /// 409 while somebody else measures the catchment.
    pub fn measured_already() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "the catchment is being measured already: `GET /v1/catchment` has it when that is done, or try again then",
        )
    }

    /// 503 when there are as many of something as can be.
    pub fn busy(most: usize, what: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the daemon is busy: it has {most} {what} already; try again in a second"),
        )
    }

    /// Of what could not be shown after a change that is made.
    #[must_use]
    pub fn though_done(mut self) -> Self {
        self.body.error =
            format!("the change is made, but what came of it cannot be shown: {}", self.body.error);
        self
    }

    /// 404 of a path that leads nowhere.
    pub async fn unknown_route(uri: Uri) -> Self {
        let text = format!("there is no {}: /v1/openapi.json lists what there is", uri.path());
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// 405 of a path that leads somewhere.
    pub async fn unknown_method(method: Method, uri: Uri) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}", uri.path()))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.body.error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, body } = self;
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        let status = match error {
            RequestError::NotFound(_) => StatusCode::NOT_FOUND,
            RequestError::Conflict(_) => StatusCode::CONFLICT,
            RequestError::Stale { error, current } => {
                return Self {
                    status: StatusCode::PRECONDITION_FAILED,
                    body: Box::new(ApiError { error, current: current.map(|it| *it) }),
                };
            }
            RequestError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            RequestError::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
            RequestError::Uncertain(_) | RequestError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        let why = one_line(&rejection.body_text());
        let text = format!("read the query (?dry_run=true, ?wait=10): {why}");
        Self::new(rejection.status(), text)
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        let why = one_line(&rejection.body_text());
        Self::new(rejection.status(), format!("read the path of the request: {why}"))
    }
}
