//! Announcements, by the command line.

use anycast_ctl::{
    announce::{machine::Phase, orders::Hand},
    api::types::{AnnounceStatus, VipAnnouncement},
};

use super::{ask, complaint, daemon::Daemon, stdout};

fn list(daemon: &Daemon) -> AnnounceStatus {
    serde_json::from_str(&stdout(&ask(daemon, "announce list --json"))).unwrap()
}

fn show(daemon: &Daemon) -> VipAnnouncement {
    serde_json::from_str(&stdout(&ask(daemon, "announce show www --json"))).unwrap()
}

#[test]
fn the_list_has_the_daemon_its_peers_and_every_vip() {
    let daemon = Daemon::start();
    let text = stdout(&ask(&daemon, "announce list"));
    assert_eq!(
        text,
        "Announcements: 1 of 1 VIPs are announced.\n\nBIRD 2.0.12, driven for 1m 1s\nLease of 30s, watched.\n  PEER     \
         ADDRESS          AS  STATE        SINCE\n  transit  198.51.100.1  64512  Established  12:00:00\n\nVIP  PREFIX        \
         STATE      SINCE  WELL  TOLD TO  WHY\nwww  192.0.2.1/32  announced  1m 0s   2/2  transit  it can be served\n"
    );
    assert!(!list(&daemon).alarm);
}

#[test]
fn a_vip_is_withdrawn_and_announced_by_hand_and_by_its_health_again() {
    let daemon = Daemon::start();
    let text = stdout(&ask(&daemon, "announce withdraw www --at-once --for 1h"));
    assert!(text.starts_with("VIP www (192.0.2.1/32): withdrawn, by hand; withdrawn at once by "), "{text}");
    let vip = show(&daemon);
    assert_eq!((vip.phase, vip.by_hand.unwrap().what), (Phase::Withdrawn, Hand::WithdrawAtOnce));
    assert_eq!(vip.history.len(), 2);
    let text = stdout(&ask(&daemon, "announce show www"));
    for part in ["withdrawn for", "by hand", "told to: -", "it can be served"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    stdout(&ask(&daemon, "announce auto www"));
    let vip = show(&daemon);
    assert_eq!((vip.phase, vip.by_hand), (Phase::Announced, None));
    stdout(&ask(&daemon, "announce now www"));
    assert_eq!(show(&daemon).by_hand.unwrap().until, None);
}

#[test]
fn what_cannot_be_announced_is_complained_about() {
    let daemon = Daemon::start();
    for (words, part) in [
        ("announce now ww", "announce VIP ww: no VIP is called `ww`: there is `www`"),
        ("announce show ww", "show the announcement of VIP ww: no VIP is called `ww`: did you mean `www`?"),
        ("announce release", "release the routes: a daemon runs on"),
    ] {
        let text = complaint(&ask(&daemon, words));
        assert!(text.contains(part), "{text}");
    }
    for words in
        ["announce now", "announce now www --for 0s", "announce withdraw www --for x", "site drain --wait=0"]
    {
        assert_eq!(ask(&daemon, words).status.code(), Some(2), "{words}");
    }
}

#[test]
fn a_site_is_drained_waited_for_and_taken_back() {
    let daemon = Daemon::start();
    let text = complaint_after(&daemon, "site drain --deadline 10m --wait=1");
    assert!(text.contains("still announced after 1 s") && text.contains("site undrain"), "{text}");
    let status = list(&daemon);
    assert!(status.maintenance.is_some_and(|maintenance| maintenance.until.is_some()));
    assert_eq!(status.vips[0].phase, Phase::ShuttingDown);
    assert_eq!(
        stdout(&ask(&daemon, "site undrain")),
        "the site is in service again: 1 of 1 VIPs are announced\n"
    );
    assert_eq!(list(&daemon).vips[0].phase, Phase::Announced);
}

/// The last line of stderr of a command that fails after it has said something.
fn complaint_after(daemon: &Daemon, words: &str) -> String {
    let output = ask(daemon, words);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap().lines().last().unwrap().to_owned()
}
