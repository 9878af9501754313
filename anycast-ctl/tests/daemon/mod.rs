//! The API server with a controller that only remembers, on a socket in a temporary directory.

use std::{
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use anycast_ctl::api::{link, server, socket::Socket};
use tempfile::TempDir;
use tokio::sync::oneshot;

mod announcements;
mod controller;
mod status;

/// Stops when dropped.
pub struct Daemon {
    directory: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/anycast.sock");
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let socket = Socket::bind(&path).unwrap();
                ready.send(()).unwrap();
                let (link, end) = link::link(1_000);
                tokio::spawn(controller::Remembering::new(end).follow());
                let stopped = async { drop(stopped.await) };
                server::serve(socket, link, stopped).await.unwrap();
            });
        });
        started.recv().unwrap();
        Self { directory, stop: Some(stop), thread: Some(thread) }
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("run/anycast.sock")
    }

    /// Ends the daemon, and gives the directory its socket was in.
    pub fn stop(mut self) -> PathBuf {
        self.end();
        // The directory is removed with the daemon; by then it must be empty.
        let left = std::fs::read_dir(self.directory.path().join("run")).unwrap();
        assert_eq!(left.count(), 0, "something is left beside the socket");
        self.socket()
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.end();
        }
    }
}

/// The bytes of one HTTP exchange, for requests no proper client makes.
pub fn raw(socket: &Path, request: &str) -> String {
    use std::io::{Read as _, Write as _};

    let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
