//! What is scraped is what is documented, and well formed in both formats.

use std::collections::{BTreeMap, BTreeSet};

use anycast_ctl::metrics::{Kind, families};

use crate::harness::{ADDRESS, get, metrics, promtool, series, steering, traffic};

#[test]
fn promtool_has_nothing_to_say_against_it() {
    let lab = steering(2);
    traffic(&lab, 3);
    let text = metrics(&lab);
    let (good, said) = promtool(&["check", "metrics"], &text);
    assert!(good && said.is_empty(), "{said}");
    let help = text.lines().find(|line| line.starts_with("# HELP anycast_vip_packets_total ")).unwrap();
    let (good, said) = promtool(&["check", "metrics"], &text.replace(help, ""));
    assert!(!good && said.contains("anycast_vip_packets_total no help text"), "{said}");
}

#[test]
fn every_family_is_there_with_its_labels_and_no_other() {
    let lab = steering(2);
    lab.ctl(&["backend", "drain", "web4", "backend1", "--deadline", "1h"]).unwrap();
    traffic(&lab, 3);
    let text = metrics(&lab);
    let told: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let known: BTreeMap<&str, &str> = families().map(|family| (family.name, family.kind.label())).collect();
    assert_eq!(told, known);
    let series = series(&text);
    for family in families().filter(|family| family.kind != Kind::Histogram) {
        let expected: BTreeSet<&str> = family.labels.iter().copied().collect();
        for ((_, labels), _) in series.iter().filter(|((name, _), _)| name == family.name) {
            let found: BTreeSet<&str> = labels.keys().map(String::as_str).collect();
            assert_eq!(found, expected, "{}", family.name);
        }
    }
    let empty: Vec<&str> = families()
        .map(|family| family.name)
        .filter(|name| !series.keys().any(|(it, _)| it.starts_with(name)))
        .collect();
    // What this site has none of.
    let none = [
        "anycast_vip_undelivered_packets_total",
        "anycast_vip_detail_packets_total",
        "anycast_vip_announced_peers",
        "anycast_routing_daemon_peer_established",
        "anycast_scrape_left_out_series",
    ];
    assert_eq!(empty, none);
}

#[test]
fn open_metrics_is_for_those_who_ask_for_it() {
    let lab = steering(2);
    let accept = "accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
    let (head, open) = get(&lab, ADDRESS, "/metrics", accept);
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE anycast_vip_packets counter\n"), "{open}");
    let (head, plain) = get(&lab, ADDRESS, "/metrics", "");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    // Bounds of histograms are written as `1.0` there, and as `1` here.
    let names = |text: &str| {
        let series = series(text).into_keys().map(|(name, mut labels)| {
            labels.remove("le");
            (name, labels)
        });
        series.collect::<BTreeSet<_>>()
    };
    assert_eq!(names(&open), names(&plain));
}

#[test]
fn no_packet_makes_a_series() {
    let lab = steering(2);
    // So many that every backend has some.
    traffic(&lab, 30);
    let before: BTreeSet<_> = series(&metrics(&lab)).into_keys().collect();
    // A thousand ports and sources, to a VIP and to nobody.
    let vip = lab.plan().vips.v4.to_string();
    let udp = "for (my $n = 0; $n < 1000; $n++) { socket(my $s, 2, 2, 17); send($s, 'x', 0, pack('S n a4 x8', 2, 1024 + $n, \
               pack('C4', split(/\\./, $ARGV[0])))) }";
    lab.run("client", "perl", &["-e", udp, &vip]).unwrap();
    traffic(&lab, 20);
    let after: BTreeSet<_> = series(&metrics(&lab)).into_keys().collect();
    let more: Vec<_> = after.difference(&before).collect();
    let reasons =
        |(name, _): &&&(String, BTreeMap<String, String>)| name == "anycast_vip_undelivered_packets_total";
    assert_eq!(more.iter().filter(reasons).count(), more.len(), "{more:?}");
    assert_eq!(more.len(), 1, "{more:?}");
}
