//! `receive check` on a machine where everything is right, and with each thing broken on purpose.

use anycast_ctl::{finding::State, receive::check::Report};

use crate::{
    harness::{Pair, stdout},
    traffic::{Server, Way, assert_answered},
};

const CHECK: &str = "check --interface eth0 --vip 192.0.2.1 --vip 2001:db8::1";

fn pair() -> Pair {
    let pair = Pair::new();
    stdout(&pair.backend.receive("--interface eth0 --from 10.0.0.0/24 --from fd00::/64"));
    pair
}

/// What is not as it must be: state, check, advice.
fn complaints(pair: &Pair, more: &str) -> Vec<(State, String, String)> {
    let output = pair.backend.receive(&format!("{CHECK} {more} --json"));
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.interface, "eth0");
    let failed = report.count(State::Fail) > 0;
    assert_eq!(output.status.code(), Some(i32::from(failed)), "{report:?}");
    let bad = report.findings.into_iter().filter(|finding| finding.state != State::Ok);
    bad.map(|finding| (finding.state, finding.check, finding.advice.unwrap())).collect()
}

#[test]
fn a_good_backend_passes() {
    let pair = pair();
    assert_eq!(complaints(&pair, ""), []);
    for delivery in ["l2", "ipip", "gue"] {
        assert_eq!(complaints(&pair, &format!("--delivery {delivery}")), []);
    }
    let page = stdout(&pair.backend.receive(CHECK));
    assert!(page.lines().all(|line| line.starts_with("ok    ")), "{page}");
    assert!(page.contains("\nok    vip           192.0.2.1/32 is on lo\n"), "{page}");
    stdout(&pair.backend.receive("stop --interface eth0"));
    assert_eq!(complaints(&pair, "--delivery l2"), []);
}

/// What is broken, by which command, what is found, and what the advice contains.
const BROKEN: &[(&str, &str, State, &str, &str)] = &[
    ("ip", "link set eth0 down", State::Fail, "interface", "ip link set dev eth0 up"),
    (
        "rm",
        "/sys/fs/bpf/anycast/receive/eth0/link",
        State::Fail,
        "program",
        "anycast-ctl receive --interface eth0 --from",
    ),
    ("ip", "addr del 192.0.2.1/32 dev lo", State::Fail, "vip", "ip address add 192.0.2.1/32 dev lo"),
    ("ip", "addr del 2001:db8::1/128 dev lo", State::Fail, "vip", "ip address add 2001:db8::1/128 dev lo"),
    ("sysctl", "-qw net.ipv4.conf.all.arp_ignore=0", State::Fail, "arp_ignore", "arp_ignore=1"),
    ("sysctl", "-qw net.ipv4.conf.all.arp_announce=0", State::Fail, "arp_announce", "arp_announce=2"),
    (
        "ip",
        "route replace default via 10.0.0.10",
        State::Warn,
        "mtu_ipv4",
        "ip route change default via 10.0.0.10 dev eth0 advmss 1412",
    ),
    (
        "ip",
        "-6 route replace default via fd00::10 advmss 1400",
        State::Warn,
        "mtu_ipv6",
        "ip -6 route change default via fd00::10 dev eth0 advmss 1392",
    ),
];

#[test]
fn each_broken_thing_is_found() {
    for (program, words, state, check, advice) in BROKEN {
        let pair = pair();
        pair.backend.run(program, words);
        let found = complaints(&pair, "");
        let [(found_state, found_check, found_advice), ..] = &found[..] else {
            panic!("{words}: nothing found")
        };
        assert_eq!((found_state, found_check.as_str()), (state, *check), "{words}: {found:?}");
        assert!(found_advice.contains(advice), "{words}: {found_advice}");
        // A link that is down takes its routes and IPv6 addresses along.
        assert!(found.len() == 1 || *check == "interface", "{words}: {found:?}");
    }
}

#[test]
fn advice_mends_what_it_was_given_for() {
    let pair = pair();
    for (program, words, _, check, _) in BROKEN.iter().filter(|row| matches!(row.0, "ip" | "sysctl")) {
        if *check == "interface" {
            continue;
        }
        pair.backend.run(program, words);
        let [(_, _, advice)] = &complaints(&pair, "")[..] else { panic!("{words}") };
        // What follows a comma is the other way to mend it.
        let command = advice.split(", or").next().unwrap();
        let (program, words) = command.split_once(' ').unwrap();
        pair.backend.run(program, words);
        assert_eq!(complaints(&pair, ""), [], "after {command}");
    }
}

#[test]
fn a_vip_that_neighbours_hear_of_is_found() {
    let pair = pair();
    let move_to = |words: &str| {
        for address in ["192.0.2.1/32", "2001:db8::1/128"] {
            pair.backend.run("ip", &format!("addr del {address} dev lo"));
        }
        pair.backend.run("ip", &format!("addr add 192.0.2.1/32 dev {words}"));
        pair.backend.run("ip", &format!("addr add 2001:db8::1/128 dev {words}"));
    };
    let named = |more: &str| -> Vec<_> {
        complaints(&pair, more).into_iter().map(|(state, check, _)| (state, check)).collect()
    };
    move_to("eth0 nodad");
    let vips = |state| [(state, "vip".to_owned()), (state, "vip".to_owned())];
    assert_eq!(named("--delivery l2"), vips(State::Fail));
    assert_eq!(named("--delivery gue"), vips(State::Warn));

    // On an interface besides, duplicate address detection may take it away: all backends have it.
    pair.backend.run("ip", "addr del 192.0.2.1/32 dev eth0");
    pair.backend.run("ip", "addr del 2001:db8::1/128 dev eth0");
    pair.backend.run("ip", "addr add 192.0.2.1/32 dev lo");
    pair.backend.run("ip", "link add name vips type veth peer name unused");
    pair.backend.run("ip", "link set vips up");
    pair.backend.run("ip", "link set unused up");
    pair.backend.write("ipv6/conf/vips/accept_dad", "1");
    pair.backend.run("ip", "addr add 2001:db8::1/128 dev vips");
    assert_eq!(named(""), [(State::Warn, "dad".to_owned())]);
    pair.backend.write("ipv6/conf/vips/ndisc_notify", "1");
    assert_eq!(named(""), [(State::Warn, "ndisc_notify".to_owned())]);
    // Another backend on the segment has it, as they all do.
    pair.backend.run("ip", "addr del 2001:db8::1/128 dev vips");
    pair.backend.run("ip", &format!("link set unused netns {}", pair.neighbour.path()));
    pair.neighbour.run("ip", "addr add 2001:db8::1/128 dev unused nodad");
    pair.neighbour.run("ip", "link set unused up");
    pair.backend.run("ip", "addr add 2001:db8::1/128 dev vips");
    assert_eq!(named(""), [(State::Fail, "vip".to_owned())]);
}

#[test]
fn a_vip_with_a_whole_network_and_ipv6_off_are_found() {
    let pair = pair();
    pair.backend.run("ip", "addr del 192.0.2.1/32 dev lo");
    pair.backend.run("ip", "addr add 192.0.2.1/24 dev lo");
    let [(state, check, advice)] = &complaints(&pair, "")[..] else { panic!() };
    assert_eq!((*state, check.as_str()), (State::Fail, "vip"));
    assert!(advice.starts_with("ip address delete 192.0.2.1/24 dev lo && ip address add"), "{advice}");
    pair.backend.write("ipv6/conf/eth0/disable_ipv6", "1");
    assert!(complaints(&pair, "").iter().any(|it| (it.0, it.1.as_str()) == (State::Fail, "ipv6")));
}

/// The filter that is warned of really drops, and the advice really helps.
#[test]
fn a_strict_reverse_path_that_leads_elsewhere_is_found() {
    let pair = pair();
    let server = Server::new(&pair.backend);
    pair.backend.write("ipv4/conf/all/rp_filter", "1");
    assert_eq!(complaints(&pair, ""), []);
    assert_answered(&pair, Way::IPIP, true);

    pair.backend.run("ip", "link add eth1 type veth peer name q0");
    pair.backend.run("ip", "addr add 10.1.0.11/24 dev eth1");
    pair.backend.run("ip", "link set q0 up");
    pair.backend.run("ip", "link set eth1 up");
    pair.backend.run("ip", "route replace default via 10.1.0.1 advmss 1412");
    let [(state, check, advice)] = &complaints(&pair, "")[..] else { panic!() };
    assert_eq!((*state, check.as_str()), (State::Fail, "rp_filter"));
    assert_answered(&pair, Way::IPIP, false);
    assert_eq!(server.served(), 1, "the second packet was dropped");
    let (program, words) = advice.split_once(' ').unwrap();
    pair.backend.run(program, words);
    assert_eq!(complaints(&pair, ""), []);
    // The answer leaves by the other interface, where nobody is.
    assert_answered(&pair, Way::IPIP, false);
    assert_eq!(server.served(), 2);
}
