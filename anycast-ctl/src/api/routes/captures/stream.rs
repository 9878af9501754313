//! The lines of a capture, as they come.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::body::Bytes;
use futures_util::{FutureExt as _, Stream, stream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{json, single};
use crate::{
    api::{
        captures::Listed,
        request::Request,
        router::Api,
        types::{CaptureLine, CaptureTally},
    },
    capture::{
        book::Book,
        line::{InterfaceNames, describe},
    },
    observe::{Record, Subscription, Tally},
};

/// How often counts are told, and names looked up anew.
const BEAT: Duration = Duration::from_secs(1);

/// Packets in one piece of the answer.
const AT_A_TIME: usize = 64;

/// A capture under way. It ends with its client's connection, which drops it.
pub(super) struct Capture {
    api: Api,
    subscription: Subscription,
    listed: Listed,
    book: Arc<Book>,
    interfaces: InterfaceNames,
    beat: Interval,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begins,
    Runs,
    /// No more packets are shown; those that were are still to be told.
    Stopped,
    Over,
}

impl Capture {
    pub fn new(api: Api, subscription: Subscription, listed: Listed, book: Arc<Book>) -> Self {
        let mut beat = interval_at(Instant::now() + BEAT, BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let interfaces = InterfaceNames::default();
        Self { api, subscription, listed, book, interfaces, beat, stage: Stage::Begins }
    }

    /// The next piece of the answer; nothing after the last.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.stage {
                Stage::Begins => {
                    self.stage = Stage::Runs;
                    return Some(single(&CaptureLine::Begun(self.listed.status.clone())));
                }
                Stage::Runs => {
                    if let Some(piece) = self.run().await {
                        return Some(piece);
                    }
                }
                Stage::Stopped => {
                    return Some(match self.subscription.next_if_there() {
                        Some(first) => self.packets(first),
                        None => self.over(),
                    });
                }
                Stage::Over => return None,
            }
        }
    }

    /// What is next while packets are shown; nothing when that was just ended.
    async fn run(&mut self) -> Option<Bytes> {
        let ends = Arc::clone(&self.listed.ends);
        let stopping = self.api.stopping.clone();
        tokio::select! {
            record = self.subscription.next() => Some(match record {
                Some(record) => self.packets(record),
                None => self.over(),
            }),
            _ = self.beat.tick() => {
                self.look_up().await;
                Some(single(&CaptureLine::Tally(self.tally())))
            }
            () = ends.notified() => {
                self.subscription.stop().await;
                self.stage = Stage::Stopped;
                None
            }
            () = stopping.fuse() => Some(self.over()),
        }
    }

    fn over(&mut self) -> Bytes {
        self.stage = Stage::Over;
        single(&CaptureLine::Ended(self.tally()))
    }

    /// That packet, and others that have come already.
    fn packets(&mut self, first: Record) -> Bytes {
        let mut text = Vec::new();
        let mut next = Some(first);
        for _ in 0..AT_A_TIME {
            let Some(record) = next else { break };
            let packet = describe(&record, &self.book, &mut self.interfaces);
            json(&CaptureLine::Packet(Box::new(packet)), &mut text);
            next = self.subscription.next_if_there();
        }
        text.into()
    }

    /// Names as they are: the site may have changed.
    async fn look_up(&mut self) {
        self.interfaces.forget();
        // A controller that is stopping leaves the names as they were.
        if let Ok(book) = self.api.ask(Request::Book).await {
            self.book = book;
        }
    }

    fn tally(&self) -> CaptureTally {
        // Counters that cannot be read are told as none.
        let Tally { matched, unsampled, limited, lost, overrun } =
            self.subscription.tally().unwrap_or_default();
        CaptureTally { matched, unsampled, limited, lost, overrun }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        tracing::info!(id = self.listed.status.id, "a capture has ended");
    }
}

/// Its lines.
pub(super) fn lines(capture: Capture) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::unfold(capture, |mut capture| async move {
        let piece = capture.next().await?;
        Some((Ok(piece), capture))
    })
}
