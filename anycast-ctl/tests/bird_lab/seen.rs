//! What a look shows.

use anycast_ctl::announce::driver::{
    Level::{Announced, ShuttingDown, Withdrawn},
    SeenRoute,
};

use crate::harness::{Lab, Way, both, bring, eventually, trouble, wanted, with_more};

const V4: &str = "192.0.2.1/32";

#[tokio::test]
async fn routes_and_peers_are_seen_as_they_are() {
    for way in [Way::Protocols, Way::Include] {
        let lab = Lab::new(way);
        let mut driver = lab.connect().await;
        for level in [Announced, ShuttingDown] {
            bring(&mut driver, &both(level)).await;
            lab.gains(V4, "");
            let seen = driver.look(&both(level)).await.unwrap();
            assert_eq!(seen.daemon, "BIRD 2.0.12");
            let to =
                |peer: &str| SeenRoute { level, exported_to: Some(vec![peer.to_owned()]), trouble: None };
            assert_eq!(seen.routes["web"], to("router4"));
            assert_eq!(seen.routes["web6"], to("router6"));
            let peer = &seen.peers[1];
            assert_eq!((peer.name.as_str(), peer.address), ("router6", Some("fd09::2".parse().unwrap())));
            assert_eq!((peer.asn, peer.established, peer.state.as_str()), (Some(65002), true, "Established"));
            assert_eq!(peer.error, None);
        }
        bring(&mut driver, &both(Withdrawn)).await;
        assert!(driver.look(&both(Withdrawn)).await.unwrap().routes.is_empty());
    }
}

#[tokio::test]
async fn a_protocol_disabled_by_hand_shows_and_is_put_right() {
    for way in [Way::Protocols, Way::Include] {
        let lab = Lab::new(way);
        let mut driver = lab.connect().await;
        bring(&mut driver, &both(Announced)).await;
        lab.gains(V4, "");
        lab.edge.ask("disable anycast_web");
        lab.edge.ask("enable leaving_web6");
        lab.loses(V4);
        let seen = driver.look(&both(Announced)).await.unwrap();
        assert!(!seen.routes.contains_key("web"), "{seen:?}");
        assert_eq!(trouble(&seen, "web6"), "protocols `anycast_web6`, `leaving_web6` are both enabled");
        bring(&mut driver, &both(Announced)).await;
        lab.gains(V4, "");
        let seen = driver.look(&both(Announced)).await.unwrap();
        assert_eq!((trouble(&seen, "web"), trouble(&seen, "web6")), ("", ""));
    }
}

#[tokio::test]
async fn a_configuration_read_again_shows_and_is_put_right() {
    let lab = Lab::new(Way::Protocols);
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    lab.gains(V4, "");
    lab.edge.ask("configure");
    lab.loses(V4);
    assert!(driver.look(&both(Announced)).await.unwrap().routes.is_empty());
    bring(&mut driver, &both(Announced)).await;
    lab.gains(V4, "");
}

#[tokio::test]
async fn a_route_that_nobody_is_told_is_in_trouble() {
    let lab = Lab::with(Way::Protocols, |config| {
        config.replace("proto ~ \"anycast_*\"", "proto = \"anycast_web6\"")
    });
    let mut driver = lab.connect().await;
    let routes = both(Announced);
    bring(&mut driver, &routes).await;
    lab.gains("2001:db8::1/128", "");
    let seen = driver.look(&routes).await.unwrap();
    assert_eq!((seen.routes["web"].level, &seen.routes["web"].exported_to), (Announced, &Some(vec![])));
    assert_eq!(
        trouble(&seen, "web"),
        "nobody is told: the channels and export filters of `router4`, `router6` must let the routes of protocol \
         `anycast_web` pass"
    );
    lab.router.ask("disable all");
    eventually("the sessions have ended", || !lab.edge.ask("show protocols").contains("Established"));
    let seen = driver.look(&routes).await.unwrap();
    assert_eq!(
        trouble(&seen, "web6"),
        "nobody is told: no BGP session is established, of `router4`, `router6`"
    );
    assert!(seen.peers.iter().all(|peer| !peer.established && peer.error.is_some()), "{seen:?}");
}

#[tokio::test]
async fn a_protocol_with_another_prefix_is_in_trouble() {
    let lab = Lab::new(Way::Protocols);
    let mut driver = lab.connect().await;
    let routes = wanted(&[("web", "192.0.2.0/24", Announced)]);
    bring(&mut driver, &routes).await;
    let seen = driver.look(&routes).await.unwrap();
    assert_eq!(
        trouble(&seen, "web"),
        "protocol `anycast_web` is enabled, but has no route 192.0.2.0/24: add `route 192.0.2.0/24 blackhole;` to it"
    );
    assert_eq!(seen.routes["web"].exported_to, Some(vec![]));
}

#[tokio::test]
async fn a_preferred_route_of_another_protocol_is_named() {
    let other = "protocol static others { ipv4 { preference 300; }; route 192.0.2.1/32 unreachable; }";
    let lab = Lab::with(Way::Protocols, |config| with_more(config, other));
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    let seen = driver.look(&both(Announced)).await.unwrap();
    assert_eq!(
        trouble(&seen, "web"),
        "BIRD prefers the route 192.0.2.1/32 of protocol `others` to that of `anycast_web`: give `anycast_web` a higher \
         preference"
    );
}

#[tokio::test]
async fn a_route_without_the_community_is_in_trouble() {
    let lab = Lab::with(Way::Protocols, |config| config.replace("bgp_community.add((65535,0)); ", ""));
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(ShuttingDown)).await;
    lab.gains(V4, "");
    let seen = driver.look(&both(ShuttingDown)).await.unwrap();
    assert!(
        trouble(&seen, "web").starts_with("the route of protocol `leaving_web` lacks the community 65535:0")
    );
}
