//! The API server with a controller that only remembers, on a socket in a temporary directory.

use std::{
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use anycast_ctl::{
    api::{
        server::{self, EditError, Request},
        socket::Socket,
        types::{
            BackendState, BackendStatus, InterfaceStatus, NewBackend, NextHopStatus, PoolStatus,
            ReasonStatus, Status, Traffic, VipBackendStatus, VipStatus, XdpMode,
        },
    },
    model::OnUnknownPort,
};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

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
                let (requests, mut received) = mpsc::channel(8);
                tokio::spawn(async move {
                    let mut status = status();
                    while let Some(request) = received.recv().await {
                        answer(&mut status, request);
                    }
                });
                let stopped = async { drop(stopped.await) };
                server::serve(socket, requests, stopped).await.unwrap();
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

fn answer(status: &mut Status, request: Request) {
    match request {
        Request::Status(reply) => {
            let _ = reply.send(Ok(status.clone()));
        }
        Request::AddBackend { pool, backend, reply } => {
            let _ = reply.send(add(status, &pool, backend));
        }
        Request::RemoveBackend { pool, name, reply } => {
            let _ = reply.send(remove(status, &pool, &name));
        }
    }
}

fn pool_mut<'a>(status: &'a mut Status, pool: &str) -> Result<&'a mut PoolStatus, EditError> {
    let unknown = || EditError::NotFound(format!("no pool is called `{pool}`"));
    status.pools.iter_mut().find(|it| it.name == pool).ok_or_else(unknown)
}

fn add(status: &mut Status, pool: &str, new: NewBackend) -> Result<BackendStatus, EditError> {
    let pool = pool_mut(status, pool)?;
    if pool.backends.iter().any(|backend| backend.name == new.name) {
        return Err(EditError::Conflict(format!("pool `web` has a backend called `{}`", new.name)));
    }
    if new.address.is_ipv6() {
        return Err(EditError::Invalid(
            "pool `web` serves IPv4 VIPs: give the backend an IPv4 address".into(),
        ));
    }
    let added = BackendStatus {
        name: new.name,
        address: new.address,
        weight: new.weight,
        state: BackendState::Unresolved,
        detail: Some(format!("waiting for an answer to ARP from {} on eth0", new.address)),
        next_hop: None,
        slots: 0,
        traffic: Traffic::default(),
    };
    pool.backends.push(added.clone());
    Ok(added)
}

fn remove(status: &mut Status, pool: &str, name: &str) -> Result<BackendStatus, EditError> {
    let pool = pool_mut(status, pool)?;
    let unknown = || EditError::NotFound(format!("no backend of pool `web` is called `{name}`"));
    let at = pool.backends.iter().position(|backend| backend.name == name).ok_or_else(unknown)?;
    Ok(pool.backends.remove(at))
}

/// Two backends, one of them silent.
fn status() -> Status {
    let traffic = Traffic { packets: 12_345_678, bytes: 9_876_543_210, new_flows: 4_321 };
    let refused =
        ReasonStatus { code: 3, reason: "ttl_exceeded".into(), verdict: "drop".into(), packets: 17 };
    Status {
        version: "0.1.0".into(),
        pid: 4242,
        uptime_seconds: 11_530,
        interfaces: vec![InterfaceStatus {
            name: "eth0".into(),
            index: 2,
            mode: XdpMode::Native,
            present: true,
        }],
        vips: vec![VipStatus {
            name: "www".into(),
            address: "192.0.2.1".parse().unwrap(),
            services: vec!["tcp/80".parse().unwrap(), "tcp/443".parse().unwrap()],
            pool: "web".into(),
            on_unknown_port: OnUnknownPort::Pass,
            traffic,
            reasons: vec![refused.clone()],
            backends: vec![VipBackendStatus {
                name: "web-1".into(),
                address: "10.0.0.11".parse().unwrap(),
                traffic,
            }],
        }],
        pools: vec![PoolStatus {
            name: "web".into(),
            slots: 65_537,
            backends: vec![
                BackendStatus {
                    name: "web-1".into(),
                    address: "10.0.0.11".parse().unwrap(),
                    weight: 1,
                    state: BackendState::Up,
                    detail: None,
                    next_hop: Some(NextHopStatus {
                        interface: "eth0".into(),
                        neighbour: "10.0.0.11".parse().unwrap(),
                        mac: "02:00:00:00:00:11".into(),
                    }),
                    slots: 65_537,
                    traffic,
                },
                BackendStatus {
                    name: "web-2".into(),
                    address: "10.0.0.12".parse().unwrap(),
                    weight: 1,
                    state: BackendState::Unresolved,
                    detail: Some("no answer to ARP from 10.0.0.12 on eth0".into()),
                    next_hop: None,
                    slots: 0,
                    traffic: Traffic::default(),
                },
            ],
        }],
        reasons: vec![
            ReasonStatus { code: 2, reason: "no_service".into(), verdict: "pass".into(), packets: 0 },
            refused,
        ],
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
