//! The daemon's side of the socket: connections in, answers out, everything bounded.
//!
//! It runs on a thread of its own, so that however many clients there are, they wait for each other and not the controller
//! for them.

use std::{io, thread, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request as HttpRequest},
};
use futures_util::FutureExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    link::Link,
    peer::Peer,
    router,
    socket::{Guard, Socket},
    stream::Stream,
};

/// Connections at a time; what comes beyond them is told so and closed.
pub const MAX_CONNECTIONS: usize = 2_048;

/// How long the head of a request may take to come, and a connection be idle.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long requests under way may hold up the end.
const GRACE: Duration = Duration::from_secs(1);

/// Pause after a connection could not be accepted, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A running server. Dropped without [`Server::stop`] it ends too, at once.
#[derive(Debug)]
pub struct Server {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Server {
    /// Answers requests on the socket, on a thread of its own.
    ///
    /// # Errors
    /// When there is no thread to be had, or no runtime.
    pub fn spawn(socket: Socket, link: Link) -> io::Result<Self> {
        admit_many();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        thread::Builder::new().name("api".to_owned()).spawn(move || {
            let stopped = async { drop(stopped.await) };
            drop(end.send(runtime.block_on(serve(socket, link, stopped))));
        })?;
        Ok(Self { stop, ended })
    }

    /// Finishes what is under way (a client that dawdles gets a second), and removes the socket.
    ///
    /// # Errors
    /// When the socket could not be listened on.
    pub async fn stop(self) -> io::Result<()> {
        drop(self.stop);
        self.ended.await.unwrap_or_else(|_| Err(io::Error::other("the api thread has panicked")))
    }
}

/// Answers requests on the socket until `shutdown` resolves, finishes those under way (a client that dawdles gets a
/// second), and removes the socket.
///
/// # Errors
/// When the socket cannot be listened on.
pub async fn serve(
    socket: Socket,
    link: Link,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let Socket { listener, guard } = socket;
    let listener = UnixListener::from_std(listener)?;
    let shutdown = shutdown.boxed().shared();
    let router = router::router(link, shutdown.clone());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = shutdown.clone() => break,
        };
        match accepted {
            Ok((stream, _)) if connections.len() >= MAX_CONNECTIONS => refuse(&stream),
            Ok((stream, _)) => drop(connections.spawn(converse(stream, router.clone(), shutdown.clone()))),
            Err(error) => {
                tracing::warn!(%error, "a connection to the api could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    // Those who dawdle are cut off with the set.
    let _ = timeout(GRACE, all_ended).await;
    drop::<Guard>(guard);
    Ok(())
}

/// Answers one client until it goes, dawdles, or the daemon ends.
async fn converse(stream: UnixStream, router: Router, shutdown: impl Future<Output = ()>) {
    let peer = Peer::of(&stream);
    let service = service_fn(move |mut request: HttpRequest<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        hyper::service::Service::call(&TowerToHyperService::new(router.clone()), request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(Stream::new(stream)), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client of the api went before its answer");
    }
}

/// Lets the process have as many file descriptors as it may: a soft limit of 1,024 is less than the connections it takes.
fn admit_many() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of file descriptors could not be raised");
    }
}

/// Tells a client that there are too many, without waiting for what it wants. What its socket does not take is lost to it.
fn refuse(stream: &UnixStream) {
    let body = format!(
        r#"{{"error":"the daemon has {MAX_CONNECTIONS} connections already: try again in a second"}}"#
    );
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.try_write(answer.as_bytes());
}
