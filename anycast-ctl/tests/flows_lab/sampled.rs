//! What passes, by sampling.

use std::{net::Ipv4Addr, thread, time::Duration};

use anycast_ctl::api::types::{CatchmentPrefix, CatchmentStatus, TopStatus};

use xtask::lab::Process;

use crate::{edge::Edge, held::ended, wire::Clients};

/// Starts a command, and says when packets meet the program that shows them.
fn begin(edge: &Edge, ordinary: Option<u64>, words: &str) -> Process {
    edge.wait_for("the ordinary program is in place", |edge| edge.host.program("eth0") == ordinary);
    let mut begun = edge.begin(words);
    edge.wait_for("packets are shown", |edge| {
        if begun.try_wait().unwrap().is_some() {
            panic!("it ended: {:?}", ended(&mut begun));
        }
        edge.host.program("eth0") != ordinary
    });
    // The tap is set after the program is in place.
    thread::sleep(Duration::from_millis(500));
    begun
}

fn ends<T: serde::de::DeserializeOwned>(process: &mut Process) -> T {
    let (code, out, err) = ended(process);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn the_heaviest_of_a_known_mixture_come_first() {
    let edge = Edge::start(2, |site| site);
    let ordinary = edge.host.program("eth0");
    // What the backends answer comes back as no ICMP error.
    let nowhere = ["route", "add", "blackhole", "198.51.100.64/26"];
    edge.host.lab.run(xtask::lab::ROUTER, "ip", &nowhere).unwrap();
    let clients = Clients::open(&edge);
    let mixture = [([203, 0, 113, 7], 300), ([203, 0, 113, 8], 200), ([198, 51, 100, 77], 100)];
    let send = |sources: &[([u8; 4], u16)]| {
        for (source, times) in sources {
            (0..*times).for_each(|port| clients.ack((Ipv4Addr::from(*source), 1_000 + port), 1, 60));
        }
    };
    let mut top = begin(&edge, ordinary, "flows top --json --for 4s --sample 1");
    send(&mixture);
    let top: TopStatus = ends(&mut top);
    let found: Vec<(&str, u64)> =
        top.rows.iter().take(3).map(|row| (row.name.as_str(), row.sampled_packets)).collect();
    assert_eq!(found, [("203.0.113.7", 300), ("203.0.113.8", 200), ("198.51.100.77", 100)]);
    assert_eq!((top.sampled_packets, top.lost_packets), (600, 0));
    assert_eq!((top.rows[0].share, top.rows[0].share_error), (0.5, 0.0));
    edge.wait_for("the ordinary program is back", |edge| edge.host.program("eth0") == ordinary);

    // Checks may pass by the VIP in other sites; here every packet is ours.
    let mut top = begin(&edge, ordinary, "flows top --json --for 4s --sample 8 --by prefix");
    (0..10).for_each(|_| send(&mixture));
    let top: TopStatus = ends(&mut top);
    assert_eq!(top.rows[0].name, "203.0.113.0/24", "{top:#?}");
    let counted = top.packets_per_second * top.milliseconds as f64 / 1_000.0;
    // But for what is less than a millisecond.
    assert!((counted - 6_000.0).abs() < 5.0, "all packets are counted: {counted}");
    assert!((500..1_000).contains(&top.sampled_packets), "{top:#?}");
    // Three times what holds for 95 of 100 samples.
    let row = &top.rows[0];
    assert!((row.share - 5.0 / 6.0).abs() < 3.0 * row.share_error, "{row:?}");

    let mut by_backend = begin(&edge, ordinary, "flows top --json --for 3s --sample 1 --by backend");
    send(&mixture);
    let by_backend: TopStatus = ends(&mut by_backend);
    let names: Vec<&str> = by_backend.rows.iter().map(|row| row.name.as_str()).collect();
    assert!(names.contains(&"web4/backend1") && names.contains(&"web4/backend2"), "{by_backend:#?}");
    let mut by_vip = begin(&edge, ordinary, "flows top --for 3s --sample 1 --by vip");
    send(&mixture);
    let (code, page, err) = ended(&mut by_vip);
    assert_eq!(code, 0, "{err}");
    assert!(page.contains("every packet was looked at") && page.contains("\nwww4  100.0%"), "{page}");
}

fn network<'a>(catchment: &'a CatchmentStatus, prefix: &str) -> &'a CatchmentPrefix {
    let found = catchment.prefixes.iter().find(|network| network.prefix.to_string() == prefix);
    found.unwrap_or_else(|| panic!("{prefix}: {catchment:#?}"))
}

#[test]
fn a_catchment_knows_hops_and_round_trips() {
    let edge = Edge::start(2, |site| site);
    let (code, text) = edge.try_ctl("flows catchment --last");
    assert!(code == 1 && text.contains("no catchment was measured since the daemon started"), "{text}");

    let ordinary = edge.host.program("eth0");
    let clients = Clients::open(&edge);
    let files = [edge.host.path("site.csv"), edge.host.path("site.svg")];
    let [csv, svg] = files.each_ref().map(|path| path.to_str().unwrap());
    let words = format!("flows catchment --json --for 8s --sample 1 --csv {csv} --svg {svg}");
    let mut measuring = begin(&edge, ordinary, &words);
    let (code, text) = edge.try_ctl("flows catchment --for 1s");
    assert!(code == 1 && text.contains("is being measured already"), "{text}");

    // Networks answer one after the other, so many milliseconds later, over so many hops.
    let networks = [
        ([203, 0, 113, 10], 20, 64 - 7),
        ([198, 51, 100, 60], 150, 128 - 12),
        ([192, 0, 3, 9], 400, 255 - 3),
    ];
    for (source, _, ttl) in networks {
        (0..5).for_each(|port| clients.syn((Ipv4Addr::from(source), 2_000 + port), 9, ttl));
    }
    for (source, later, ttl) in networks {
        thread::sleep(Duration::from_millis(later));
        (0..5).for_each(|port| clients.ack((Ipv4Addr::from(source), 2_000 + port), 10, ttl));
    }
    // One that is repeated, one that is never answered.
    let other = Ipv4Addr::new(192, 0, 4, 1);
    clients.syn((other, 3_000), 9, 60);
    clients.syn((other, 3_000), 9, 60);
    clients.ack((other, 3_000), 10, 60);
    clients.syn((other, 3_001), 9, 60);

    let catchment: CatchmentStatus = ends(&mut measuring);
    let rtts = ["203.0.113.0/24", "198.51.100.0/24", "192.0.3.0/24"].map(|prefix| {
        let figures = &network(&catchment, prefix).figures;
        assert_eq!((figures.new_flows, figures.handshakes), (5, 5), "{figures:?}");
        figures.rtt_us.unwrap()
    });
    assert!(rtts[0].max < rtts[1].min && rtts[1].max < rtts[2].min, "{rtts:?}");
    for (prefix, hops) in [("203.0.113.0/24", 7), ("198.51.100.0/24", 12), ("192.0.3.0/24", 3)] {
        let found = network(&catchment, prefix).figures.hops.unwrap();
        assert_eq!((found.min, found.median, found.max), (hops, hops, hops), "{prefix}");
    }
    let unmeasured = &network(&catchment, "192.0.4.0/24").figures;
    assert_eq!((unmeasured.new_flows, unmeasured.handshakes, unmeasured.rtt_us), (2, 0, None));
    let handshakes = catchment.handshakes;
    assert_eq!((handshakes.opened, handshakes.measured, handshakes.repeated), (17, 15, 1), "{handshakes:?}");
    assert!(catchment.who.starts_with("root (pid "), "{}", catchment.who);

    let csv = std::fs::read_to_string(csv).unwrap();
    assert!(
        csv.lines().count() == catchment.prefixes.len() + 1 && csv.contains("\n203.0.113.0/24,false,10,"),
        "{csv}"
    );
    let svg = std::fs::read_to_string(svg).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains(">203.0.113.0/24</text>"), "{svg}");
    let last: CatchmentStatus = serde_json::from_str(&edge.ctl("flows catchment --last --json")).unwrap();
    assert_eq!(last, catchment);
    let page = edge.ctl("flows catchment --last");
    assert!(page.contains("15 of 17 handshakes measured") && page.contains("7 / 7 / 7"), "{page}");
    assert!(edge.ctl("flows catchment --last --csv -").starts_with("prefix,rest,packets,"));
}

#[test]
fn who_goes_away_ends_what_was_measured_for_him() {
    let edge = Edge::start(1, |site| site);
    let ordinary = edge.host.program("eth0");
    let measuring = begin(&edge, ordinary, "flows catchment --for 1h");
    measuring.signal(nix::sys::signal::Signal::SIGKILL).unwrap();
    edge.wait_for("the ordinary program is back", |edge| edge.host.program("eth0") == ordinary);
    let (code, text) = edge.try_ctl("flows catchment --for 1s --csv /nonexistent/site.csv");
    assert!(code == 1 && text.contains("open /nonexistent/site.csv for writing"), "{text}");
    // It is somebody else's turn.
    edge.ctl("flows catchment --for 1s --csv -");
}
