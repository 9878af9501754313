//! What is no service of a VIP is left alone, and what must not be forwarded is not.

use std::{
    io::{Error, ErrorKind, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    os::fd::{FromRawFd as _, OwnedFd},
    thread,
    time::Duration,
};

use xtask::lab::{Family, Lab};

use crate::{
    harness::{assert_counters_agree, hold, idle, refused, site, steering, wait_for},
    http,
};

const SHORT: Duration = Duration::from_millis(400);

#[test]
fn traffic_to_the_edge_itself_is_not_touched() {
    let lab = steering(1, 0);
    for family in Family::ALL {
        let edge = lab.plan().edge.addresses.of(family);
        for _ in 0..5 {
            ping(&lab, edge);
        }

        // The VIP's own port on another address.
        let listener = lab.inside("edge", || Ok(TcpListener::bind(SocketAddr::from((edge, 80)))?)).unwrap();
        let content: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
        thread::scope(|scope| {
            scope.spawn(|| listener.accept().unwrap().0.write_all(&content).unwrap());
            let mut received = Vec::new();
            let mut stream = http::connect(&lab, edge, 80, SHORT).unwrap();
            stream.read_to_end(&mut received).unwrap();
            assert!(received == content);
        });
    }
    let counted = assert_counters_agree(&lab);
    assert!(counted.iter().all(|(_, _, counted)| counted.edge.packets == 0), "{counted:?}");
}

/// One echo request from the client, which must be answered.
fn ping(lab: &Lab, address: IpAddr) {
    let (domain, protocol, request, reply) = match address {
        IpAddr::V4(_) => (libc::AF_INET, libc::IPPROTO_ICMP, 8, 0),
        IpAddr::V6(_) => (libc::AF_INET6, libc::IPPROTO_ICMPV6, 128, 129),
    };
    let client = lab.client().unwrap();
    client.write_sysctls(&[("ipv4/ping_group_range", "0 0")]).unwrap();
    let answered = client.inside(|| {
        // SAFETY: no pointers are passed.
        let descriptor = unsafe { libc::socket(domain, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, protocol) };
        assert!(descriptor >= 0, "open a ping socket: {}", Error::last_os_error());
        // SAFETY: a datagram socket that nothing else owns; icmp(7): the kernel fills identifier and checksum.
        let socket = UdpSocket::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        socket.connect((address, 0))?;
        socket.send(&[request, 0, 0, 0, 0, 0, 0, 1, b'a', b'n', b'y'])?;
        let mut answer = [0; 64];
        let length = socket.recv(&mut answer)?;
        Ok(answer[..length].to_vec())
    });
    let answered = answered.unwrap();
    assert_eq!((answered[0], &answered[8..]), (reply, &b"any"[..]));
}

#[test]
fn a_packet_without_time_to_live_is_dropped_and_counted() {
    let lab = steering(1, 0);
    let mut expired = 0;
    for family in Family::ALL {
        let vip = lab.plan().vips.of(family);
        let router: String = default_gateway(&lab, family);
        let word = if family == Family::V4 { "-4" } else { "-6" };
        // The router takes one off, so it arrives at the edge with the hops given here less one.
        let hops = |hops: &str| {
            let route = [word, "route", "replace", &vip.to_string(), "via", &router, "hoplimit", hops];
            lab.run("client", "ip", &route).unwrap();
        };
        hops("2");
        let error = http::connect(&lab, vip, 80, SHORT).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock), "{error}");
        assert!(refused(&lab, "ttl_expired") > expired, "{family:?}");
        expired = refused(&lab, "ttl_expired");
        hops("3");
        assert_eq!(http::who(&lab, vip).unwrap(), "backend1");
        assert_eq!(refused(&lab, "ttl_expired"), expired);
    }
}

fn default_gateway(lab: &Lab, family: Family) -> String {
    let word = if family == Family::V4 { "-4" } else { "-6" };
    let routes = lab.run("client", "ip", &[word, "route", "show", "default"]).unwrap();
    routes.split_whitespace().nth(2).unwrap().to_owned()
}

#[test]
fn an_unknown_port_is_left_to_the_edge() {
    let lab = steering(1, 0);
    for family in Family::ALL {
        let vip = lab.plan().vips.of(family);
        hold(&lab, vip);
        let before = refused(&lab, "unknown_port_passed");
        let error = http::connect(&lab, vip, 81, SHORT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "the edge's stack answers: {error}");
        assert_eq!(refused(&lab, "unknown_port_passed"), before + 1);
        assert_eq!(http::who(&lab, vip).unwrap(), "backend1", "the service is steered all the same");
    }
}

#[test]
fn an_unknown_port_can_be_dropped() {
    let mut lab = idle(1, 0);
    let site = site(&lab).replace("\n[[vip]]\n", "\n[[vip]]\non_unknown_port = \"drop\"\n");
    lab.start_controller_on(&site, &[]).unwrap();
    wait_for("the backend is up", || lab.status().unwrap().all_up());
    for family in Family::ALL {
        let vip = lab.plan().vips.of(family);
        hold(&lab, vip);
        let before = refused(&lab, "unknown_port_dropped");
        let error = http::connect(&lab, vip, 81, SHORT).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock), "{error}");
        assert_eq!(refused(&lab, "unknown_port_dropped"), before + 1);
        assert_eq!(http::who(&lab, vip).unwrap(), "backend1");
    }
    assert_eq!(refused(&lab, "unknown_port_passed"), 0);
}
