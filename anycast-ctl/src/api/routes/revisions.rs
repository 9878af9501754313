//! `/v1/revisions` and `/v1/rollback`

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api::{
        body::Body,
        refusal::Refusal,
        request::{Request, RequestError},
        router::Api,
        routes::Limits,
        terms::{Terms, TermsQuery},
        types::{ApiError, Committed, NewRollback, RevisionDetail, RevisionStatus},
    },
    config, history,
    model::{Edit, diff::Subject},
    store::{Revision, Store, StoreError, Stored},
};

/// The most revisions in an answer, and how many there are in one where that is not said.
const LIMITS: Limits = Limits { most: 1_000, usual: 100 };

/// The query of `GET /v1/revisions`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many, 1 to 1000; 100 unless told
    limit: Option<usize>,
    /// Only older ones than this revision
    before: Option<u64>,
}

/// Who changed what and when, the newest first
#[utoipa::path(
    get,
    path = "/v1/revisions",
    tag = "history",
    params(Page),
    responses((status = 200, body = Vec<RevisionStatus>), (status = "default", body = ApiError)),
)]
pub async fn list(
    State(api): State<Api>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Vec<RevisionStatus>>, Refusal> {
    let Query(Page { limit, before }) =
        page.map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
    let limit = LIMITS.of(limit, ", and page with ?before=REVISION")?;
    let records = read(&api, move |store| store.records(limit, before.map(Revision::new))).await?;
    Ok(Json(records.iter().map(RevisionStatus::from).collect()))
}

/// One revision, and what it changed; seeds are not shown
#[utoipa::path(
    get,
    path = "/v1/revisions/{revision}",
    tag = "history",
    params(("revision" = u64, Path, description = "Its number")),
    responses((status = 200, body = RevisionDetail), (status = "default", body = ApiError)),
)]
pub async fn get(State(api): State<Api>, Path(number): Path<u64>) -> Result<Json<RevisionDetail>, Refusal> {
    let detail = read(&api, move |store| {
        let Stored { record, text } = store.revision(Revision::new(number))?;
        let before = match record.revision.previous() {
            None => Some(String::new()),
            Some(previous) => match store.revision(previous) {
                Ok(previous) => Some(previous.text),
                Err(StoreError::Unknown { .. }) => None,
                Err(error) => return Err(error),
            },
        };
        let diff = before.map(|before| history::diff((number - 1, &before), (number, &text)));
        Ok(RevisionDetail { revision: RevisionStatus::from(&record), diff, text: history::text(&text) })
    });
    detail.await.map(Json)
}

/// Go back to what an earlier revision desired, by a further revision
#[utoipa::path(
    post,
    path = "/v1/rollback",
    tag = "history",
    params(TermsQuery, ("If-Match" = Option<String>, Header, description = "The revision it is made for")),
    request_body = NewRollback,
    responses((status = 200, body = Committed), (status = "default", body = ApiError)),
)]
pub async fn rollback(
    State(api): State<Api>,
    terms: Terms,
    Body(NewRollback { revision }): Body<NewRollback>,
) -> Result<Response, Refusal> {
    let stored = read(&api, move |store| store.revision(Revision::new(revision))).await?;
    // Rules may have become stricter since.
    let site = config::parse(&stored.text, &format!("revision {revision}"))
        .map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    let edit = Edit::Replace { site: Box::new(site), what: format!("rollback {revision}") };
    api.edit(edit, Subject::Site, terms).await
}

/// Reads the store on a thread that may block.
async fn read<T: Send + 'static>(
    api: &Api,
    read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refusal> {
    let store = api.ask(Request::Store).await?;
    let read = tokio::task::spawn_blocking(move || read(store.as_ref())).await;
    let read = read.map_err(|error| RequestError::Internal(format!("read the history: {error}")))?;
    Ok(read.map_err(RequestError::from)?)
}
