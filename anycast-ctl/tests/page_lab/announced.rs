//! The looking glass: what the routing daemon of a site has, and tells whom.

use anycast_ctl::{announce::machine::Phase, api::types::AnnounceStatus};
use xtask::lab::{Family, sites::SitesLab};

use crate::harness::{BINARY, assert_sound, cell, fact, go, look, rows, wait_for};

#[test]
fn announcements_show_with_peers_and_follow_a_hand() {
    let mut sites = SitesLab::start(None, Some(BINARY.into())).unwrap();
    let announce = sites.announce("a1", "hold_up = \"200ms\"\nquiet = \"1s\"").unwrap();
    let site = sites.site("a1", "").unwrap() + &announce;
    sites.start_daemon("a1", Some(&site), &["--xdp-mode", "native", "--http", "127.0.0.1:9750"]).unwrap();
    let status = || -> AnnounceStatus {
        serde_json::from_str(&sites.ctl("a1", &["announce", "list", "--json"]).unwrap()).unwrap()
    };
    let mut browser = look(sites.edge("a1").unwrap(), "#/announcements");
    wait_for("both VIPs are announced, and their routes told", || {
        status().vips.iter().all(|vip| {
            let told = vip.seen.as_ref().and_then(|seen| seen.exported_to.as_ref());
            vip.phase == Phase::Announced && told.is_some_and(|told| !told.is_empty())
        })
    });
    let known = status();
    let daemon = known.daemon.unwrap();
    assert!(daemon.connected && !daemon.peers.is_empty(), "{daemon:?}");
    let told = "[...document.querySelectorAll('#announced tbody tr')].every((row) => row.cells[7].textContent !== 'nobody')";
    browser.wait_for(told);
    for vip in &known.vips {
        let mut shown = |column| cell(&mut browser, "announced", &vip.name, column);
        assert_eq!(shown("Phase"), "announced");
        assert_eq!(shown("Prefix"), vip.prefix);
        assert_eq!(shown("Daemon has it"), "announced");
        assert_eq!(shown("Why"), vip.why);
        let exported = vip.seen.as_ref().unwrap().exported_to.as_ref().unwrap();
        assert_eq!(shown("Told to"), exported.join(", "));
    }
    assert_eq!(fact(&mut browser, "Driver"), daemon.driver);
    assert_eq!(rows(&mut browser, "peers").len(), 1 + daemon.peers.len());
    for peer in &daemon.peers {
        let mut shown = |column| cell(&mut browser, "peers", &peer.name, column);
        assert_eq!(shown("State"), peer.state);
        assert_eq!(shown("AS"), peer.asn.map(|asn| asn.to_string()).unwrap_or_default());
    }

    sites.ctl("a1", &["announce", "withdraw", "www4", "--at-once"]).unwrap();
    browser.wait_for("document.querySelector('#announced tbody tr').cells[2].textContent === 'withdrawn'");
    go(&mut browser, "#/");
    assert_eq!(cell(&mut browser, "vips", "www6", "Route"), "announced");
    browser.wait_for("document.querySelector('#vips tbody tr').textContent.includes('withdrawn')");
    go(&mut browser, &format!("#/vip/{}", Family::V4.vip_name()));
    browser.wait_for("document.querySelector('main').textContent.includes('By hand')");
    assert!(fact(&mut browser, "Phase").starts_with("withdrawn"));
    assert!(rows(&mut browser, "announcement-history").len() > 1);
    assert_sound(&mut browser);
}
