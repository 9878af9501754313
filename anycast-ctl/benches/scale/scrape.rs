//! What a scrape of all metrics costs, and whether it holds anybody up.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::client::Client;
use anyhow::{Context as _, ensure};
use serde::Serialize;
use tokio::runtime::Runtime;
use xtask::lab::Lab;

use crate::{REST, report::Times, site};

/// Where the daemon serves metrics.
const ADDRESS: &str = "127.0.0.1:9750";

/// Flows to each VIP: so many that nearly all of a hundred backends get one.
const FLOWS: u16 = 400;

/// What was measured.
#[derive(Serialize)]
pub struct Scrapes {
    /// From the request until all of it was read.
    pub whole: Times,
    pub bytes: usize,
    pub series: usize,
    /// (VIP, backend) pairs that had traffic.
    pub pairs: usize,
    /// Reading the counters from the maps, by the daemon's own account.
    pub counters_read_ms: f64,
    /// The controller's answer to another question while nobody scrapes.
    pub answers_alone: Times,
    /// The same while two scrape without a pause.
    pub answers_beside: Times,
}

/// Sends every VIP so many flows.
pub fn send_flows(lab: &Lab) -> anyhow::Result<()> {
    let known = lab.run("client", "ip", &["route", "get", &lab.plan().vips.v4.to_string()])?;
    let router =
        known.split_whitespace().skip_while(|word| *word != "via").nth(1).context("find the router")?;
    lab.run("client", "ip", &["route", "add", site::VIPS_PREFIX, "via", router])?;
    let edge = lab.plan().edge.addresses.v4.to_string();
    lab.run("router", "ip", &["route", "add", site::VIPS_PREFIX, "via", &edge])?;
    lab.inside("client", || {
        for port in 0..FLOWS {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 20_000 + port))?;
            for vip in site::vips() {
                // What the queue does not take is one flow less.
                let _ = socket.send_to(b"x", (vip, 443));
            }
        }
        Ok(())
    })
}

/// Scrapes so often, with rests, and then without.
pub fn measure(lab: &Lab, runtime: &Runtime, client: &Client, rounds: usize) -> anyhow::Result<Scrapes> {
    let (mut times, mut text) = (Vec::new(), String::new());
    let before = counters_read(&scrape(lab)?);
    for _ in 0..rounds {
        thread::sleep(REST);
        let start = Instant::now();
        text = scrape(lab)?;
        times.push(start.elapsed());
    }
    let (reads, seconds) = counters_read(&text);
    let counters_read_ms = (seconds - before.1) / (reads - before.0) * 1e3;

    let answers = || -> anyhow::Result<Times> {
        let mut times = Vec::new();
        for _ in 0..rounds * 10 {
            let start = Instant::now();
            runtime.block_on(client.revisions(1))?;
            times.push(start.elapsed());
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Times::of(times))
    };
    let answers_alone = answers()?;
    let over = AtomicBool::new(false);
    let answers_beside = thread::scope(|scope| {
        let scrapers = [(); 2].map(|()| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    scrape(lab)?;
                }
                anyhow::Ok(())
            })
        });
        let answers = answers();
        over.store(true, Ordering::Relaxed);
        for scraper in scrapers {
            scraper.join().expect("a scraper does not panic")?;
        }
        answers
    })?;
    let lines = || text.lines().filter(|line| !line.starts_with('#'));
    Ok(Scrapes {
        whole: Times::of(times),
        bytes: text.len(),
        series: lines().count(),
        pairs: lines().filter(|line| line.starts_with("anycast_vip_backend_packets_total{")).count(),
        counters_read_ms,
        answers_alone,
        answers_beside,
    })
}

fn scrape(lab: &Lab) -> anyhow::Result<String> {
    let address: SocketAddr = ADDRESS.parse()?;
    let mut stream = lab.inside("edge", || Ok(TcpStream::connect(address)?))?;
    let accept = "accept: application/openmetrics-text\r\n";
    write!(stream, "GET /metrics HTTP/1.0\r\nhost: {ADDRESS}\r\n{accept}\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    ensure!(text.starts_with("HTTP/1.0 200") && text.ends_with("# EOF\n"), "a scrape failed: {text:.200}");
    Ok(text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// How often counters were read, and how many seconds that took.
fn counters_read(text: &str) -> (f64, f64) {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(f64::NAN)
    };
    let name = |part: &str| format!("anycast_counters_read_duration_seconds_{part} ");
    (value(&name("count")), value(&name("sum")))
}
