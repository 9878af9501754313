//! Labs whose pools are checked, and servers to be checked.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anycast_ctl::{
    api::types::{BackendHealth, BackendState, HealthStatus, PoolHealth, Status},
    health::verdict::Verdict,
};
use xtask::lab::{Family, Lab, Options, OwnedLab, controller};

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");
/// Longer than any of the steps waited for takes, on a slow machine too.
const SOON: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Port of servers that tests run themselves.
pub const PORT: u16 = 8_000;

/// A lab whose daemon does not run.
pub fn idle(backends: usize) -> OwnedLab {
    let options = Options { backends, binary: Some(BINARY.into()), ..Options::default() };
    OwnedLab::start(&options).unwrap()
}

/// The lab's site, with these lines in each of its pools.
pub fn site(lab: &Lab, lines: &str) -> String {
    let mut site = controller::site(lab.plan()).to_toml();
    for family in Family::ALL {
        let name = format!("name = \"{}\"\n", family.pool_name());
        site = site.replacen(&name, &format!("{name}{lines}\n"), 1);
    }
    site
}

/// A lab that steers, its pools with these lines, every backend up.
pub fn checked(backends: usize, lines: &str) -> OwnedLab {
    let mut lab = idle(backends);
    let site = site(&lab, lines);
    start(&mut lab, &site);
    wait_for(&lab, "every backend is up", |lab| lab.status().unwrap().all_up());
    lab
}

/// Starts the daemon, natively.
pub fn start(lab: &mut OwnedLab, site: &str) {
    lab.start_controller_on(site, &["--xdp-mode", "native"]).unwrap();
}

/// Everything the daemon says.
pub fn status(lab: &Lab) -> Status {
    serde_json::from_str(&lab.ctl(&["status", "--json"]).unwrap()).unwrap()
}

/// What the checks say.
pub fn health(lab: &Lab) -> HealthStatus {
    serde_json::from_str(&lab.ctl(&["health", "--json"]).unwrap()).unwrap()
}

/// What the checks of a pool say.
pub fn pool(lab: &Lab, family: Family) -> PoolHealth {
    health(lab).pools.into_iter().find(|pool| pool.name == family.pool_name()).unwrap()
}

/// What the checks of a backend say, with its last results.
pub fn backend(lab: &Lab, family: Family, name: &str) -> BackendHealth {
    let words = ["health", "show", family.pool_name(), name, "--json"];
    serde_json::from_str(&lab.ctl(&words).unwrap()).unwrap()
}

/// Whether a backend is steered to.
pub fn state(lab: &Lab, family: Family, name: &str) -> BackendState {
    let pool = status(lab).pools.into_iter().find(|pool| pool.name == family.pool_name()).unwrap();
    pool.backends.into_iter().find(|backend| backend.name == name).unwrap().state
}

/// Packets that opened flows of a backend, both VIPs together.
pub fn new_flows(lab: &Lab, name: &str) -> u64 {
    let status = lab.status().unwrap();
    Family::ALL.map(|family| status.traffic(family, name).new_flows).iter().sum()
}

/// Waits until a backend has that verdict in both pools.
#[track_caller]
pub fn wait_for_verdict(lab: &Lab, name: &str, verdict: Verdict) {
    wait_for(lab, &format!("{name} is {verdict}"), |lab| {
        Family::ALL.iter().all(|family| backend(lab, *family, name).verdict == verdict)
    });
}

/// Waits until it holds, and panics when it does not.
#[track_caller]
pub fn wait_for(lab: &Lab, what: &str, mut holds: impl FnMut(&Lab) -> bool) {
    let start = Instant::now();
    while !holds(lab) {
        if start.elapsed() > SOON {
            let health = lab.ctl(&["health"]).unwrap_or_default();
            panic!("waited in vain for this: {what}\n{health}");
        }
        thread::sleep(POLL);
    }
}

/// A server in a namespace that answers each connection as it is told at the time. It ends with this.
pub struct Told {
    answer: Arc<Mutex<Vec<u8>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Told {
    /// One that answers with these bytes, once something came or the connection was made.
    pub fn start(lab: &Lab, namespace: &str, addresses: &[IpAddr], port: u16, answer: &str) -> Self {
        let listeners: Vec<TcpListener> = addresses
            .iter()
            .map(|address| {
                let listen = || {
                    let listener = TcpListener::bind(SocketAddr::new(*address, port))?;
                    listener.set_nonblocking(true)?;
                    Ok(listener)
                };
                lab.inside(namespace, listen).unwrap()
            })
            .collect();
        let told = Arc::new(Mutex::new(answer.as_bytes().to_vec()));
        let (answer, stopped) = (Arc::clone(&told), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&stopped);
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                for listener in &listeners {
                    if let Ok((stream, _)) = listener.accept() {
                        let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
                        serve(stream, &answer);
                    }
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { answer: told, stopped, thread: Some(thread) }
    }

    /// Has it answer otherwise.
    pub fn tell(&self, answer: &str) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer.as_bytes().to_vec();
    }
}

fn serve(mut stream: TcpStream, answer: &[u8]) {
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
    // An HTTP client speaks first, one of an agent does not.
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(answer);
}

impl Drop for Told {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An HTTP answer.
pub fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
