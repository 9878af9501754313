//! `/v1/health`

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    api::{
        refusal::Refusal,
        request::{Request, RequestError, Shown},
        router::Api,
        types::{ApiError, BackendHealth, HealthStatus},
    },
    health::report::Ask,
    model::diff::Subject,
};

/// The checker answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// What checks say of all backends
#[utoipa::path(
    get,
    tag = "health", path = "/v1/health",
    responses((status = 200, body = HealthStatus), (status = "default", body = ApiError)),
)]
pub async fn all(State(api): State<Api>) -> Result<Json<HealthStatus>, Refusal> {
    Ok(Json(ask_all(&api).await?))
}

/// What checks say of all backends.
pub async fn ask_all(api: &Api) -> Result<HealthStatus, Refusal> {
    let (reply, answer) = oneshot::channel();
    ask(api, Ask::All(reply), answer).await
}

/// What checks say of a backend, with its last results
#[utoipa::path(
    get,
    tag = "health", path = "/v1/pools/{pool}/backends/{backend}/health",
    params(("pool" = String, Path), ("backend" = String, Path)),
    responses((status = 200, body = BackendHealth), (status = "default", body = ApiError)),
)]
pub async fn one(
    State(api): State<Api>,
    Path((pool, backend)): Path<(String, String)>,
) -> Result<Json<BackendHealth>, Refusal> {
    let (reply, answer) = oneshot::channel();
    let asked = Ask::One { pool: pool.clone(), backend: backend.clone(), reply };
    if let Some(found) = ask(&api, asked, answer).await? {
        return Ok(Json(found));
    }
    let subject = Subject::Backend { pool: pool.clone(), backend: backend.clone() };
    let shown = api.ask(|reply| Request::Show(subject, reply)).await?;
    let error = if matches!(shown, Shown::Nothing) {
        format!(
            "there is no backend {backend} in pool {pool}: `anycast-ctl backend list` shows those there are"
        )
    } else {
        format!(
            "backend {backend} of pool {pool} is not checked: give its pool a check with `anycast-ctl pool check`"
        )
    };
    Err(RequestError::NotFound(error).into())
}

async fn ask<T>(api: &Api, ask: Ask, answer: oneshot::Receiver<T>) -> Result<T, Refusal> {
    let asked = async {
        api.link.health.send(ask).await.map_err(|_| Refusal::stopping())?;
        answer.await.map_err(|_| Refusal::stopping())
    };
    let answered = timeout(PATIENCE, asked).await;
    answered
        .map_err(|_| RequestError::Internal("the checker does not answer: see the daemon's log".to_owned()))?
}
