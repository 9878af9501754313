//! On which terms a change is asked for: by whom, for which revision, only to see, and how long to wait for it.

use std::time::Duration;

use axum::{
    extract::{ConnectInfo, FromRequestParts, Query},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{peer::Peer, refusal::Refusal};
use crate::store::{Author, Revision};

/// The longest wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// The terms of a change.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Whether to say what would change instead of changing it.
    pub dry_run: bool,
    /// How long the answer may wait for the dataplane.
    pub wait: Option<Duration>,
    /// The revision the change is made for.
    pub expected: Option<Revision>,
    /// Who asks.
    pub author: Author,
}

/// The query of every request that changes something.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TermsQuery {
    /// Change nothing, and say what would change
    #[serde(default)]
    dry_run: bool,
    /// Answer when the dataplane has the change, or after so many seconds (600 at most) with 202
    wait: Option<u64>,
}

impl<S: Send + Sync> FromRequestParts<S> for Terms {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Query(TermsQuery { dry_run, wait }) = Query::from_request_parts(parts, state).await?;
        let wait = wait.map(Duration::from_secs);
        if wait.is_some_and(|wait| wait > LONGEST_WAIT) {
            let text = format!(
                "?wait={}: at most {} seconds",
                wait.unwrap_or_default().as_secs(),
                LONGEST_WAIT.as_secs()
            );
            return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
        }
        let peer = parts.extensions.get::<ConnectInfo<Peer>>().map(|peer| peer.0).unwrap_or_default();
        // Where users are not local their names may take a while.
        let author = tokio::task::spawn_blocking(move || peer.author()).await.map_err(|error| {
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("look up who asks: {error}"))
        })?;
        Ok(Self { dry_run, wait, expected: expected(&parts.headers)?, author })
    }
}

/// The revision in `If-Match: "7"` (RFC 9110 section 13.1.1); `*` is any.
fn expected(headers: &HeaderMap) -> Result<Option<Revision>, Refusal> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number =
        text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| {
        let text =
            r#"If-Match names no revision: give one as the ETag of /v1/site has it, as "7" with its quotes"#;
        Refusal::new(StatusCode::BAD_REQUEST, text)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_revision_is_quoted() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, HeaderValue::from_static(text));
            expected(&headers).map_err(|_| ())
        };
        assert_eq!(of(r#""7""#), Ok(Some(Revision::new(7))));
        assert_eq!(of("*"), Ok(None));
        for text in ["7", r#"W/"7""#, r#""7", "8""#, r#""x""#, ""] {
            assert_eq!(of(text), Err(()), "{text}");
        }
        assert_eq!(expected(&HeaderMap::new()).map_err(|_| ()), Ok(None));
    }
}
