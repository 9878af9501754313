//! Gives taps to whoever wants one, and has the program that shows packets on the interfaces for as long as somebody does.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use super::{
    ObserveError, Subscription, TapSpec,
    reader::{Reader, Route},
    subscription::Place,
};
use crate::{
    api::request::{Reply, Request, RequestError},
    dataplane::{Tapped, Taps},
};

/// How long the reader may take for what is in the ring buffer, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// Shows packets to whoever subscribes. A handle: its copies are one observer.
#[derive(Clone, Debug)]
pub struct Observer {
    asks: mpsc::UnboundedSender<Ask>,
}

/// What is asked of it.
pub(super) enum Ask {
    Subscribe { spec: Box<TapSpec>, reply: oneshot::Sender<Result<Subscription, ObserveError>> },
    Stop { number: usize, generation: u32, done: oneshot::Sender<()> },
    End { number: usize, generation: u32 },
}

impl Observer {
    /// Starts it. Nothing is loaded before somebody subscribes.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(controller: mpsc::Sender<Request>) -> Self {
        let (asks, asked) = mpsc::unbounded_channel();
        tokio::spawn(serve(Showing { controller, running: None, generation: 0 }, asks.clone(), asked));
        Self { asks }
    }

    /// Has packets shown from now on. The first subscription takes as long as a start of the program does, and packets meet
    /// the other one until then.
    ///
    /// # Errors
    /// See [`ObserveError`].
    pub async fn subscribe(&self, spec: TapSpec) -> Result<Subscription, ObserveError> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask::Subscribe { spec: Box::new(spec), reply }).map_err(|_| ObserveError::Stopping)?;
        answer.await.map_err(|_| ObserveError::Stopping)?
    }
}

async fn serve(
    mut showing: Showing,
    asks: mpsc::UnboundedSender<Ask>,
    mut asked: mpsc::UnboundedReceiver<Ask>,
) {
    while let Some(ask) = asked.recv().await {
        match ask {
            Ask::Subscribe { spec, reply } => {
                let subscribed = showing.subscribe(&spec, &asks).await;
                // One who is gone by now drops what he got, which ends it.
                drop(reply.send(subscribed));
                showing.rest().await;
            }
            Ask::Stop { number, generation, done } => {
                showing.stop(number, generation).await;
                let _ = done.send(());
            }
            Ask::End { number, generation } => {
                showing.end(number, generation);
                showing.rest().await;
            }
        }
    }
}

/// The observer's state.
struct Showing {
    controller: mpsc::Sender<Request>,
    running: Option<Running>,
    /// Of the tap that was given away last.
    generation: u32,
}

/// While the program is on the interfaces.
struct Running {
    taps: Arc<Taps>,
    reader: Reader,
}

impl Showing {
    async fn subscribe(
        &mut self,
        spec: &TapSpec,
        asks: &mpsc::UnboundedSender<Ask>,
    ) -> Result<Subscription, ObserveError> {
        if self.running.is_none() {
            self.running = Some(self.begin().await?);
        }
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let Some(Running { taps, reader }) = &self.running else { return Err(ObserveError::Stopping) };
        let number = reader.shared.routes().iter().position(Option::is_none).ok_or(ObserveError::Busy)?;
        let (taps, tap) = (Arc::clone(taps), spec.tap(generation));
        // Waits for packets under way.
        let set = tokio::task::spawn_blocking(move || {
            taps.set(number, &tap);
            let before = taps.counts(number);
            (taps, before)
        });
        let (taps, before) = set.await.map_err(|error| ObserveError::Refused(error.to_string()))?;
        let before = before.map_err(|error| ObserveError::Refused(error.to_string()))?;
        let (records, received) = mpsc::channel(spec.queue.max(1));
        let overrun = Arc::new(AtomicU64::new(0));
        let snap = if spec.before { spec.snap_bytes } else { 1 };
        let route = Route { generation, records, overrun: Arc::clone(&overrun), snap, is_on: true };
        if let Some(place) = reader.shared.routes().get_mut(number) {
            *place = Some(route);
        }
        reader.shared.renew(&taps);
        let place = Place { number, generation, taps, before, overrun, asks: asks.clone() };
        Ok(Subscription { records: received, place })
    }

    /// Loads the program on another thread, and has the controller put it in place.
    async fn begin(&self) -> Result<Running, ObserveError> {
        let source = self.ask(Request::TraceSource).await?;
        let loaded = tokio::task::spawn_blocking(move || Tapped::load(&source)).await;
        let loaded = loaded.map_err(|error| ObserveError::Refused(error.to_string()))?;
        let (tapped, taps, records) = loaded.map_err(|error| ObserveError::Refused(error.to_string()))?;
        let taps = Arc::new(taps);
        let reader = Reader::spawn(Arc::clone(&taps), records)
            .map_err(|error| ObserveError::Refused(format!("starting the observer's thread: {error}")))?;
        self.ask(|reply| Request::BeginToShow(Box::new(tapped), reply)).await?;
        Ok(Running { taps, reader })
    }

    /// Ends the flow of packets to a tap, and returns when the reader has taken what was under way.
    async fn stop(&self, number: usize, generation: u32) {
        let Some(Running { taps, reader }) = &self.running else { return };
        let shared = Arc::clone(&reader.shared);
        if let Some(Some(route)) = shared.routes().get_mut(number)
            && route.generation == generation
        {
            route.is_on = false;
        }
        shared.renew(taps);
        let taps = Arc::clone(taps);
        drop(tokio::task::spawn_blocking(move || taps.settle()).await);
        // Twice: it may be in the middle of one.
        let (before, start) = (shared.emptied(), tokio::time::Instant::now());
        while shared.emptied() < before + 2 && start.elapsed() < PATIENCE {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Takes a tap back.
    fn end(&mut self, number: usize, generation: u32) {
        let Some(Running { taps, reader }) = &self.running else { return };
        if let Some(place) = reader.shared.routes().get_mut(number)
            && place.as_ref().is_some_and(|route| route.generation == generation)
        {
            *place = None;
        }
        reader.shared.renew(taps);
    }

    /// Takes the program off the interfaces when nobody has a tap any more.
    async fn rest(&mut self) {
        let is_idle =
            self.running.as_ref().is_some_and(|it| it.reader.shared.routes().iter().all(Option::is_none));
        if !is_idle {
            return;
        }
        if let Err(error) = self.ask(Request::EndToShow).await {
            tracing::error!("packets still meet the program that shows them: {error}");
        }
        // The reader's thread takes a moment to end.
        drop(self.running.take().map(|running| tokio::task::spawn_blocking(move || drop(running))));
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, ObserveError> {
        let (reply, answer) = oneshot::channel();
        self.controller.send(request(reply)).await.map_err(|_| ObserveError::Stopping)?;
        let answer = answer.await.map_err(|_| ObserveError::Stopping)?;
        answer.map_err(|error: RequestError| ObserveError::Refused(error.to_string()))
    }
}
