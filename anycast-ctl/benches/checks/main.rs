//! What checks cost: 2,000 a second of each kind against a server on loopback, evenly spread, as the share of a core that the
//! thread of the checks takes. Loopback lets the sender do the receiver's work as well: a real backend costs less.
//!
//! `cargo xtask bench checks`; the first argument is the number of seconds, ten without it.

#![expect(clippy::unwrap_used, reason = "a benchmark panics when it cannot measure")]

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::health::{
    probe::{Context, Finding, Target, probe},
    spec::{Http, Probe},
};
use nix::sys::resource::{UsageWho, getrusage};
use socket2::{Domain, Socket, Type};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::interval,
};

const PER_SECOND: u32 = 2_000;
const TIMEOUT: Duration = Duration::from_secs(1);

fn main() {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10);
    let http = Http {
        method: "GET".into(),
        path: "/health".into(),
        host: None,
        status: "200".parse().unwrap(),
        body: None,
        drain_header: None,
        tls: None,
    };
    for (name, probe) in [("tcp", Probe::Tcp { send: None, expect: None }), ("http", Probe::Http(http))] {
        let target = Target::new(([127, 0, 0, 1], serve().port()).into(), "");
        let probe: &'static Probe = Box::leak(Box::new(probe));
        measure(name, probe, Box::leak(Box::new(target)), seconds);
    }
}

fn measure(name: &str, what: &'static Probe, target: &'static Target, seconds: u32) {
    let context: &'static Context = Box::leak(Box::new(Context::new()));
    let check = || probe(what, false, target, TIMEOUT, context);
    println!("{name}: a check's future has {} bytes", size_of_val(&check()));
    let mut latencies = Vec::new();
    let (start, used) = (Instant::now(), cpu());
    runtime().block_on(async {
        let mut ticks = interval(Duration::from_secs(1) / PER_SECOND);
        let mut checks = JoinSet::new();
        for _ in 0..PER_SECOND * seconds {
            ticks.tick().await;
            checks.spawn(check());
            while let Some(outcome) = checks.try_join_next() {
                latencies.push(outcome.unwrap());
            }
        }
        latencies.extend(checks.join_all().await);
    });
    let (took, used) = (start.elapsed(), cpu() - used);
    let failed = latencies.iter().filter(|outcome| outcome.finding != Finding::Passed).count();
    let mut latencies: Vec<Duration> = latencies.into_iter().map(|outcome| outcome.latency).collect();
    latencies.sort_unstable();
    let per_check = used / u32::try_from(latencies.len()).unwrap();
    println!(
        "{name}: {} checks in {took:.1?}, {failed} failed; {used:.2?} of CPU: {:.1} % of a core, {per_check:.1?} each; \
         latency {:.1?} median, {:.1?} 99 %",
        latencies.len(),
        100.0 * used.as_secs_f64() / took.as_secs_f64(),
        latencies.get(latencies.len() / 2).unwrap(),
        latencies.get(latencies.len() * 99 / 100).unwrap(),
    );
}

/// What this thread has taken so far, in user and kernel mode.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let of = |time: nix::sys::time::TimeVal| {
        let microseconds = time.tv_sec() * 1_000_000 + time.tv_usec();
        Duration::from_micros(microseconds.try_into().unwrap())
    };
    of(usage.user_time()) + of(usage.system_time())
}

/// A server on a thread of its own, which answers whatever it is sent.
fn serve() -> SocketAddr {
    let listener = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    // A server that does not get to run for a while must not fail the checks.
    listener.listen(4_096).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::from_std(listener.into()).unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if stream.read(&mut [0; 1024]).await.is_ok_and(|length| length > 0) {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                    }
                });
            }
        });
    });
    address
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
