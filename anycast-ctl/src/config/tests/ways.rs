use super::*;

#[test]
fn ways_to_backends_and_answers() {
    let text = GOOD
        .replacen(
            "[[pool]]",
            "icmp.too_big_per_second = 0\n[tunnel]\nsource = [\"192.0.2.10\", \"2001:db8::10\"]\nttl = 255\ngue_port = 1\n\
             vlan = 4094\n[[pool]]",
            1,
        )
        .replacen("name = \"web4\"", "name = \"web4\"\ndelivery = \"gue\"", 1)
        .replacen("weight = 2", "delivery = \"local\"", 1)
        .replacen("pool = \"web4\"", "pool = \"web4\"\necho = false", 1);
    let site = parse(&text, "site.toml").unwrap();
    assert_eq!((site.icmp.too_big_per_second, site.vips[0].echo), (0, false));
    assert_eq!(
        site.tunnel,
        TunnelSettings {
            sources: vec!["192.0.2.10".parse().unwrap(), "2001:db8::10".parse().unwrap()],
            ttl: 255,
            gue_port: 1,
            vlan: VlanTags::Set(4094),
        }
    );
    let pool = &site.pools[0];
    let deliveries: Vec<Delivery> = pool.backends.iter().map(|backend| pool.delivery_of(backend)).collect();
    assert_eq!(deliveries, [Delivery::Local, Delivery::Gue]);
}

#[test]
fn ways_that_cannot_be() {
    for (line, message) in [
        ("[tunnel]\nvlan = 5000", "3:8: tunnel.vlan: `5000` is out of range: give 1 to 4094"),
        (
            "[tunnel]\nvlan = \"none\"",
            "3:8: tunnel.vlan: `none` is neither \"strip\" nor \"keep\" nor the number of a VLAN",
        ),
        (
            "[tunnel]\nvlan = true",
            "3:8: tunnel.vlan: is true or false: give \"strip\", \"keep\" or a number from 1 to 4094",
        ),
        ("[tunnel]\nttl = 0", "3:7: tunnel.ttl: `0` is out of range: give 1 to 255"),
        ("[tunnel]\nttl = 256", "3:7: tunnel.ttl: `256` is out of range: give 1 to 255"),
        ("[tunnel]\ngue_port = 65536", "3:12: tunnel.gue_port: `65536` is out of range: give 1 to 65535"),
        (
            "[tunnel]\nsource = [\"192.0.2.10\", \"192.0.2.11\"]",
            "3:25: tunnel.source[1]: 192.0.2.11 is not the first IPv4 address: give one of each family at most",
        ),
        ("[tunnel]\nsource = \"192.0.2.10\"", "3:10: tunnel.source: is a string: give a list in [ ]"),
        (
            "[tunnel]\nsources = []",
            "3:1: tunnel: unknown key `sources`: did you mean `source`? here can be `gue_port`, `source`, `ttl`, `vlan`",
        ),
        (
            "[icmp]\ntoo_big_per_second = -1",
            "3:22: icmp.too_big_per_second: `-1` is out of range: give 0 to 4294967295",
        ),
        ("[icmp]\nrate = 1", "3:1: icmp: unknown key `rate`: here can be `too_big_per_second`"),
    ] {
        assert_eq!(broken("[[pool]]", &format!("{line}\n[[pool]]")), format!("site.toml:{message}"));
    }
    let rule = "`foo` is not one of \"l2\", \"ipip\", \"gue\" and \"local\"";
    assert_eq!(
        broken("[[pool.backend]]", "delivery = \"foo\"\n[[pool.backend]]"),
        format!("site.toml:4:12: pool[0].delivery: {rule}")
    );
    assert_eq!(
        broken("weight = 2", "delivery = \"foo\""),
        format!("site.toml:7:12: pool[0].backend[0].delivery: {rule}")
    );
    assert_eq!(
        broken("[[vip]]", "[[vip]]\necho = \"no\""),
        "site.toml:12:8: vip[0].echo: is a string: give true or false without quotes"
    );
}
