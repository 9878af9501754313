//! docs/examples/dns.md: name servers at two sites.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use xtask::lab::sites::TRANSIT;

use crate::{
    page::Page,
    queries,
    stage::{A, B, Stage, host},
    stream::Tally,
};

const PAGE: Page = Page(include_str!("../../../docs/examples/dns.md"));
const PREFIXES: [&str; 2] = ["192.0.2.53/32", "2001:db8:0:1::53/128"];
const VIPS: [&str; 2] = ["192.0.2.53", "2001:db8:0:1::53"];
const OF_A: [&str; 3] = ["a-ns1", "a-ns2", "a-ns3"];

/// Name servers, and the router.
fn stage() -> Stage {
    let mut stage = Stage::new(PAGE, PREFIXES);
    for server in PAGE.server_names() {
        stage.run(&host(server), PAGE.block("# On every name server"));
        run_nsd(&mut stage, server);
    }
    stage.run_router();
    stage
}

/// Starts NSD with the page's files, which say nothing of where it keeps its own.
fn run_nsd(stage: &mut Stage, server: &str) {
    let directory = stage.host_directory(server);
    let shown = directory.display();
    let config = PAGE.on_server(server, PAGE.block("/etc/nsd/nsd.conf"));
    let config = config.replace("/etc/nsd", &shown.to_string())
        + &format!(
            "server:\n    username: \"\"\n    database: \"\"\n    pidfile: \"{shown}/nsd.pid\"\n    \
             xfrdfile: \"{shown}/xfrd.state\"\n    zonelistfile: \"{shown}/zone.list\"\n    \
             xfrdir: \"{shown}\"\n    logfile: \"{shown}/nsd.log\"\nremote-control:\n    control-enable: no\n"
        );
    fs::write(directory.join("example.org.zone"), PAGE.block("/etc/nsd/example.org.zone")).unwrap();
    let file = directory.join("nsd.conf");
    fs::write(&file, config).unwrap();
    stage.run_server(server, "nsd", &["-d", "-c", file.to_str().unwrap()]);
    let ask = ["@192.0.2.53", "www.example.org", "+tries=1", "+timeout=1"];
    let start = Instant::now();
    while stage.sites.run(&host(server), "dig", &ask).is_err() {
        let log = fs::read_to_string(directory.join("nsd.log")).unwrap_or_default();
        assert!(start.elapsed() < Duration::from_secs(20), "{server} does not answer: {log}");
    }
}

/// What `dig` says, as the page has it.
#[track_caller]
fn dig(stage: &Stage) {
    assert_eq!(stage.run("client", PAGE.block("# Anywhere")), "198.51.100.80\n".repeat(4));
}

/// Does something while queries run, and waits until it is as it should be; then they run on for a second. Answers with what
/// became of queries meanwhile, and in that second.
fn asked(stage: &mut Stage, work: impl FnOnce(&mut Stage)) -> [Tally; 2] {
    let vips = VIPS.map(|vip| vip.parse().unwrap());
    let queries = queries::start(stage.sites.namespace("client").unwrap(), vips, &PAGE.server_names());
    thread::sleep(Duration::from_secs(1));
    let start = Instant::now();
    work(stage);
    // What is on its way has arrived.
    thread::sleep(Duration::from_millis(100));
    let settled = Instant::now();
    thread::sleep(Duration::from_secs(1));
    let end = Instant::now();
    let asked = queries.finish();
    let before = asked.between(start - Duration::from_secs(1), start);
    assert!(before.answered == before.sent && before.sent > 0, "{before}");
    [asked.between(start, settled), asked.between(settled, end)]
}

#[test]
fn queries_go_where_servers_are_with_bird() {
    let mut stage = stage();
    stage.run_bird(&A);
    stage.run_bird(&B);
    A.iter().chain(&B).for_each(|edge| stage.run_daemon(edge, &[]));
    stage.until("every edge's route", |it| {
        PREFIXES.iter().all(|prefix| {
            let received = it.received(prefix);
            ["a1_", "a2_", "b1_", "b2_"].iter().all(|peer| received.contains(peer))
        })
    });
    stage.wait_for_routes(&A);
    stage.until("all servers", |it| {
        PAGE.server_names()
            .iter()
            .all(|server| it.serves(if server.starts_with('a') { &A } else { &B }, server) == Some(true))
    });
    dig(&stage);

    let [during, after] = asked(&mut stage, |it| {
        it.kill_server("a-ns1");
        it.until("a-ns1 out", |it| it.serves(&A, "a-ns1") == Some(false));
    });
    println!("a name server dies: {during}");
    assert!(during.wrong == 0 && after.all_by(&["a"]) && !after.by.contains_key("a-ns1"), "{after}");
    dig(&stage);
    run_nsd(&mut stage, "a-ns1");
    stage.until("a-ns1 back", |it| it.serves(&A, "a-ns1") == Some(true));

    let [during, after] = asked(&mut stage, |it| {
        OF_A.iter().for_each(|server| it.kill_server(server));
        it.wait_for_routes(&B);
    });
    println!("all name servers of a site die: {during}");
    assert!(during.wrong == 0 && after.all_by(&["b"]), "{after}");
    dig(&stage);
    for (edge, vip) in A.iter().flat_map(|edge| ["dns4", "dns6"].map(|vip| (edge, vip))) {
        let shown = stage.sites.ctl(edge, &["announce", "show", vip]).unwrap();
        assert!(shown.contains("withdrawn"), "{shown}");
    }
    let [during, after] = asked(&mut stage, |it| {
        OF_A.iter().for_each(|server| run_nsd(it, server));
        it.wait_for_routes(&A);
        it.until("all of site a", |it| OF_A.iter().all(|server| it.serves(&A, server) == Some(true)));
    });
    println!("they come back: {during}");
    assert!(during.wrong == 0 && after.all_by(&["a"]), "{after}");

    let [during, after] = asked(&mut stage, |it| {
        it.sites.cut("a1").unwrap();
        it.wait_for_routes(&["a2"]);
    });
    println!("an edge host falls silent: {during}");
    assert!(during.wrong == 0 && after.all_by(&["a"]), "{after}");
    stage.sites.mend("a1").unwrap();
    stage.wait_for_routes(&A);

    let [during, after] = asked(&mut stage, |it| {
        for edge in A {
            it.sites.ctl(edge, &["site", "drain", "--wait"]).unwrap();
        }
        it.wait_for_routes(&B);
    });
    println!("the site is drained: {during}");
    assert!(during.wrong == 0 && after.all_by(&["b"]), "{after}");
    let [during, after] = asked(&mut stage, |it| {
        for edge in A {
            it.sites.ctl(edge, &["site", "undrain"]).unwrap();
        }
        it.wait_for_routes(&A);
    });
    println!("it is taken back: {during}");
    assert!(during.wrong == 0 && after.all_by(&["a"]), "{after}");

    let commands = PAGE.block("# On a1 and a2").lines().filter(|line| !line.starts_with('#'));
    let words: Vec<Vec<&str>> = commands.map(|line| line.split_whitespace().skip(1).collect()).collect();
    let (drain, undrain) = words.split_at(2);
    let all = |stage: &Stage, words: &[Vec<&str>]| {
        for (edge, words) in A.iter().flat_map(|edge| words.iter().map(move |words| (edge, words))) {
            stage.sites.ctl(edge, words).unwrap();
        }
    };
    let [during, after] = asked(&mut stage, |it| all(it, drain));
    println!("a name server is drained: {during}");
    assert!(during.wrong == 0 && after.all_by(&["a"]) && !after.by.contains_key("a-ns1"), "{after}");
    all(&stage, undrain);
}

#[test]
fn queries_go_where_servers_are_with_frr() {
    let mut stage = stage();
    stage.run_frr("a1");
    stage.run_bird(&B);
    ["a1", "b1"].iter().for_each(|edge| stage.run_daemon(edge, &[]));
    stage.wait_for_routes(&["a1"]);
    stage.until("the other site's routes, and BFD", |it| {
        let sessions = it.sites.birdc(TRANSIT, "show bfd sessions").unwrap();
        let up = |peer: &str| sessions.lines().any(|line| line.contains(peer) && line.contains("Up"));
        PREFIXES.iter().all(|prefix| it.received(prefix).contains("b1_"))
            && ["192.0.2.130", "2001:db8:0:a1::2"].iter().all(|peer| up(peer))
    });
    dig(&stage);
    let [during, after] = asked(&mut stage, |it| {
        OF_A.iter().for_each(|server| it.kill_server(server));
        it.wait_for_routes(&["b1"]);
    });
    println!("all name servers of a site die, with FRR: {during}");
    assert!(during.wrong == 0 && after.all_by(&["b"]), "{after}");
    dig(&stage);
}
