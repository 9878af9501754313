//! With protocols of the operator's.

use anycast_ctl::announce::driver::Level::{Announced, ShuttingDown, Withdrawn};

use crate::harness::{Lab, Way, both, bring, eventually, trouble, wanted, with_more};

const V4: &str = "192.0.2.1/32";
const V6: &str = "2001:db8::1/128";

#[tokio::test]
async fn each_level_is_what_the_router_hears() {
    let lab = Lab::new(Way::Protocols);
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Withdrawn)).await;
    bring(&mut driver, &both(Announced)).await;
    for prefix in [V4, V6] {
        lab.gains(prefix, "BGP.as_path: 65001");
        assert!(!lab.received(prefix).unwrap().contains("BGP.community"));
    }
    let before = lab.withdrawals();
    bring(&mut driver, &both(ShuttingDown)).await;
    for prefix in [V4, V6] {
        lab.gains(prefix, "BGP.community: (65535,0)");
    }
    bring(&mut driver, &both(Announced)).await;
    eventually("the community is gone", || {
        [V4, V6].iter().all(|prefix| !lab.received(prefix).unwrap().contains("BGP.community"))
    });
    assert_eq!(lab.withdrawals(), before, "a change of the level is no withdrawal");
    bring(&mut driver, &both(ShuttingDown)).await;
    bring(&mut driver, &both(Withdrawn)).await;
    for prefix in [V4, V6] {
        lab.loses(prefix);
    }
}

#[tokio::test]
async fn without_a_second_protocol_routes_go_at_once() {
    let mut lab = Lab::new(Way::Protocols);
    lab.announce.bird.as_mut().unwrap().shutdown_protocol = None;
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    lab.gains(V4, "");
    bring(&mut driver, &both(ShuttingDown)).await;
    lab.loses(V4);
    lab.loses(V6);
}

#[tokio::test]
async fn a_protocol_that_does_not_exist_is_named() {
    let lab = Lab::new(Way::Protocols);
    let mut driver = lab.connect().await;
    let mut routes = both(Announced);
    routes.extend(wanted(&[("dns-6.eu", "2001:db8::53/128", Announced)]));
    let failures = driver.bring(&routes).await.unwrap();
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["dns-6.eu"]);
    let advice = "protocol static anycast_dns_6_eu { disabled; ipv6; route 2001:db8::53/128 blackhole; }";
    assert_eq!(
        failures["dns-6.eu"],
        format!(
            "BIRD has no protocol `anycast_dns_6_eu` for VIP `dns-6.eu`: add `{advice}` to its configuration, and have it \
             read by `birdc configure`"
        )
    );
    let seen = driver.look(&routes).await.unwrap();
    assert!(trouble(&seen, "dns-6.eu").contains("BIRD has no protocol `leaving_dns_6_eu`"), "{seen:?}");
    // As advised.
    lab.edge.edit("\nfilter vips", &format!("\n{advice}\nfilter vips"));
    driver.look(&routes).await.unwrap();
    bring(&mut driver, &routes).await;
    lab.gains("2001:db8::53/128", "");
}

#[tokio::test]
async fn a_vip_that_cannot_shut_down_stays_announced() {
    let lab = Lab::with(Way::Protocols, |config| config.replace("leaving_web ", "other_name "));
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    lab.gains(V4, "");
    let before = lab.withdrawals();
    let failures = driver.bring(&both(ShuttingDown)).await.unwrap();
    assert!(failures["web"].starts_with("BIRD has no protocol `leaving_web` for VIP `web`"), "{failures:?}");
    lab.gains(V6, "BGP.community: (65535,0)");
    assert!(lab.received(V4).is_some());
    assert_eq!(lab.withdrawals(), before);
    bring(&mut driver, &both(Withdrawn)).await;
    lab.loses(V4);
}

#[tokio::test]
async fn what_an_earlier_run_left_is_withdrawn_and_nothing_else() {
    let other = "protocol static others { ipv4; route 198.51.100.0/24 blackhole; }\n\
                 protocol static anycast_old { ipv4; route 192.0.2.77/32 blackhole; }";
    let lab = Lab::with(Way::Protocols, |config| {
        with_more(config, other).replace("~ \"leaving_*\"", "~ \"leaving_*\" || proto = \"others\"")
    });
    lab.gains("192.0.2.77/32", "");
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    drop(driver);
    for prefix in [V4, V6, "198.51.100.0/24"] {
        lab.gains(prefix, "");
    }
    let mut driver = lab.connect().await;
    bring(&mut driver, &wanted(&[("web6", V6, Announced)])).await;
    lab.loses(V4);
    lab.loses("192.0.2.77/32");
    assert!(lab.received(V6).is_some());
    assert!(lab.received("198.51.100.0/24").is_some());
}

#[tokio::test]
async fn a_second_process_withdraws_everything() {
    let lab = Lab::new(Way::Protocols);
    let mut daemon = lab.connect().await;
    bring(&mut daemon, &both(Announced)).await;
    lab.gains(V6, "");
    let mut watchdog = lab.connect().await;
    bring(&mut watchdog, &both(Withdrawn)).await;
    lab.loses(V4);
    lab.loses(V6);
    // The daemon was only held up.
    let seen = daemon.look(&both(Announced)).await.unwrap();
    assert!(seen.routes.is_empty(), "{seen:?}");
    bring(&mut daemon, &both(Announced)).await;
    lab.gains(V4, "");
}
