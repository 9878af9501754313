//! `/v1/site`

use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api::{
        body::{self, Raw},
        change::tagged,
        refusal::Refusal,
        request::Request,
        router::Api,
        terms::{Terms, TermsQuery},
        types::{ApiError, Committed, ReconcileStatus},
    },
    config,
    model::{Edit, Site, diff::Subject},
};

/// What site files are.
const TOML: &str = "application/toml";

/// Largest site, in bytes.
pub const MAX_SITE_BYTES: usize = 16 << 20;

/// The query of `PUT /v1/site`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Named {
    /// What the history and complaints call the body: the name of a file
    name: Option<String>,
}

/// The desired state, seeds included; its revision is the ETag
///
/// As JSON, or as a site file with `Accept: application/toml`.
#[utoipa::path(
    get,
    path = "/v1/site",
    tag = "site",
    responses(
        (status = 200, content((Site = "application/json"), (String = "application/toml"))),
        (status = 304, description = "It is the revision of If-None-Match"),
        (status = "default", body = ApiError),
    ),
)]
pub async fn get(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Refusal> {
    let desired = api.ask(Request::Site).await?;
    let revision = desired.record.map_or(0, |record| record.revision);
    let is = |name, wanted: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(wanted))
    };
    if is(header::IF_NONE_MATCH, &format!("\"{revision}\"")) {
        return Ok(tagged(revision, StatusCode::NOT_MODIFIED));
    }
    if is(header::ACCEPT, TOML) {
        let text = config::to_toml(&desired.site);
        return Ok(tagged(revision, ([(header::CONTENT_TYPE, TOML)], text)));
    }
    Ok(tagged(revision, Json(desired.site).into_response()))
}

/// Replace the whole desired state
///
/// By JSON, or by a site file with `Content-Type: application/toml`.
#[utoipa::path(
    put,
    path = "/v1/site",
    tag = "site",
    params(TermsQuery, Named, ("If-Match" = Option<String>, Header, description = "The revision it is made for")),
    request_body(content((Site = "application/json"), (String = "application/toml"))),
    responses((status = 200, body = Committed), (status = "default", body = ApiError)),
)]
pub async fn put(
    State(api): State<Api>,
    terms: Terms,
    query: Result<Query<Named>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Result<Response, Refusal> {
    let Query(Named { name }) = query?;
    let name = name.unwrap_or_else(|| "site".to_owned());
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let site: Site = if kind.contains("toml") {
        let text = String::from_utf8(bytes.into()).map_err(|_| {
            Refusal::new(StatusCode::BAD_REQUEST, format!("{name} is not UTF-8: save the file as UTF-8 text"))
        })?;
        config::parse(&text, &name)
            .map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?
    } else {
        body::parse(&bytes)?
    };
    let edit = Edit::Replace { site: Box::new(site), what: format!("apply {name}") };
    api.edit(edit, Subject::Site, terms).await
}

/// The query of `POST /v1/reconcile`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReconcileQuery {
    /// Change nothing, and say what has drifted
    #[serde(default)]
    dry_run: bool,
}

/// Compare the kernel's maps with what should be there, put right what somebody changed, and say what that was
#[utoipa::path(
    post,
    path = "/v1/reconcile",
    tag = "site",
    params(ReconcileQuery),
    responses(
        (status = 200, description = "Done", body = ReconcileStatus),
        (status = "default", body = ApiError),
    ),
)]
pub async fn reconcile(
    State(api): State<Api>,
    Query(ReconcileQuery { dry_run }): Query<ReconcileQuery>,
) -> Result<Json<ReconcileStatus>, Refusal> {
    Ok(Json(api.ask(|reply| Request::Reconcile { dry_run, reply }).await?))
}
