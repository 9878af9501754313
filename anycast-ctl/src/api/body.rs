//! Bodies of requests, bounded in size and in the time they may take to come.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::refusal::Refusal;
use crate::spelling::one_line;

/// How long a body may take to come.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body of JSON, whatever its content type is said to be. An empty one is `T`'s default where [`Optional`] is asked for.
pub struct Body<T>(pub T);

/// A body of JSON that may be left out.
pub struct Optional<T>(pub T);

/// A body as it came.
pub struct Raw(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = timeout(BODY_TIMEOUT, Bytes::from_request(request, state)).await.map_err(|_| {
            let text = format!("the body of the request did not come within {} s", BODY_TIMEOUT.as_secs());
            Refusal::new(StatusCode::REQUEST_TIMEOUT, text)
        })?;
        bytes.map(Self).map_err(|rejection| {
            Refusal::new(
                rejection.status(),
                format!("read the body of the request: {}", rejection.body_text()),
            )
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        parse(&bytes).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for Optional<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        if bytes.is_empty() { Ok(Self(T::default())) } else { parse(&bytes).map(Self) }
    }
}

/// What a text of JSON says.
///
/// # Errors
///
/// 400 for what is no JSON, 422 for what is not the JSON that is wanted.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        let status = match error.classify() {
            serde_json::error::Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => StatusCode::BAD_REQUEST,
        };
        Refusal::new(
            status,
            format!("read the body of the request as JSON: {}", one_line(&error.to_string())),
        )
    })
}
