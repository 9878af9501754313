//! Connections in, answers out, everything bounded: what every listener of the daemon has in common.

use std::{io, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request as HttpRequest},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{router::Stopping, stream::Stream};

/// How long the head of a request may take to come, and a connection be idle.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long requests under way may hold up the end.
const GRACE: Duration = Duration::from_secs(1);

/// Pause after a connection could not be accepted, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where connections come from.
pub trait Listener: Send + 'static {
    /// One connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    /// Who is at its other end. Handlers take it as `ConnectInfo`.
    type Peer: Clone + Send + Sync + 'static;
    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Who opened it.
    fn peer(stream: &Self::Stream) -> Self::Peer;

    /// Writes what goes without waiting.
    ///
    /// # Errors
    /// What the system says.
    fn try_write(stream: &Self::Stream, bytes: &[u8]) -> io::Result<usize>;
}

/// What a listener is for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// What the log calls it.
    pub name: &'static str,
    /// Connections at a time; what comes beyond them is told so and closed.
    pub most: usize,
}

/// Answers requests until `stopping` resolves, and finishes those under way: a client that dawdles gets a second.
pub async fn serve<L: Listener>(listener: L, purpose: Purpose, router: Router, stopping: Stopping) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = stopping.clone() => break,
        };
        match accepted {
            Ok(stream) if connections.len() >= purpose.most => refuse::<L>(&stream, purpose.most),
            Ok(stream) => {
                drop(connections.spawn(converse::<L>(
                    stream,
                    purpose.name,
                    router.clone(),
                    stopping.clone(),
                )));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to {} could not be accepted", purpose.name);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    // Those who dawdle are cut off with the set.
    let _ = timeout(GRACE, all_ended).await;
}

/// Answers one client until it goes, dawdles, or the daemon ends.
async fn converse<L: Listener>(stream: L::Stream, name: &str, router: Router, stopping: Stopping) {
    let peer = L::peer(&stream);
    let service = service_fn(move |mut request: HttpRequest<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer.clone()));
        hyper::service::Service::call(&TowerToHyperService::new(router.clone()), request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(Stream::new(stream)), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client of {name} went before its answer");
    }
}

/// Tells a client that there are too many, without waiting for what it wants. What its socket does not take is lost to it.
fn refuse<L: Listener>(stream: &L::Stream, most: usize) {
    let body = format!(r#"{{"error":"the daemon has {most} connections already: try again in a second"}}"#);
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = L::try_write(stream, answer.as_bytes());
}
