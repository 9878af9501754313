//! With a file that the driver writes.

use std::fs;

use anycast_ctl::announce::driver::Level::{Announced, ShuttingDown, Withdrawn};

use crate::harness::{Lab, Way, both, bring, eventually, wanted, with_more};

const V4: &str = "192.0.2.1/32";
const V6: &str = "2001:db8::1/128";
const FILE: &str = "bird-vips.conf";

#[tokio::test]
async fn each_level_is_what_the_router_hears() {
    let lab = Lab::new(Way::Include);
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Withdrawn)).await;
    bring(&mut driver, &both(Announced)).await;
    for prefix in [V4, V6] {
        lab.gains(prefix, "BGP.as_path: 65001\n");
    }
    let before = lab.withdrawals();
    bring(&mut driver, &both(ShuttingDown)).await;
    for prefix in [V4, V6] {
        lab.gains(prefix, "BGP.community: (65535,0)");
        let received = lab.received(prefix).unwrap();
        assert!(received.contains("BGP.med: 77"), "{received}");
        assert!(received.contains("BGP.as_path: 65001 65001 65001\n"), "{received}");
    }
    bring(&mut driver, &both(Announced)).await;
    eventually("all of it is gone", || {
        let plain =
            |prefix: &&str| lab.received(prefix).is_some_and(|text| text.contains("BGP.as_path: 65001\n"));
        [V4, V6].iter().all(plain)
    });
    assert_eq!(lab.withdrawals(), before, "a change of the level is no withdrawal");
    bring(&mut driver, &both(Withdrawn)).await;
    for prefix in [V4, V6] {
        lab.loses(prefix);
    }
}

#[tokio::test]
async fn another_vip_leaves_the_others_alone() {
    let lab = Lab::new(Way::Include);
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    lab.gains(V4, "");
    let before = lab.withdrawals();
    let mut routes = both(Announced);
    routes.extend(wanted(&[("dns", "192.0.2.53/32", Announced)]));
    bring(&mut driver, &routes).await;
    lab.gains("192.0.2.53/32", "");
    assert_eq!(lab.withdrawals(), before);
    // Another prefix for one, and another goes for good.
    let routes = wanted(&[("web", V4, Announced), ("dns", "192.0.2.52/31", Announced)]);
    bring(&mut driver, &routes).await;
    lab.gains("192.0.2.52/31", "");
    lab.loses("192.0.2.53/32");
    lab.loses(V6);
    assert!(!fs::read_to_string(lab.directory.path().join(FILE)).unwrap().contains("web6"));
}

#[tokio::test]
async fn a_configuration_read_again_changes_nothing() {
    let lab = Lab::new(Way::Include);
    let mut driver = lab.connect().await;
    bring(&mut driver, &wanted(&[("web", V4, Announced), ("web6", V6, Withdrawn)])).await;
    bring(&mut driver, &wanted(&[("web", V4, Withdrawn), ("web6", V6, Announced)])).await;
    lab.gains(V6, "");
    lab.loses(V4);
    let before = lab.withdrawals();
    lab.edge.ask("configure");
    lab.edge.ask("configure");
    assert_eq!(lab.withdrawals(), before);
    assert!(lab.received(V4).is_none());
}

#[tokio::test]
async fn what_an_earlier_run_left_is_withdrawn_and_nothing_else() {
    let other = "protocol static anycast_others { ipv4; route 198.51.100.0/24 blackhole; }";
    let lab = Lab::with(Way::Include, |config| with_more(config, other));
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    for prefix in [V4, V6, "198.51.100.0/24"] {
        lab.gains(prefix, "");
    }
    drop(driver);
    let mut driver = lab.connect().await;
    bring(&mut driver, &wanted(&[("web6", V6, Announced)])).await;
    lab.loses(V4);
    assert!(lab.received(V6).is_some());
    assert!(lab.received("198.51.100.0/24").is_some());
}

#[tokio::test]
async fn withdrawing_works_while_the_configuration_is_broken() {
    let lab = Lab::new(Way::Include);
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    lab.gains(V4, "");
    let config = fs::read_to_string(&lab.edge.config).unwrap();
    fs::write(&lab.edge.config, format!("{config}\nhalf a line")).unwrap();
    let routes =
        wanted(&[("web", V4, Withdrawn), ("web6", V6, ShuttingDown), ("dns", "192.0.2.53/32", Announced)]);
    let failures = driver.bring(&routes).await.unwrap();
    lab.loses(V4);
    lab.gains(V6, "BGP.community: (65535,0)");
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["dns"]);
    assert!(failures["dns"].starts_with("BIRD refuses its configuration with "), "{failures:?}");
    assert!(
        failures["dns"].contains("edge.conf:") && failures["dns"].contains("syntax error"),
        "{failures:?}"
    );
    let file = fs::read_to_string(lab.directory.path().join(FILE)).unwrap();
    assert!(!file.contains("dns"), "{file}");
    assert!(file.contains("protocol static anycast_web {\n  disabled yes;"), "{file}");
    assert!(file.contains("protocol static leaving_web6 {\n  disabled no;"), "{file}");
    // The watchdog of a daemon that died meanwhile.
    let mut watchdog = lab.connect().await;
    let nothing = routes
        .iter()
        .map(|(vip, route)| {
            (vip.clone(), anycast_ctl::announce::driver::Route { level: Withdrawn, ..route.clone() })
        })
        .collect();
    bring(&mut watchdog, &nothing).await;
    lab.loses(V6);
    drop(watchdog);
    // Mended.
    fs::write(&lab.edge.config, config).unwrap();
    driver.look(&routes).await.unwrap();
    bring(&mut driver, &routes).await;
    lab.gains("192.0.2.53/32", "");
    lab.gains(V6, "BGP.community: (65535,0)");
}

#[tokio::test]
async fn a_name_that_the_operator_has_is_refused_and_the_file_is_put_back() {
    let other = "protocol static anycast_web { ipv4; route 198.51.100.0/24 blackhole; }";
    let lab = Lab::with(Way::Include, |config| with_more(config, other));
    let mut driver = lab.connect().await;
    let failures = driver.bring(&both(Announced)).await.unwrap();
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(failures["web"].contains("anycast_web"), "{failures:?}");
    assert!(!lab.directory.path().join(FILE).exists());
    assert!(lab.edge.ask("configure check").contains("0020"));
}

#[tokio::test]
async fn a_file_that_is_not_included_is_told() {
    let lab = Lab::with(Way::Include, |config| config.replace("bird-vips*.conf", "something-else*.conf"));
    let mut driver = lab.connect().await;
    let failures = driver.bring(&both(Announced)).await.unwrap();
    let file = lab.directory.path().join(FILE);
    let file = file.display();
    let text = format!("BIRD's configuration does not include {file}: add `include \"{file}\";` to it");
    assert_eq!((&failures["web"], &failures["web6"]), (&text, &text));
    lab.edge.edit("something-else*.conf", "bird-vips*.conf");
    bring(&mut driver, &both(Announced)).await;
    lab.gains(V4, "");
}

#[tokio::test]
async fn a_file_that_was_changed_by_hand_is_written_again() {
    let lab = Lab::new(Way::Include);
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    let file = lab.directory.path().join(FILE);
    let written = fs::read_to_string(&file).unwrap();
    fs::write(&file, "").unwrap();
    lab.edge.ask("configure");
    lab.loses(V4);
    driver.look(&both(Announced)).await.unwrap();
    bring(&mut driver, &both(Announced)).await;
    lab.gains(V4, "");
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_told() {
    let mut lab = Lab::new(Way::Include);
    lab.announce.bird.as_mut().unwrap().include = Some("/nonexistent/bird-vips.conf".into());
    let mut driver = lab.connect().await;
    let error = driver.bring(&both(Announced)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "writing /nonexistent/bird-vips.conf: no such file or directory (os error 2): [announce.bird] include must be in a \
         directory that this daemon may write to"
    );
}
