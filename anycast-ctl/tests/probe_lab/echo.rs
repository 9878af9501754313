//! `type = "icmp"`, by both kinds of socket.

use anycast_ctl::health::{
    probe::{Finding, Target},
    spec::Probe,
};

use crate::{LONG, SHORT, ask, namespace::Namespace, target};

/// Calls for ping sockets and for raw ones.
fn by_both(check: impl AsyncFn(&Namespace)) {
    for groups in ["1 0", "0 0"] {
        let namespace = Namespace::new();
        namespace.write("net/ipv4/ping_group_range", groups);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(&namespace));
    }
}

#[test]
fn an_echo_is_answered() {
    by_both(async |namespace| {
        namespace.block_on(async {
            for address in ["127.0.0.1", "::1"] {
                let from = Target { source: Some(address.parse().unwrap()), ..target(address, 0) };
                for target in [target(address, 0), from] {
                    let outcome = ask(&Probe::Icmp, false, &target, LONG).await;
                    assert_eq!(
                        (outcome.finding, outcome.detail.as_str()),
                        (Finding::Passed, "answered"),
                        "{address}"
                    );
                }
            }
        });
    });
}

#[test]
fn silence_fails() {
    by_both(async |namespace| {
        namespace.write("net/ipv4/icmp_echo_ignore_all", "1");
        namespace.write("net/ipv6/icmp/echo_ignore_all", "1");
        namespace.block_on(async {
            for address in ["127.0.0.1", "::1"] {
                let outcome = ask(&Probe::Icmp, false, &target(address, 0), SHORT).await;
                assert_eq!(outcome.finding, Finding::Failed);
                assert_eq!(outcome.detail, "no answer within 300ms");
            }
        });
    });
}

#[test]
fn a_host_without_a_route_is_told() {
    by_both(async |namespace| {
        namespace.block_on(async {
            for address in ["192.0.2.1", "2001:db8::1"] {
                let outcome = ask(&Probe::Icmp, false, &target(address, 0), LONG).await;
                assert_eq!(outcome.finding, Finding::Failed);
                assert_eq!(outcome.detail, "connect: network is unreachable");
            }
        });
    });
}

#[test]
fn many_at_once_do_not_take_each_others_replies() {
    by_both(async |namespace| {
        namespace.block_on(async {
            let target = target("127.0.0.1", 0);
            let echoes = (0..200).map(|_| ask(&Probe::Icmp, false, &target, LONG));
            let outcomes = futures_util::future::join_all(echoes).await;
            assert!(outcomes.iter().all(|outcome| outcome.finding == Finding::Passed), "{outcomes:?}");
        });
    });
}
