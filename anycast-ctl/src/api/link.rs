//! What lies between the API and the controller, which run on different threads.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::{request::Request, types::Progress};
use crate::{announce, events::Teller, health::report::Ask};

/// Requests that may wait for the controller.
const QUEUE: usize = 64;

/// The API's end.
#[derive(Clone, Debug)]
pub struct Link {
    /// Asks the controller.
    pub requests: mpsc::Sender<Request>,
    /// Asks the checker.
    pub health: mpsc::Sender<Ask>,
    /// Asks the announcer.
    pub announce: mpsc::Sender<announce::report::Ask>,
    /// How far the dataplane is.
    pub progress: watch::Receiver<Progress>,
    /// To be subscribed to, and told what the API itself does.
    pub events: Teller,
    /// How often the catchment is measured without being asked for; `None`: never.
    pub catchment_every: Option<Duration>,
}

/// The controller's end. Nothing that it does here waits for anybody.
#[derive(Debug)]
pub struct ControllerEnd {
    /// What is asked.
    pub requests: mpsc::Receiver<Request>,
    /// What is asked of the checker.
    pub health: mpsc::Receiver<Ask>,
    /// What is asked of the announcer.
    pub announce: mpsc::Receiver<announce::report::Ask>,
    /// Where it says how far the dataplane is.
    pub progress: watch::Sender<Progress>,
    /// Where it says what happens.
    pub events: Teller,
}

/// Both ends, where so many of the last events are kept.
pub fn link(keep: usize) -> (Link, ControllerEnd) {
    let (requests, asked) = mpsc::channel(QUEUE);
    let (health, health_asked) = mpsc::channel(QUEUE);
    let (announce, announce_asked) = mpsc::channel(QUEUE);
    let (told, progress) = watch::channel(Progress::default());
    let events = Teller::new(keep);
    let end = ControllerEnd {
        requests: asked,
        health: health_asked,
        announce: announce_asked,
        progress: told,
        events: events.clone(),
    };
    (Link { requests, health, announce, progress, events, catchment_every: None }, end)
}
