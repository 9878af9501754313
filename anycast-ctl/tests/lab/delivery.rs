//! Backends that are this host itself, or behind a tunnel.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anycast_ctl::{api::types::BackendState, model::Delivery};
use serde_json::Value;
use xtask::{
    lab::{Family, Lab, server::HTTP_PORT},
    site::SiteBackend,
};

use crate::{
    harness::{backend, hold, idle, refused, site_with, status, wait_for},
    steer::spread,
};

/// A web server on the edge, for as long as the closure runs.
fn serving(lab: &Lab, address: IpAddr, work: impl FnOnce()) {
    let listener = lab
        .inside("edge", || {
            let listener = TcpListener::bind(SocketAddr::from((address, HTTP_PORT)))?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        })
        .unwrap();
    let stop = AtomicBool::new(false);
    let serve = || {
        while !stop.load(Ordering::Relaxed) {
            let Ok((mut stream, _)) = listener.accept() else {
                thread::sleep(Duration::from_millis(1));
                continue;
            };
            stream.set_nonblocking(false).unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => request.extend_from_slice(&buffer[..count]),
                }
            }
            let answer = "HTTP/1.1 200 OK\r\nX-Backend: edge\r\nConnection: close\r\n\r\nedge\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    };
    thread::scope(|scope| {
        scope.spawn(serve);
        // A panic must end the server too, or the scope would wait for it.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked));
    });
}

#[test]
fn the_edge_serves_beside_its_backends() {
    let mut lab = idle(1, 0);
    let edge = lab.plan().edge.addresses;
    let site = site_with(&lab, |site| {
        for vip in &mut site.vips {
            let address = edge.of(Family::of(vip.address));
            let delivery = Some("local".to_owned());
            vip.backends.push(SiteBackend { name: "edge".to_owned(), address, weight: 1, delivery });
        }
    });
    lab.start_controller_on(&site, &["--xdp-mode", "native"]).unwrap();
    for family in Family::ALL {
        let vip = lab.plan().vips.of(family);
        let here = backend(&lab, family.pool_name(), "edge");
        assert_eq!((here.state, here.delivery, here.mtu), (BackendState::Up, Delivery::Local, None));
        assert_eq!((here.next_hop, here.slots.abs_diff(32_768) <= 1), (None, true));
        hold(&lab, vip);
        serving(&lab, vip, || {
            let spread = spread(&lab, family, 40);
            assert_eq!(spread.keys().collect::<Vec<_>>(), ["backend1", "edge"]);
            let counted = backend(&lab, family.pool_name(), "edge").traffic;
            assert_eq!(counted.new_flows, u64::from(spread["edge"]));
        });
    }
    assert!(lab.ctl(&["status"]).unwrap().contains("this host"));

    // With the address goes the backend.
    let address = edge.v4;
    lab.run("edge", "ip", &["address", "add", "203.0.113.250/24", "dev", "eth0"]).unwrap();
    lab.run("edge", "ip", &["address", "del", &format!("{address}/24"), "dev", "eth0"]).unwrap();
    wait_for("the edge is no backend any more", || {
        let here = backend(&lab, "web4", "edge");
        here.state == BackendState::Unresolved
            && here.detail.unwrap().starts_with(&format!("{address} is no address of this host"))
    });
}

/// Says how much the client believes to fit the way to an address, if it was told.
fn path_mtu(lab: &Lab, address: IpAddr) -> Option<u64> {
    let text = lab.run("client", "ip", &["-json", "route", "get", &address.to_string()]).unwrap();
    let routes: Value = serde_json::from_str(&text).unwrap();
    routes[0]["metrics"][0]["mtu"].as_u64()
}

#[test]
fn a_client_is_told_what_fits_into_a_tunnel() {
    let mut lab = idle(1, 0);
    let site = site_with(&lab, |site| {
        for vip in &mut site.vips {
            vip.services.push("udp/9".to_owned());
            vip.delivery = Some("ipip".to_owned());
        }
    });
    lab.start_controller_on(&site, &["--xdp-mode", "native"]).unwrap();
    wait_for("the backends are up", || lab.status().unwrap().all_up());
    for (family, mtu) in [(Family::V4, 1480), (Family::V6, 1460)] {
        let tunnelled = backend(&lab, family.pool_name(), "backend1");
        assert_eq!((tunnelled.delivery, tunnelled.mtu), (Delivery::Ipip, Some(mtu)));
        let vip = lab.plan().vips.of(family);
        let any: IpAddr =
            if vip.is_ipv4() { [0, 0, 0, 0].into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
        let socket = lab.inside("client", || Ok(UdpSocket::bind(SocketAddr::from((any, 0)))?)).unwrap();
        assert_eq!(path_mtu(&lab, vip), None);
        socket.send_to(&[0; 1440], SocketAddr::from((vip, 9))).unwrap();
        // With 28 and 48 bytes of headers; only the first fits.
        let packets = || backend(&lab, family.pool_name(), "backend1").traffic.packets;
        wait_for("what fits is delivered", || packets() == u64::from(family == Family::V4));
        socket.send_to(&[0; 1452], SocketAddr::from((vip, 9))).unwrap();
        wait_for("the client is told", || {
            let _ = socket.send_to(&[0; 1456], SocketAddr::from((vip, 9)));
            path_mtu(&lab, vip) == Some(mtu.into())
        });
    }
    assert!(refused(&lab, "too_big_answered") >= 2);

    // A changed MTU alone reaches the program.
    lab.run("edge", "ip", &["link", "set", "eth0", "mtu", "1400"]).unwrap();
    wait_for("the path is narrower", || backend(&lab, "web4", "backend1").mtu == Some(1380));
    let vips = status(&lab).vips;
    assert!(vips.iter().all(|vip| vip.echo && vip.reasons.iter().any(|it| it.verdict == "answer")));
}

#[test]
fn a_kernel_without_several_buffers_is_served_by_the_other_program() {
    let mut lab = idle(2, 0);
    lab.start_controller(&["--xdp-mode", "native", "--no-multi-buffer"]).unwrap();
    assert!(!status(&lab).multi_buffer);
    let page = lab.ctl(&["status"]).unwrap();
    assert!(page.contains("\nPackets in several buffers (jumbo frames) are not taken.\n"), "{page}");
    for family in Family::ALL {
        assert_eq!(spread(&lab, family, 20).len(), 2);
    }
}
