//! The daemon's side of the socket.
//!
//! It runs on a thread of its own, so that however many clients there are, they wait for each other and not the controller
//! for them.

use std::{io, thread};

use futures_util::FutureExt as _;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::oneshot,
};

use super::{
    connections::{self, Listener, Purpose},
    doors::Doors,
    link::Link,
    peer::Peer,
    public,
    router::{self, Api},
    socket::{Guard, Socket},
};

/// Connections at a time; what comes beyond them is told so and closed.
pub const MAX_CONNECTIONS: usize = 2_048;

/// The same on the socket for readers, who are anybody.
const MAX_READERS: usize = 128;

/// A running server. Dropped without [`Server::stop`] it ends too, at once.
#[derive(Debug)]
pub struct Server {
    api: Api,
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Server {
    /// Answers requests on the sockets, on a thread of its own.
    ///
    /// # Errors
    /// When there is no thread to be had, or no runtime.
    pub fn spawn(doors: Doors, link: Link) -> io::Result<Self> {
        admit_many();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let api = {
            let _entered = runtime.enter();
            Api::new(link, async { drop(stopped.await) }.boxed().shared())
        };
        let served = api.clone();
        thread::Builder::new().name("api".to_owned()).spawn(move || {
            let Doors { control, readers } = doors;
            let readers = readers.unwrap_or_else(|error| {
                tracing::warn!("nobody can read without the right to change: {error}");
                None
            });
            drop(end.send(runtime.block_on(async {
                tokio::try_join!(serve_api(control, served.clone()), serve_readers(readers, &served))
                    .map(drop)
            })));
        })?;
        Ok(Self { api, stop, ended })
    }

    /// What other listeners of the daemon answer from. It works as long as the server runs.
    pub const fn api(&self) -> &Api {
        &self.api
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
    serve_api(socket, Api::new(link, shutdown.boxed().shared())).await
}

async fn serve_api(socket: Socket, api: Api) -> io::Result<()> {
    let Socket { listener, guard } = socket;
    let listener = UnixListener::from_std(listener)?;
    let purpose = Purpose { name: "the api", most: MAX_CONNECTIONS };
    let stopping = api.stopping.clone();
    if let Some(every) = api.link.catchment_every {
        tokio::spawn(api.clone().measure_regularly(every));
    }
    connections::serve(listener, purpose, router::router(api), stopping).await;
    drop::<Guard>(guard);
    Ok(())
}

/// Answers those who may only read, until the API ends.
async fn serve_readers(socket: Option<Socket>, api: &Api) -> io::Result<()> {
    let Some(Socket { listener, guard }) = socket else { return Ok(()) };
    let listener = UnixListener::from_std(listener)?;
    // Whoever is there takes no place from those who may change things.
    let purpose = Purpose { name: "the api for readers", most: MAX_READERS };
    connections::serve(listener, purpose, public::router(api), api.stopping.clone()).await;
    drop::<Guard>(guard);
    Ok(())
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    type Peer = Peer;

    async fn accept(&self) -> io::Result<UnixStream> {
        Ok(Self::accept(self).await?.0)
    }

    fn peer(stream: &UnixStream) -> Peer {
        Peer::of(stream)
    }

    fn try_write(stream: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
        stream.try_write(bytes)
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
