//! `GET /v1/events`

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse as _, Response, Sse,
        sse::{Event as SentEvent, KeepAlive},
    },
};
use futures_util::{FutureExt as _, stream};
use tokio::sync::{OwnedSemaphorePermit, broadcast, broadcast::error::RecvError};

use crate::api::{
    refusal::Refusal,
    router::{Api, MAX_WATCHERS, Stopping},
    types::{ApiError, Event},
};

/// A line without meaning that often tells the daemon whether a silent watcher is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One watcher.
struct Watcher {
    /// What it is told first.
    hello: Option<Event>,
    events: broadcast::Receiver<Event>,
    stopping: Stopping,
    over: bool,
    _place: OwnedSemaphorePermit,
}

/// What happens, as server-sent events; each is an `Event`, and its kind the name
///
/// The first is `hello`: how things are. A watcher that reads too slowly gets a last one, `dropped`.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "daemon",
    responses(
        (status = 200, body = Event, content_type = "text/event-stream"),
        (status = "default", body = ApiError),
    ),
)]
pub async fn watch(State(api): State<Api>) -> Result<Response, Refusal> {
    let place = api.watchers.clone().try_acquire_owned();
    let place = place.map_err(|_| Refusal::busy(MAX_WATCHERS, "watchers"))?;
    // Subscribed before the look at how things are: nothing is missed in between.
    let events = api.link.events.subscribe();
    let hello = Some(Event::Hello(api.link.progress.borrow().clone()));
    let watcher = Watcher { hello, events, stopping: api.stopping.clone(), over: false, _place: place };
    let told = stream::unfold(watcher, |watcher| watcher.next());
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

impl Watcher {
    /// The next event; nothing after the last.
    async fn next(mut self) -> Option<(Result<SentEvent, Infallible>, Self)> {
        if self.over {
            return None;
        }
        let event = match self.hello.take() {
            Some(hello) => hello,
            None => {
                let stopping = self.stopping.clone();
                let received = tokio::select! {
                    received = self.events.recv() => received,
                    () = stopping.fuse() => return None,
                };
                match received {
                    Ok(event) => event,
                    Err(RecvError::Lagged(missed)) => {
                        self.over = true;
                        Event::Dropped { missed }
                    }
                    Err(RecvError::Closed) => return None,
                }
            }
        };
        let sent = SentEvent::default().event(event.kind()).json_data(&event);
        // Events have no maps with odd keys: there is nothing that JSON could not say.
        Some((Ok(sent.unwrap_or_default()), self))
    }
}
