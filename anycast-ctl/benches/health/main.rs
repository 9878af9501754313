//! What checking 2,000 backends costs the daemon, and how soon a backend that fails gets no more flows.
//!
//! ```text
//! edge: anycast-ctl run ──▶ backend1: holds the addresses of 2,000 backends
//!                      └──▶ backend2: killed, or falls silent, and comes back
//! ```
//!
//! `cargo xtask bench health`. The time until a backend is out is that from its end to the first status in which it has no slots,
//! asked for again and again; the bound is `fall * fast_interval + timeout`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark panics when it cannot measure"
)]

use std::{
    fmt::Write as _,
    fs, thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::{client::Client, types::BackendState};
use clap::Parser;
use tokio::runtime::Runtime;
use xtask::lab::{Family, Lab, Options as LabOptions, OwnedLab, Process, controller, random::Random};

/// Backends that are checked once a second.
const BACKENDS: u16 = 2_000;
const PORT: u16 = 9_000;
/// Ticks of a second in `/proc/PID/stat`: sysconf(3) has 100 on every Linux.
const TICKS: f64 = 100.0;

/// Measures health checks in a lab. Needs root.
#[derive(Parser)]
struct Options {
    /// Times a backend is ended in each way.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Seconds over which the cost of checks is measured.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Passed by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (name, check) in [
        ("tcp, direct", r#"type = "tcp""#),
        ("tcp, through the dataplane", r#"type = "tcp", via = "vip""#),
        ("http, direct", r#"type = "http""#),
    ] {
        cost(name, check, Duration::from_secs(options.seconds));
    }
    for silent in [false, true] {
        loss(&runtime, silent, options.rounds);
    }
}

fn lab(backends: usize) -> OwnedLab {
    let binary = Some(env!("CARGO_BIN_EXE_anycast-ctl").into());
    OwnedLab::start(&LabOptions { backends, binary, ..LabOptions::default() }).unwrap()
}

/// A web server on every address of a host.
fn serve(lab: &Lab, host: &str) -> Process {
    let directory = lab.directory().display().to_string();
    let file = lab.directory().join("bench.conf");
    let text = format!(
        "daemon off;\nmaster_process off;\npid {directory}/bench.pid;\nerror_log {directory}/bench.log;\n\
         worker_rlimit_nofile 16384;\nevents {{ worker_connections 8192; }}\nhttp {{ access_log off;\n\
         client_body_temp_path {directory}/b;\nproxy_temp_path {directory}/p;\nfastcgi_temp_path {directory}/f;\n\
         uwsgi_temp_path {directory}/u;\nscgi_temp_path {directory}/s;\n\
         server {{ listen {PORT} backlog=16384; location / {{ return 200; }} }} }}\n"
    );
    fs::write(&file, text).unwrap();
    lab.run(host, "sysctl", &["-qw", "net.core.somaxconn=16384"]).unwrap();
    let mut nginx = xtask::host_tool::command("nginx");
    nginx.arg("-c").arg(&file);
    lab.spawn(host, nginx).unwrap()
}

/// The share of a core that checks take, and the daemon as a whole.
fn cost(name: &str, check: &str, period: Duration) {
    let mut lab = lab(1);
    let gateway = lab.plan().backends[0].addresses.v4.to_string();
    lab.run("edge", "ip", &["route", "add", "10.9.0.0/16", "via", &gateway]).unwrap();
    lab.run("backend1", "ip", &["route", "add", "local", "10.9.0.0/16", "dev", "lo"]).unwrap();
    lab.run("edge", "ethtool", &["-K", "eth0", "tx", "off"]).unwrap();
    let _server = serve(&lab, "backend1");
    thread::sleep(Duration::from_millis(500));
    let mut site = format!(
        "interfaces = [\"eth0\"]\n[[vip]]\nname = \"www4\"\naddress = \"{}\"\nservices = [\"tcp/{PORT}\"]\npool = \"web4\"\n\
         [[pool]]\nname = \"web4\"\ncheck = {{ {check}, port = {PORT} }}\n",
        lab.plan().vips.v4
    );
    for n in 0..BACKENDS {
        let [high, low] = (n + 1).to_be_bytes();
        let _ = write!(site, "[[pool.backend]]\nname = \"b{n}\"\naddress = \"10.9.{high}.{low}\"\n");
    }
    lab.start_controller_on(&site, &["--xdp-mode", "native"]).unwrap();
    let up = |lab: &OwnedLab| {
        let pool = lab.status().unwrap().pools;
        pool[0].backends.iter().filter(|backend| backend.state == "up").count()
    };
    let begun = Instant::now();
    while up(&lab) < usize::from(BACKENDS) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} backends are up", up(&lab));
        thread::sleep(Duration::from_millis(200));
    }
    thread::sleep(Duration::from_secs(2));
    let pid = lab.controller().unwrap().id();
    let (begun, before, whole) =
        (Instant::now(), thread_seconds(pid, Some("checks")), thread_seconds(pid, None));
    thread::sleep(period);
    let elapsed = begun.elapsed().as_secs_f64();
    let of_checks = (thread_seconds(pid, Some("checks")) - before) / elapsed;
    let of_all = (thread_seconds(pid, None) - whole) / elapsed;
    let late: serde_json::Value = serde_json::from_str(&lab.ctl(&["health", "--json"]).unwrap()).unwrap();
    println!(
        "{BACKENDS} backends, {name}, once a second: {:.1} % of a core for the checks, {:.1} % for the daemon; {} ms late, {} up",
        100.0 * of_checks,
        100.0 * of_all,
        late["checker"]["late_ms"],
        up(&lab)
    );
}

/// Seconds of CPU that threads of that name took, or all of them.
fn thread_seconds(pid: u32, name: Option<&str>) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let mut ticks = 0;
    for task in tasks {
        let Ok(stat) = fs::read_to_string(task.path().join("stat")) else { continue };
        let (front, rest) = stat.rsplit_once(')').unwrap();
        let comm = front.split_once('(').unwrap().1;
        if name.is_none_or(|name| name == comm) {
            let words: Vec<&str> = rest.split_whitespace().collect();
            ticks += words[11].parse::<u64>().unwrap() + words[12].parse::<u64>().unwrap();
        }
    }
    ticks as f64 / TICKS
}

/// How long a backend that is killed, or falls silent, keeps its slots.
fn loss(runtime: &Runtime, silent: bool, rounds: usize) {
    let (fall, fast, timeout) = (3_u32, Duration::from_millis(100), Duration::from_millis(200));
    let mut lab = lab(4);
    let check = format!(
        "check = {{ type = \"http\", interval = \"{}ms\", fast_interval = \"{}ms\", timeout = \"{}ms\", fall = {fall}, \
         hold_down = \"0s\" }}\n",
        fast.as_millis(),
        fast.as_millis(),
        timeout.as_millis()
    );
    let mut site = controller::site(lab.plan()).to_toml();
    for family in Family::ALL {
        let name = format!("name = \"{}\"\n", family.pool_name());
        site = site.replacen(&name, &format!("{name}{check}"), 1);
    }
    lab.start_controller_on(&site, &["--xdp-mode", "native"]).unwrap();
    let client = Client::new(lab.socket());
    let state = || {
        let found = runtime.block_on(client.backends(Family::V4.pool_name())).unwrap();
        found.into_iter().find(|backend| backend.name == "backend2").unwrap()
    };
    let wait = |wanted: BackendState| {
        let begun = Instant::now();
        while state().state != wanted {
            assert!(begun.elapsed() < Duration::from_secs(20), "backend2 is never {wanted:?}");
            thread::sleep(Duration::from_millis(2));
        }
        begun.elapsed()
    };
    // What a killed server's kernel says, and what a dead host does not.
    let verdict = if silent { "drop" } else { "reject with tcp reset" };
    let rules = format!(
        "table inet end {{ chain in {{ type filter hook input priority 0; tcp dport 80 {verdict}; }}; }}"
    );
    let mut random = Random::new(7);
    let mut times = Vec::new();
    for _ in 0..rounds {
        wait(BackendState::Up);
        // At any point between two checks.
        thread::sleep(Duration::from_millis(300) + random.within(&(Duration::ZERO..fast)));
        lab.run("backend2", "nft", &[&rules]).unwrap();
        times.push(wait(BackendState::Down));
        assert_eq!(state().slots, 0);
        lab.run("backend2", "nft", &["delete", "table", "inet", "end"]).unwrap();
    }
    times.sort();
    let bound = fast * fall + timeout;
    println!(
        "a backend that {}, {fall} failures {} ms apart, timeout {} ms: out after {} ms (median), {} (fastest), {} (slowest) of {rounds}; \
         the bound is {} ms",
        if silent { "falls silent" } else { "is killed" },
        fast.as_millis(),
        timeout.as_millis(),
        times[times.len() / 2].as_millis(),
        times[0].as_millis(),
        times[times.len() - 1].as_millis(),
        bound.as_millis()
    );
}
