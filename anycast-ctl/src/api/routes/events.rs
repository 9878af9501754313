//! `GET /v1/events` and `GET /v1/events/kept`

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse as _, Response, Sse,
        sse::{Event as SentEvent, KeepAlive},
    },
};
use futures_util::{FutureExt as _, stream};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, broadcast, broadcast::error::RecvError};
use utoipa::IntoParams;

use super::json;
use crate::{
    api::{
        refusal::Refusal,
        router::{Api, MAX_WATCHERS, Stopping},
        types::{ApiError, Event, Told},
    },
    events::{
        Since, Subscription,
        ring::{Kept, Replay},
        teller::aside,
    },
};

/// A line without meaning that often tells the daemon whether a silent watcher is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The header by which a watcher that was cut off says what it was told last (HTML Living Standard, server-sent events).
const LAST_EVENT_ID: &str = "last-event-id";

/// The query of `GET /v1/events` and `GET /v1/events/kept`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Place {
    /// From where on: how long ago (`10m`), a time (`2026-11-21T18:00:00Z`), or the number of the last event that is known
    since: Option<String>,
}

/// One watcher.
struct Watcher {
    /// What it is told first.
    earlier: VecDeque<Arc<Kept>>,
    live: broadcast::Receiver<Arc<Kept>>,
    /// The number of the event it was told last.
    last: u64,
    stopping: Stopping,
    over: bool,
    _place: OwnedSemaphorePermit,
}

/// What happens, as server-sent events; each is a `Told`, its kind the name, and its number the id
///
/// The first is `hello`: how things are. With `since`, or the header `Last-Event-ID`, which goes before it, what was kept of
/// earlier events follows, and then without a gap what happens. A watcher that reads too slowly gets a last one, `dropped`.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    params(Place, ("Last-Event-ID" = Option<u64>, Header, description = "Number of the last event that is known")),
    responses(
        (status = 200, body = Told, content_type = "text/event-stream"),
        (status = "default", body = ApiError),
    ),
)]
pub async fn watch(
    State(api): State<Api>,
    place: Result<Query<Place>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let since = match last {
        Some(last) => Some(Since::Sequence(last)),
        None => since(place)?,
    };
    let permit = api.watchers.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Refusal::busy(MAX_WATCHERS, "watchers"))?;
    let Subscription { replay, live } = api.link.events.subscribe(since);
    let Replay { after, missed, events } = replay;
    let hello = aside(Event::Hello(api.link.progress.borrow().clone()), after);
    let gap = (missed > 0).then(|| aside(Event::Gap { missed }, after));
    let earlier = [Some(hello), gap].into_iter().flatten().map(Arc::new).chain(events).collect();
    let stopping = api.stopping.clone();
    let watcher = Watcher { earlier, live, last: after, stopping, over: false, _place: permit };
    let told = stream::unfold(watcher, |watcher| watcher.next());
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// The events that are kept, the oldest first
#[utoipa::path(
    get,
    path = "/v1/events/kept",
    tag = "events",
    params(Place),
    responses((status = 200, body = Vec<Told>), (status = "default", body = ApiError)),
)]
pub async fn kept(
    State(api): State<Api>,
    place: Result<Query<Place>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Replay { events, .. } = api.link.events.kept(since(place)?.unwrap_or(Since::Sequence(0)));
    let texts: Vec<&str> = events.iter().map(|event| event.json.as_str()).collect();
    Ok(json(Bytes::from(format!("[{}]", texts.join(",")))))
}

fn since(place: Result<Query<Place>, QueryRejection>) -> Result<Option<Since>, Refusal> {
    let Query(Place { since }) =
        place.map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
    let since = since.map(|since| since.parse()).transpose();
    since.map_err(|error: crate::events::since::SinceError| {
        Refusal::new(StatusCode::BAD_REQUEST, format!("?since: {error}"))
    })
}

impl Watcher {
    /// The next event; nothing after the last.
    async fn next(mut self) -> Option<(Result<SentEvent, Infallible>, Self)> {
        if self.over {
            return None;
        }
        let event = match self.earlier.pop_front() {
            Some(event) => event,
            None => {
                let stopping = self.stopping.clone();
                let received = tokio::select! {
                    biased;
                    // First: what a daemon says at its end is told.
                    received = self.live.recv() => received,
                    () = stopping.fuse() => return None,
                };
                match received {
                    Ok(event) => event,
                    Err(RecvError::Lagged(missed)) => {
                        self.over = true;
                        Arc::new(aside(Event::Dropped { missed }, self.last))
                    }
                    Err(RecvError::Closed) => return None,
                }
            }
        };
        self.last = event.sequence;
        let sent = SentEvent::default().event(event.kind).data(&event.json).id(event.sequence.to_string());
        Some((Ok(sent), self))
    }
}
