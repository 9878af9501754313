use super::*;

#[test]
fn nodes_hashes_and_states() {
    let text = GOOD
        .replacen("[[pool]]", "node = \"edge-1\"\n[maps]\nvips = 100\n[[pool]]", 1)
        .replacen(
            "name = \"web4\"",
            "name = \"web4\"\nhash = \"source-address\"\nseed = \"00000000000000ff\"",
            1,
        )
        .replacen("weight = 2", "state = \"draining\"\ndrain_until = 2026-11-21 19:00:00+01:00", 1)
        .replacen("\"10.0.0.12\"", "\"10.0.0.12\"\nstate = \"disabled\"", 1);
    let site = parse(&text, "site.toml").unwrap();
    assert_eq!((site.node.as_deref(), site.maps.vips), (Some("edge-1"), Some(100)));
    let pool = &site.pools[0];
    assert_eq!((pool.hash, pool.seed), (HashPolicy::SourceAddress, Some(Seed::new(255))));
    let states: Vec<_> = pool.backends.iter().map(|it| (it.state, it.drain_until)).collect();
    let until = "2026-11-21T18:00:00Z".parse().ok();
    assert_eq!(states, [(AdminState::Draining, until), (AdminState::Disabled, None)]);
}

#[test]
fn hashes_and_states_that_cannot_be() {
    for (line, message) in [
        (
            "hash = \"4-tuple\"",
            "4:8: pool[0].hash: `4-tuple` is not one of \"5-tuple\", \"source-address\" and \"source-and-destination\"",
        ),
        (
            "hash = 5",
            "4:8: pool[0].hash: is a number: give \"5-tuple\", \"source-address\" or \"source-and-destination\" in \
             quotes",
        ),
        (
            "hsah = \"5-tuple\"",
            "4:1: pool[0]: unknown key `hsah`: did you mean `hash`? here can be `backend`, `check`, \
             `delivery`, `feedback`, `hash`, `idle_timeout`, `min_healthy`, `name`, `on_down`, `on_empty` and 7 more",
        ),
        (
            "seed = \"5ec2e7\"",
            "4:8: pool[0].seed: give exactly 16 hexadecimal digits in quotes, as `openssl rand -hex 8` prints them",
        ),
    ] {
        assert_eq!(
            broken("[[pool.backend]]", &format!("{line}\n[[pool.backend]]")),
            format!("site.toml:{message}")
        );
    }
    for (line, message) in [
        (
            "state = \"down\"",
            "7:9: pool[0].backend[0].state: `down` is not one of \"active\", \"draining\" and \"disabled\"",
        ),
        (
            "drain_until = \"2026-11-21T18:00:00Z\"",
            "7:15: pool[0].backend[0].drain_until: is a string: give a date and time with its offset from UTC and \
             without quotes, as 2026-11-21T18:00:00Z",
        ),
        (
            "drain_until = tomorrow",
            "7:15: drain_until: `tomorrow` is no time: give a date and time with its offset from UTC and without \
             quotes, as 2026-11-21T18:00:00Z",
        ),
        (
            "state = \"draining\"\ndrain_until = 2026-11-21T18:00:00",
            "8:15: pool[0].backend[0].drain_until: `2026-11-21T18:00:00` is no time: write it to the second and with \
             its offset from UTC, as 2026-11-21T18:00:00Z",
        ),
        (
            "drain_until = 2026-11-21T18:00:00Z",
            "7:15: pool[0].backend[0].drain_until: the backend is active, not draining: add state = \"draining\", or \
             remove drain_until",
        ),
        (
            "drain_untl = 2026-11-21T18:00:00Z",
            "7:1: pool[0].backend[0]: unknown key `drain_untl`: did you mean `drain_until`? here can be `address`, \
             `backup`, `check`, `delivery`, `drain_until`, `name`, `state`, `weight`, `when_drained`",
        ),
    ] {
        assert_eq!(broken("weight = 2", line), format!("site.toml:{message}"));
    }
    let rule = "use 1 to 63 letters, digits, `.`, `_` and `-`, beginning with a letter or digit";
    for (line, message) in [
        ("node = \"\"", format!("2:8: node: `` is no name: {rule}")),
        ("[maps]\nvips = 0", "3:8: maps.vips: 0 VIPs are out of range: give 1 to 1024".to_owned()),
        (
            "nodes = \"a\"",
            "2:1: unknown key `nodes`: did you mean `node`? here can be `announce`, `icmp`, `interfaces`, `maps`, \
         `node`, `pool`, `seed`, `tunnel`, `vip`"
                .to_owned(),
        ),
    ] {
        assert_eq!(broken("[[pool]]", &format!("{line}\n[[pool]]")), format!("site.toml:{message}"));
    }
}
