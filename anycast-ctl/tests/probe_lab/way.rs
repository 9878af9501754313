//! Marks and interfaces: which way a check goes.

use anycast_ctl::health::{
    probe::{Finding, Target},
    spec::Probe,
};
use tokio::net::TcpListener;

use crate::{LONG, SHORT, ask, namespace::Namespace, target};

const CONNECT: Probe = Probe::Tcp { send: None, expect: None };

#[test]
fn a_marked_check_takes_the_marked_way() {
    let namespace = Namespace::new();
    namespace.ip("rule add fwmark 7 prohibit pref 1");
    namespace.ip("rule add pref 2 lookup local");
    namespace.ip("rule del pref 0");
    namespace.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = target("127.0.0.1", listener.local_addr().unwrap().port());
        for (mark, detail) in
            [(None, "connected"), (Some(8), "connected"), (Some(7), "connect: permission denied")]
        {
            let outcome = ask(&CONNECT, false, &Target { mark, ..open.clone() }, LONG).await;
            assert_eq!(outcome.detail, detail, "mark {mark:?}");
        }
        let outcome = ask(&Probe::Icmp, false, &Target { mark: Some(7), ..open }, LONG).await;
        assert_eq!(outcome.detail, "connect: permission denied");
    });
}

#[test]
fn a_bound_check_leaves_by_its_interface() {
    let namespace = Namespace::new();
    namespace.ip("link add left type veth peer name right");
    namespace.ip("link set left up");
    namespace.ip("address add 192.0.2.9/32 dev lo");
    namespace.block_on(async {
        let listener = TcpListener::bind("192.0.2.9:0").await.unwrap();
        let local = target("192.0.2.9", listener.local_addr().unwrap().port());
        let by = |device: &str| Target { device: Some(device.into()), ..local.clone() };
        let outcome = ask(&CONNECT, false, &by("lo"), LONG).await;
        assert_eq!((outcome.finding, outcome.detail.as_str()), (Finding::Passed, "connected"));
        let outcome = ask(&CONNECT, false, &by("left"), SHORT).await;
        assert_eq!(outcome.finding, Finding::Failed, "{outcome:?}");
    });
}
