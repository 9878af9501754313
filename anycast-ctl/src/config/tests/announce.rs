use std::time::Duration;

use super::*;
use crate::model::{AllDown, Announce, AnnouncePolicy, BirdSettings, MinHealthy, OnStop, Shutdown};

fn with(lines: &str) -> Result<Site, ConfigError> {
    parse(&GOOD.replacen("[[pool]]", &format!("{lines}\n[[pool]]"), 1), "site.toml")
}

#[test]
fn an_empty_table_of_a_daemon_is_enough() {
    let site = with("[announce.bird]").unwrap();
    let bird = Some(BirdSettings::default());
    assert_eq!(site.announce.as_deref(), Some(&Announce { bird, ..Announce::default() }));
    assert_eq!((site.vips[0].announce, site.vips[0].prefix), (AnnouncePolicy::Auto, None));
}

#[test]
fn every_word_is_heard() {
    let text = "[announce]\non_stop = \"withdraw\"\nall_down = \"keep\"\nlease = \"10s\"\nhold_up = \"1s\"\nhold_up_max = \
                \"1m\"\nhold_down = \"200ms\"\nmin_announced = \"2s\"\nquiet = \"5s\"\nasn = 65001\n[announce.shutdown]\n\
                community = false\nmed = 7\nprepend = 3\nwait = \"1s\"\n[announce.bird]\nsocket = \"/run/b\"\ninclude = \
                \"/etc/bird/anycast.conf\"";
    let site = with(text).unwrap();
    let wanted = Announce {
        on_stop: OnStop::Withdraw,
        all_down: AllDown::Keep,
        lease: Duration::from_secs(10),
        hold_up: Duration::from_secs(1),
        hold_up_max: Duration::from_secs(60),
        hold_down: Duration::from_millis(200),
        min_announced: Duration::from_secs(2),
        quiet: Duration::from_secs(5),
        asn: Some(65_001),
        shutdown: Shutdown { community: false, med: Some(7), prepend: 3, wait: Duration::from_secs(1) },
        bird: Some(BirdSettings {
            socket: "/run/b".into(),
            include: Some("/etc/bird/anycast.conf".into()),
            ..BirdSettings::default()
        }),
        ..Announce::default()
    };
    assert_eq!(site.announce.as_deref(), Some(&wanted));
    let of_vip = GOOD.replacen(
        "pool = \"web4\"",
        "pool = \"web4\"\nannounce = \"never\"\nprefix = \"192.0.2.0/24\"\nmin_healthy = \"50%\"",
        1,
    );
    let vip = parse(&of_vip, "site.toml").unwrap().vips.remove(0);
    assert_eq!((vip.announce, vip.prefix), (AnnouncePolicy::Never, Some("192.0.2.0/24".parse().unwrap())));
    assert_eq!(vip.min_healthy, Some(MinHealthy::Share(crate::model::Percent::of(50))));
}

#[test]
fn what_cannot_be_announced_is_refused() {
    for (lines, message) in [
        ("[announce]", "announce: no routing daemon is named: add one of `[announce.bird]`"),
        ("[announce.bird]\n[announce.frr]", "announce: `bird`, `frr` are several"),
        ("[announce.bird]\nprotocol = \"vips\"", "announce.bird.protocol: `vips` has no {vip}"),
        ("[announce.bird]\nsocket = \"bird.ctl\"", "announce.bird.socket: `bird.ctl` depends on where"),
        (
            "[announce.bird]\ninclude = \"/x\"\nprotocol = \"x_{vip}\"",
            "announce.bird.include: with a generated",
        ),
        (
            "[announce.bird]\nshutdown_protocol = \"anycast_{vip}\"",
            "announce.bird.shutdown_protocol: it is the same",
        ),
        ("[announce.exabgp]\n[announce.shutdown]\nprepend = 2", "announce.asn: prepending needs the number"),
        ("[announce.gobgp]\nendpoint = \"localhost\"", "announce.gobgp.endpoint: `localhost` is no endpoint"),
        (
            "[announce.kernel]\nmode = \"address\"\nshutdown_metric = 1",
            "announce.kernel.shutdown_metric: an address",
        ),
        ("[announce]\nlease = \"1s\"\nbird = {}", "announce.lease: 1s is out of range: give 5s to 1h"),
        (
            "[announce]\nhold_up = \"1m\"\nhold_up_max = \"5s\"\nbird = {}",
            "announce.hold_up_max: 5s is out of range",
        ),
    ] {
        let error = with(lines).unwrap_err().to_string();
        assert!(error.contains(message), "{lines}: {error}");
    }
    for (key, message) in [
        (
            "prefix = \"192.0.2.1/24\"",
            "vip[0].prefix: `192.0.2.1/24` has bits behind its length: write 192.0.2.0/24",
        ),
        ("prefix = \"10.0.0.0/8\"", "vip[0].prefix: 192.0.2.1 is not in 10.0.0.0/8"),
        ("prefix = \"192.0.2.0\"", "vip[0].prefix: `192.0.2.0` is no prefix"),
        ("announce = \"always\"", "vip[0].announce: the site announces nothing"),
        ("announce = \"yes\"", "vip[0].announce: `yes` is not one of"),
    ] {
        let text = GOOD.replacen("pool = \"web4\"", &format!("pool = \"web4\"\n{key}"), 1);
        let error = parse(&text, "site.toml").unwrap_err().to_string();
        assert!(error.contains(message), "{key}: {error}");
    }
}
