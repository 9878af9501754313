//! `/v1/explain`

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};

use crate::{
    api::{
        body::Raw,
        refusal::Refusal,
        request::Request,
        router::Api,
        types::{ApiError, ExplainQuestion, ExplainWay, Explanation},
    },
    explain::{MAX_FRAME_BYTES, frame},
};

/// Largest body: the largest frame there is.
pub const MAX_BODY_BYTES: usize = MAX_FRAME_BYTES;

/// Say what the loaded program would do with a packet, and why; nothing is sent or changed
#[utoipa::path(
    get,
    tag = "explain", path = "/v1/explain",
    params(ExplainQuestion),
    responses((status = 200, body = Explanation), (status = "default", body = ApiError)),
)]
pub async fn ask(
    State(api): State<Api>,
    question: Result<Query<ExplainQuestion>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Explanation>, Refusal> {
    let Query(question) = question.map_err(|rejection| {
        let text = format!(
            "read the query (?from=198.51.100.7:40000&to=192.0.2.1:443/tcp&packet=syn): {}",
            rejection.body_text()
        );
        Refusal::new(rejection.status(), text)
    })?;
    let frame = frame(&question)
        .map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    let interface = question.interface;
    Ok(Json(api.ask(|reply| Request::Explain { interface, frame, reply }).await?))
}

/// The same of a frame that is the body of the request, from its Ethernet header on
#[utoipa::path(
    post,
    tag = "explain", path = "/v1/explain",
    params(ExplainWay),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 200, body = Explanation), (status = "default", body = ApiError)),
)]
pub async fn ask_frame(
    State(api): State<Api>,
    Query(ExplainWay { interface }): Query<ExplainWay>,
    Raw(frame): Raw,
) -> Result<Json<Explanation>, Refusal> {
    if frame.is_empty() {
        let text = "the body is empty: it is the frame to explain, from its Ethernet header on";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
    }
    let frame = frame.to_vec();
    Ok(Json(api.ask(|reply| Request::Explain { interface, frame, reply }).await?))
}
