//! Routing daemons that are not there, hang, or are touched by others: nothing is half announced and nobody knows.

use anycast_ctl::announce::machine::Phase;
use xtask::lab::{Family, sites::edges};

use crate::{
    announcing::{POOL, QUICK, announcements, announcing, moves_since, wait_for, wait_for_phase},
    harness::{A, B, SOON},
};

#[test]
fn a_routing_daemon_that_is_gone_is_an_alarm_and_is_brought_back_to_what_is_wanted() {
    let (mut sites, _receivers) = announcing(QUICK);
    sites.stop_bird("a1").unwrap();
    wait_for(&sites, &["a1"], |status| {
        let error = status.daemon.as_ref().and_then(|daemon| daemon.error.clone()).unwrap_or_default();
        status.alarm && error.contains("bird.ctl") && status.vips.iter().all(|vip| vip.trouble.is_some())
    });
    sites.wait_for_routes(&edges(&["a2"]), SOON).unwrap();
    let text = sites.ctl("a1", &["status"]).unwrap();
    assert!(text.contains("ATTENTION: ") && text.contains("the routing daemon cannot be driven"), "{text}");
    let text = sites.ctl("a1", &["announce", "list"]).unwrap();
    assert!(text.starts_with("ALARM: ") && text.contains("not driven for"), "{text}");
    sites.start_bird("a1", None).unwrap();
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    wait_for(&sites, &["a1"], |status| !status.alarm);
    let text = sites.ctl("a1", &["status"]).unwrap();
    assert!(text.contains("2 of 2 VIPs are announced"), "{text}");
}

#[test]
fn what_somebody_changes_by_hand_is_put_right() {
    let (sites, _receivers) = announcing(QUICK);
    for vip in Family::ALL.map(Family::vip_name) {
        sites.birdc("a1", &format!("disable anycast_{vip}")).unwrap();
    }
    sites.wait_for_routes(&edges(&["a2"]), SOON).unwrap();
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    wait_for(&sites, &["a1"], |status| !status.alarm);
}

#[test]
fn a_vip_that_the_routing_daemon_does_not_know_is_named_and_the_others_are_announced() {
    let (sites, _receivers) = announcing(QUICK);
    sites.ctl("a1", &["vip", "add", "shop", "192.0.2.2", "--pool", "web4", "--service", "tcp/80"]).unwrap();
    wait_for(&sites, &["a1"], |status| {
        let shop = status.vips.iter().find(|vip| vip.name == "shop");
        status.alarm && shop.and_then(|vip| vip.trouble.clone()).is_some_and(|it| it.contains("anycast_shop"))
    });
    let others = announcements(&sites, "a1");
    assert!(others.vips.iter().filter(|vip| vip.name != "shop").all(|vip| vip.trouble.is_none()));
    sites.ctl("a1", &["vip", "set", "shop", "--announce", "never"]).unwrap();
    wait_for(&sites, &["a1"], |status| !status.alarm);
}

#[test]
fn a_hand_decides_until_it_is_taken_back() {
    let (sites, _receivers) = announcing(QUICK);
    for edge in A {
        sites.ctl(edge, &["announce", "withdraw", "www4"]).unwrap();
        sites.ctl(edge, &["announce", "withdraw", "www6", "--at-once", "--for", "1h"]).unwrap();
    }
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
    wait_for_phase(&sites, &A, Phase::Withdrawn);
    for edge in A {
        sites.ctl(edge, &["announce", "auto", "www4"]).unwrap();
        sites.ctl(edge, &["announce", "now", "www6", "--for", "2s"]).unwrap();
    }
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    wait_for(&sites, &A, |status| {
        status.vips.iter().all(|vip| {
            vip.phase == Phase::Announced && vip.by_hand.as_ref().is_none_or(|hand| hand.until.is_some())
        })
    });
}

#[test]
fn other_settings_are_taken_without_a_gap_and_no_announcement_at_all_withdraws() {
    let (sites, _receivers) = announcing(QUICK);
    let start = std::time::Instant::now();
    for edge in A {
        let file = sites.directory().join(format!("{edge}-other.toml"));
        let site = sites.site_with_backups(edge, POOL).unwrap();
        let other = site.clone()
            + &sites.announce(edge, "hold_up = \"1s\"\nshutdown = { med = 7, wait = \"3s\" }").unwrap();
        std::fs::write(&file, other).unwrap();
        sites.ctl(edge, &["apply", "-f", file.to_str().unwrap(), "--wait"]).unwrap();
        wait_for(&sites, &[edge], |status| {
            !status.alarm && status.daemon.as_ref().is_some_and(|it| it.connected)
        });
    }
    assert_eq!(moves_since(&sites, start), 0, "{:#?}", sites.watch().changes());
    for edge in A {
        let file = sites.directory().join(format!("{edge}-none.toml"));
        std::fs::write(&file, sites.site_with_backups(edge, POOL).unwrap()).unwrap();
        sites.ctl(edge, &["apply", "-f", file.to_str().unwrap(), "--wait"]).unwrap();
    }
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
    let refused = sites.ctl("a1", &["announce", "now", "www4"]).unwrap_err();
    assert!(format!("{refused:#}").contains("nobody's to announce"), "{refused:#}");
}
