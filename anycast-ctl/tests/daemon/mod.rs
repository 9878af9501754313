//! The API server with a controller that only remembers, on a socket in a temporary directory.

use std::{
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use anycast_ctl::{
    api::{
        request::{Request, RequestError},
        server,
        socket::Socket,
        types::{
            BackendState, BackendStatus, BaseOwnerStatus, Change, DetailStatus, DrainStatus, InterfaceStatus,
            MapStatus, MapsStatus, NewBackend, NextHopStatus, PlanBreaks, PlanShare, PlanStatus, PoolStatus,
            ReasonStatus, SlotOwner, SlotRun, SlotsStatus, Status, Traffic, TransitionStatus,
            VipBackendStatus, VipStatus, XdpMode,
        },
    },
    model::{Delivery, OnDown, OnUnknownPort, UdpPolicy},
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
        Request::Change { pool, change, reply } => {
            let _ = reply.send(apply(status, &pool, change));
        }
        Request::Plan { pool, change, reply } => {
            let _ = reply.send(plan(status, &pool, &change));
        }
        Request::Slots { pool, reply } => {
            let _ = reply.send(pool_mut(status, &pool).map(|pool| slots(pool)));
        }
    }
}

fn pool_mut<'a>(status: &'a mut Status, pool: &str) -> Result<&'a mut PoolStatus, RequestError> {
    let unknown = || RequestError::NotFound(format!("no pool is called `{pool}`"));
    status.pools.iter_mut().find(|it| it.name == pool).ok_or_else(unknown)
}

fn apply(status: &mut Status, pool: &str, change: Change) -> Result<BackendStatus, RequestError> {
    let name = change.backend().to_owned();
    match change {
        Change::Add(backend) => return add(status, pool, backend),
        Change::Remove { name } => return remove(status, pool, &name),
        Change::Drain { .. } | Change::Undrain { .. } | Change::Weight { .. } | Change::Mark { .. } => (),
    }
    let pool = pool_mut(status, pool)?;
    let unknown = || RequestError::NotFound(format!("no backend of pool `web` is called `{name}`"));
    let backend = pool.backends.iter_mut().find(|it| it.name == name).ok_or_else(unknown)?;
    match change {
        Change::Drain { deadline, .. } => {
            backend.state = BackendState::Draining;
            backend.drain =
                Some(DrainStatus { remaining_seconds: deadline.map(|deadline| deadline.as_secs()) });
        }
        Change::Undrain { .. } => (backend.state, backend.drain) = (BackendState::Up, None),
        Change::Weight { weight, .. } => backend.weight = weight,
        Change::Mark { up, .. } => {
            backend.state = if up { BackendState::Up } else { BackendState::Down };
        }
        Change::Add(_) | Change::Remove { .. } => unreachable!(),
    }
    Ok(backend.clone())
}

/// The same numbers for every change, with nothing broken but by a removal and a deadline.
fn plan(status: &mut Status, pool: &str, change: &Change) -> Result<PlanStatus, RequestError> {
    let pool = pool_mut(status, pool)?;
    let breaks = |after_seconds| Some(PlanBreaks { pins: 12, slots: 65_537, after_seconds });
    let share = |name: &str, before, after| PlanShare { name: name.into(), before, after };
    Ok(PlanStatus {
        pool: pool.name.clone(),
        backend: change.backend().to_owned(),
        slots: pool.slots,
        slots_moved: 65_537,
        shares: vec![share("web-1", 65_537, 0), share("web-2", 0, 65_537)],
        pins: 12,
        breaks: match change {
            Change::Remove { .. } => breaks(0),
            Change::Drain { deadline: Some(deadline), .. } => breaks(deadline.as_secs()),
            Change::Add(_)
            | Change::Drain { deadline: None, .. }
            | Change::Undrain { .. }
            | Change::Weight { .. }
            | Change::Mark { .. } => None,
        },
        pending: matches!(change, Change::Add(_)).then(|| "its next hop has to answer".to_owned()),
    })
}

/// The first half is in transition to the second backend.
fn slots(pool: &PoolStatus) -> SlotsStatus {
    let owner = |backend: &BackendStatus| SlotOwner { name: backend.name.clone(), address: backend.address };
    SlotsStatus {
        pool: pool.name.clone(),
        slots: pool.slots,
        backends: pool.backends.iter().map(owner).collect(),
        runs: vec![
            SlotRun { first: 0, length: 32_768, current: Some(1), base: Some(0) },
            SlotRun { first: 32_768, length: 32_769, current: Some(0), base: None },
        ],
    }
}

fn add(status: &mut Status, pool: &str, new: NewBackend) -> Result<BackendStatus, RequestError> {
    let pool = pool_mut(status, pool)?;
    if pool.backends.iter().any(|backend| backend.name == new.name) {
        return Err(RequestError::Conflict(format!("pool `web` has a backend called `{}`", new.name)));
    }
    if new.address.is_ipv6() {
        return Err(RequestError::Invalid(
            "pool `web` serves IPv4 VIPs: give the backend an IPv4 address".into(),
        ));
    }
    let added = BackendStatus {
        name: new.name,
        address: new.address,
        weight: new.weight,
        delivery: new.delivery.unwrap_or(pool.delivery),
        mtu: None,
        state: BackendState::Unresolved,
        detail: Some(format!("waiting for an answer to ARP from {} on eth0", new.address)),
        next_hop: None,
        slots: 0,
        slots_wanted: 0,
        pins: 0,
        drain: None,
        traffic: Traffic::default(),
    };
    pool.backends.push(added.clone());
    Ok(added)
}

fn remove(status: &mut Status, pool: &str, name: &str) -> Result<BackendStatus, RequestError> {
    let pool = pool_mut(status, pool)?;
    let unknown = || RequestError::NotFound(format!("no backend of pool `web` is called `{name}`"));
    let at = pool.backends.iter().position(|backend| backend.name == name).ok_or_else(unknown)?;
    Ok(pool.backends.remove(at))
}

/// Two backends, one of them silent.
fn status() -> Status {
    let traffic = Traffic { packets: 12_345_678, bytes: 9_876_543_210, new_flows: 4_321 };
    let refused =
        ReasonStatus { code: 3, reason: "ttl_exceeded".into(), verdict: "drop".into(), packets: 17 };
    let answered =
        ReasonStatus { code: 14, reason: "echo_answered".into(), verdict: "answer".into(), packets: 4 };
    Status {
        version: "0.1.0".into(),
        pid: 4242,
        uptime_seconds: 11_530,
        multi_buffer: true,
        interfaces: vec![InterfaceStatus {
            name: "eth0".into(),
            index: 2,
            mode: XdpMode::Native,
            present: true,
            detail: None,
        }],
        vips: vec![VipStatus {
            name: "www".into(),
            address: "192.0.2.1".parse().unwrap(),
            services: vec!["tcp/80".parse().unwrap(), "tcp/443".parse().unwrap()],
            pool: "web".into(),
            on_unknown_port: OnUnknownPort::Pass,
            echo: true,
            traffic,
            reasons: vec![refused.clone(), answered.clone()],
            details: vec![DetailStatus { code: 2, detail: "fragment_stray".into(), packets: 5 }],
            backends: vec![VipBackendStatus {
                name: "web-1".into(),
                address: "10.0.0.11".parse().unwrap(),
                traffic,
            }],
        }],
        pools: vec![PoolStatus {
            name: "web".into(),
            slots: 65_537,
            delivery: Delivery::Ipip,
            udp: UdpPolicy::Stateless,
            on_down: OnDown::Reset,
            idle_timeout_seconds: 300,
            transition: TransitionStatus {
                slots: 32_768,
                since_seconds: Some(130),
                base_owners: vec![BaseOwnerStatus {
                    name: "web-2".into(),
                    address: "10.0.0.12".parse().unwrap(),
                    slots: 32_768,
                }],
            },
            backends: vec![
                BackendStatus {
                    name: "web-1".into(),
                    address: "10.0.0.11".parse().unwrap(),
                    weight: 1,
                    delivery: Delivery::Ipip,
                    mtu: Some(1480),
                    state: BackendState::Up,
                    detail: None,
                    next_hop: Some(NextHopStatus {
                        interface: "eth0".into(),
                        neighbour: "10.0.0.11".parse().unwrap(),
                        mac: "02:00:00:00:00:11".into(),
                    }),
                    slots: 65_537,
                    slots_wanted: 32_769,
                    pins: 12,
                    drain: None,
                    traffic,
                },
                BackendStatus {
                    name: "web-2".into(),
                    address: "10.0.0.12".parse().unwrap(),
                    weight: 1,
                    delivery: Delivery::L2,
                    mtu: None,
                    state: BackendState::Unresolved,
                    detail: Some("no answer to ARP from 10.0.0.12 on eth0".into()),
                    next_hop: None,
                    slots: 0,
                    slots_wanted: 32_768,
                    pins: 0,
                    drain: None,
                    traffic: Traffic::default(),
                },
            ],
        }],
        maps: MapsStatus {
            pins: MapStatus { used: 12, capacity: 262_144 },
            embryonic: MapStatus { used: 3, capacity: 65_536 },
            slots: MapStatus { used: 65_537, capacity: 2_097_152 },
        },
        reasons: vec![
            ReasonStatus { code: 2, reason: "no_service".into(), verdict: "pass".into(), packets: 0 },
            refused,
            answered,
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
