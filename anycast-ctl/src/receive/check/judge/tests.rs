//! Each check, with the thing right and broken.

use anycast_common::receive::Outcome;

use super::{super::facts::Sysctls, *};
use crate::{
    api::types::XdpMode,
    host::{Network, Way},
    interface::Interface,
    receive::{CounterStatus, InterfaceStatus},
};

const V4: &str = "192.0.2.1";
const V6: &str = "2001:db8::1";

/// A backend on which everything is right.
fn facts() -> Facts {
    let interface = Interface {
        index: 2,
        name: "eth0".into(),
        alternative_names: vec![],
        mac: Some([2, 0, 0, 0, 0, 1]),
        mtu: 1500,
        up: true,
        rx_queues: 1,
        xdp: None,
    };
    let held = |address: &str, length| Held {
        address: address.parse().unwrap(),
        length,
        interface: "lo".into(),
        tentative: false,
        duplicate: false,
        nodad: false,
        accept_dad: Some(1),
        ndisc_notify: Some(0),
    };
    let way = |is_v6, gateway: &str, advmss| Way {
        is_v6,
        interfaces: vec!["eth0".into()],
        gateway: gateway.parse().ok(),
        advmss: Some(advmss),
        mtu: 1500,
    };
    Facts {
        interface,
        receiver: Ok(InterfaceStatus {
            interface: "eth0".into(),
            index: 2,
            mode: Some(XdpMode::Native),
            detail: None,
            program_id: 7,
            program_tag: "00".into(),
            program_name: "receive".into(),
            senders: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8:e::/48".parse().unwrap()],
            gue_port: Some(6080),
            since_unix_seconds: 0,
            uptime_seconds: 0,
            last_unknown_senders: vec!["203.0.113.9".parse().unwrap()],
            counters: vec![],
        }),
        sysctls: Sysctls {
            arp_ignore: Some(1),
            arp_announce: Some(2),
            rp_filter: Some(0),
            disable_ipv6: Some(0),
        },
        network: Network {
            addresses: vec![held(V4, 32), held(V6, 128)],
            ways: vec![way(false, "10.0.0.1", 1412), way(true, "fe80::1", 1392)],
        },
    }
}

fn broken(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = facts();
    change(&mut facts);
    facts
}

/// What is not right, as `state check`, with the first words of the advice.
fn complaints(facts: &Facts, delivery: Option<Delivery>) -> Vec<(String, String)> {
    let vips = [V4, V6].map(|vip| vip.parse().unwrap());
    let findings = judge(facts, &vips, delivery);
    let complaint = |it: &Finding| (format!("{} {}", it.state.label(), it.check), it.advice.clone().unwrap());
    findings.iter().filter(|finding| finding.state != State::Ok).map(complaint).collect()
}

#[track_caller]
fn assert_one(facts: &Facts, delivery: Option<Delivery>, finding: &str, advice: &str) {
    let all = complaints(facts, delivery);
    let [(found, told)] = &all[..] else { panic!("one complaint expected: {all:?}") };
    assert_eq!(found, finding);
    assert!(told.contains(advice), "{told}");
}

#[test]
fn a_good_backend_has_no_complaints() {
    for delivery in [None, Some(Delivery::L2), Some(Delivery::Ipip), Some(Delivery::Gue)] {
        assert_eq!(complaints(&facts(), delivery), [], "{delivery:?}");
    }
}

#[test]
fn a_program_that_does_not_run_is_told_but_not_for_l2() {
    let stopped = broken(|facts| facts.receiver = Err("eth0 is not receiving: start it".into()));
    assert_one(&stopped, None, "fail program", "start it");
    assert_eq!(complaints(&stopped, Some(Delivery::L2)), []);
    let detached = broken(|facts| {
        let status = facts.receiver.as_mut().unwrap();
        (status.mode, status.detail) = (None, Some("the interface was made anew".into()));
    });
    assert_one(&detached, None, "fail program", "made anew");
    assert_one(
        &broken(|facts| facts.interface.up = false),
        None,
        "fail interface",
        "ip link set dev eth0 up",
    );
}

#[test]
fn settings_of_the_program_are_judged() {
    let everybody =
        broken(|facts| facts.receiver.as_mut().unwrap().senders.push("0.0.0.0/0".parse().unwrap()));
    assert_one(&everybody, None, "warn senders", "--from");
    let no_gue = broken(|facts| facts.receiver.as_mut().unwrap().gue_port = None);
    assert_one(&no_gue, Some(Delivery::Gue), "fail gue", "--gue-port");
    assert_eq!(complaints(&no_gue, Some(Delivery::Ipip)), []);
    let strangers = broken(|facts| {
        facts.receiver.as_mut().unwrap().counters = vec![CounterStatus {
            code: Outcome::UnknownSender.code(),
            reason: String::new(),
            verdict: String::new(),
            packets: 5,
            description: String::new(),
        }];
    });
    assert_one(&strangers, None, "warn traffic", "if 203.0.113.9 is an edge host");
}

#[test]
fn a_vip_is_on_lo_alone() {
    let missing = broken(|facts| facts.network.addresses.retain(|held| held.address.is_ipv6()));
    assert_one(&missing, None, "fail vip", "ip address add 192.0.2.1/32 dev lo");
    let network = broken(|facts| facts.network.addresses[0].length = 24);
    assert_one(&network, None, "fail vip", "ip address delete 192.0.2.1/24 dev lo");
    let on_interface = broken(|facts| facts.network.addresses[0].interface = "eth0".into());
    assert_one(&on_interface, None, "fail vip", "dev lo");
    assert_one(&on_interface, Some(Delivery::Ipip), "warn vip", "dev lo");
    let elsewhere = broken(|facts| facts.network.addresses[0].interface = "dummy0".into());
    assert_eq!(complaints(&elsewhere, None), []);
}

#[test]
fn an_ipv6_vip_is_not_put_to_the_test_by_neighbours() {
    let on = |change: fn(&mut Held)| {
        broken(|facts| {
            facts.network.addresses[1].interface = "dummy0".into();
            change(&mut facts.network.addresses[1]);
        })
    };
    assert_one(&on(|held| held.tentative = true), None, "fail vip", "nodad");
    assert_one(&on(|held| held.duplicate = true), None, "fail vip", "nodad");
    assert_one(&on(|_| ()), None, "warn dad", "nodad");
    assert_one(&on(|held| held.ndisc_notify = Some(1)), None, "warn ndisc_notify", "ndisc_notify=0");
    assert_eq!(complaints(&on(|held| held.nodad = true), None), []);
    assert_eq!(complaints(&on(|held| held.accept_dad = Some(0)), None), []);
    let off = broken(|facts| facts.sysctls.disable_ipv6 = Some(1));
    assert_one(&off, None, "fail ipv6", "sysctl -w net.ipv6.conf.eth0.disable_ipv6=0");
}

#[test]
fn arp_is_silent_about_vips() {
    for (value, state) in [(Some(0), "fail"), (Some(3), "warn"), (Some(8), "warn"), (None, "fail")] {
        let facts = broken(|facts| facts.sysctls.arp_ignore = value);
        assert_one(&facts, Some(Delivery::L2), &format!("{state} arp_ignore"), "arp_ignore=1");
    }
    for value in [Some(0), Some(1), None] {
        let facts = broken(|facts| facts.sysctls.arp_announce = value);
        assert_one(&facts, None, "fail arp_announce", "arp_announce=2");
        assert_one(&facts, Some(Delivery::Gue), "warn arp_announce", "arp_announce=2");
    }
}

#[test]
fn a_strict_reverse_path_must_be_the_way_back() {
    let strict = |change: fn(&mut Vec<Way>)| {
        broken(|facts| {
            facts.sysctls.rp_filter = Some(1);
            change(&mut facts.network.ways);
        })
    };
    assert_eq!(complaints(&strict(|_| ()), None), []);
    let elsewhere = strict(|ways| ways[0].interfaces = vec!["eth1".into()]);
    assert_one(&elsewhere, None, "fail rp_filter", "net.ipv4.conf.eth0.rp_filter=2");
    assert_eq!(complaints(&elsewhere, Some(Delivery::L2)).len(), 1);
    let both = strict(|ways| ways[0].interfaces = vec!["eth0".into(), "eth1".into()]);
    assert_one(&both, None, "fail rp_filter", "rp_filter");
    assert_one(&strict(|ways| drop(ways.remove(0))), None, "warn rp_filter", "rp_filter");
    assert_eq!(complaints(&broken(|facts| facts.sysctls.rp_filter = Some(2)), None), []);
}

#[test]
fn announced_segments_fit_with_their_outer_headers() {
    let unset = broken(|facts| facts.network.ways[0].advmss = None);
    // 1500 - 40 outer IPv6 - 8 UDP - 20 IPv4 - 20 TCP.
    assert_one(&unset, None, "warn mtu_ipv4", "ip route change default via 10.0.0.1 dev eth0 advmss 1412");
    assert_one(&unset, Some(Delivery::Ipip), "warn mtu_ipv4", "advmss 1420");
    let only_v4 = broken(|facts| {
        facts.network.ways[0].advmss = None;
        facts.receiver.as_mut().unwrap().senders.pop();
    });
    assert_one(&only_v4, Some(Delivery::Ipip), "warn mtu_ipv4", "advmss 1440");
    let v6 = broken(|facts| facts.network.ways[1].advmss = Some(1393));
    assert_one(&v6, None, "warn mtu_ipv6", "ip -6 route change default via fe80::1 dev eth0 advmss 1392");
    for fits in [
        broken(|facts| (facts.interface.mtu, facts.network.ways[0].advmss) = (1548, None)),
        broken(|facts| (facts.network.ways[0].mtu, facts.network.ways[0].advmss) = (1452, None)),
        broken(|facts| {
            (facts.interface.mtu, facts.network.ways[0].advmss, facts.network.ways[0].mtu) =
                (9000, None, 9000)
        }),
        broken(|facts| drop(facts.network.ways.remove(0))),
    ] {
        assert_eq!(complaints(&fits, None), []);
    }
    let several =
        broken(|facts| (facts.network.ways[0].advmss, facts.network.ways[0].gateway) = (None, None));
    assert_one(&several, None, "warn mtu_ipv4", "add `advmss 1412`");
}
