//! A pool with nobody left: its clients are left waiting, passed to the edge's own servers, or refused at once.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    thread,
    time::Duration,
};

use xtask::lab::{Family, Lab};

use crate::{
    harness::{hold, idle, refused, site, wait_for},
    http,
};

/// For what must time out.
const SHORT: Duration = Duration::from_millis(400);
/// For what must be answered before.
const LONG: Duration = Duration::from_secs(10);

fn set(lab: &Lab, family: Family, on_empty: &str) {
    lab.ctl(&["pool", "set", family.pool_name(), "--on-empty", on_empty, "--wait"]).unwrap();
}

fn backend(lab: &Lab, family: Family, verb: &str) {
    lab.ctl(&["backend", verb, family.pool_name(), "backend1"]).unwrap();
}

/// What a datagram to the VIP gets.
fn ask(lab: &Lab, vip: IpAddr, within: Duration) -> ErrorKind {
    let any = if vip.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let client = lab.inside("client", || Ok(UdpSocket::bind(any.parse::<SocketAddr>().unwrap())?)).unwrap();
    client.set_read_timeout(Some(within)).unwrap();
    client.connect((vip, 53)).unwrap();
    client.send(b"who?").unwrap();
    client.recv(&mut [0; 16]).unwrap_err().kind()
}

#[test]
fn a_pool_does_what_its_policy_says_and_changes_it_under_traffic() {
    let mut lab = idle(1, 0);
    let with_dns = site(&lab).replace("services = [", r#"services = ["udp/53", "#);
    lab.start_controller_on(&with_dns, &[]).unwrap();
    wait_for("both backends are up", || lab.status().unwrap().all_up());
    for family in Family::ALL {
        let vip = lab.plan().vips.of(family);
        let mut session = http::connect(&lab, vip, 80, LONG).unwrap();
        assert_eq!(http::ask_kept(&mut session).unwrap().backend, "backend1");

        // With the last backend draining, what opens is refused and what is open goes on.
        set(&lab, family, "reset");
        backend(&lab, family, "drain");
        let before = refused(&lab, "empty_reset");
        let error = http::connect(&lab, vip, 80, LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{family:?}: {error}");
        assert_eq!(refused(&lab, "empty_reset"), before + 1);
        assert_eq!(http::ask_kept(&mut session).unwrap().backend, "backend1");
        assert_eq!(ask(&lab, vip, LONG), ErrorKind::ConnectionRefused, "{family:?}");

        // Without it, what was open ends.
        backend(&lab, family, "disable");
        let error = http::ask_kept(&mut session).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{family:?}: {error}");

        set(&lab, family, "drop");
        let before = refused(&lab, "no_backend");
        let error = http::connect(&lab, vip, 80, SHORT).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock), "{family:?}: {error}");
        assert!(matches!(ask(&lab, vip, SHORT), ErrorKind::TimedOut | ErrorKind::WouldBlock));
        assert!(refused(&lab, "no_backend") >= before + 2, "{family:?}");

        set(&lab, family, "pass");
        hold(&lab, vip);
        let before = refused(&lab, "empty_passed");
        let listener = lab.inside("edge", || Ok(TcpListener::bind(SocketAddr::from((vip, 80)))?)).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| listener.accept().unwrap().0.write_all(b"sorry").unwrap());
            let mut received = Vec::new();
            http::connect(&lab, vip, 80, LONG).unwrap().read_to_end(&mut received).unwrap();
            assert_eq!(received, b"sorry", "{family:?}");
        });
        assert!(refused(&lab, "empty_passed") > before);

        backend(&lab, family, "enable");
        assert_eq!(http::who(&lab, vip).unwrap(), "backend1", "{family:?}");
    }
    // Both families were refused once over UDP.
    assert_eq!(refused(&lab, "empty_unreachable"), 2);
}
