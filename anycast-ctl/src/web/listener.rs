//! The port: taken as soon as it is free, and served on a thread of its own.

use std::{io, net::SocketAddr, thread, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    time::sleep,
};

use super::{Address, router};
use crate::{
    api::{
        connections::{self, Listener, Purpose},
        router::Api,
        types::WebStatus,
    },
    metrics::Meters,
};

/// Connections at a time; what comes beyond them is told so and closed.
pub const MAX_CONNECTIONS: usize = 128;

/// Pause after the port could not be had the first time; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A running server. It ends with the API.
#[derive(Debug)]
pub struct Web {
    status: watch::Receiver<WebStatus>,
    ended: oneshot::Receiver<()>,
}

impl Web {
    /// Serves what that API answers at that address, on a thread of its own. While the port cannot be had that is tried again.
    ///
    /// # Errors
    /// When there is no thread to be had, or no runtime.
    pub fn spawn(address: Address, api: &Api, meters: Meters) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (told, status) = watch::channel(WebStatus::new(address.socket));
        let (end, ended) = oneshot::channel();
        let api = api.apart();
        thread::Builder::new().name("web".to_owned()).spawn(move || {
            runtime.block_on(serve(address, api, meters, &told));
            let _ = end.send(());
        })?;
        Ok(Self { status, ended })
    }

    /// Whether it listens, and where.
    pub fn status(&self) -> watch::Receiver<WebStatus> {
        self.status.clone()
    }

    /// Waits until what was under way when the API ended is finished.
    pub async fn ended(self) {
        // A thread that has panicked has ended as well.
        let _ = self.ended.await;
    }
}

async fn serve(address: Address, api: Api, meters: Meters, told: &watch::Sender<WebStatus>) {
    let stopping = api.stopping.clone();
    let listener = tokio::select! {
        listener = listen(address.socket, told) => listener,
        () = stopping.clone() => return,
    };
    if address.is_remote() {
        tracing::warn!(
            address = %address.socket,
            "metrics and status can be read by every host that reaches this address, without a password"
        );
    }
    let purpose = Purpose { name: "the http port", most: MAX_CONNECTIONS };
    connections::serve(listener, purpose, router::router(api, meters, address), stopping).await;
}

/// Takes the port, however long that takes.
async fn listen(address: SocketAddr, told: &watch::Sender<WebStatus>) -> TcpListener {
    let mut pause = FIRST_PAUSE;
    loop {
        let bound = TcpListener::bind(address).await;
        let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
        match bound {
            Ok((address, listener)) => {
                tracing::info!(%address, "serving metrics and status by http");
                told.send_replace(WebStatus { listening: true, ..WebStatus::new(address) });
                return listener;
            }
            Err(error) => {
                let error = error.to_string();
                if told.borrow().error.as_ref() != Some(&error) {
                    tracing::warn!(%address, %error, "metrics and status cannot be served by http: trying again");
                }
                told.send_replace(WebStatus { error: Some(error), ..WebStatus::new(address) });
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Peer = SocketAddr;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = Self::accept(self).await?;
        // An event is a small packet that nothing follows for a while.
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn peer(stream: &TcpStream) -> SocketAddr {
        stream.peer_addr().unwrap_or_else(|_| SocketAddr::from(([0; 4], 0)))
    }

    fn try_write(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        stream.try_write(bytes)
    }
}
