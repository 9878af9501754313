//! `full_size`: at least one packet that leaves is as large as the way takes, and none is larger.

use std::{net::SocketAddr, process::Command};

use anycast_ctl::health::{
    probe::{Finding, Target},
    spec::{Http, Probe},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{LONG, SHORT, ask, capture::Capture, namespace::Namespace, target};

const MTU: u16 = 1_500;

fn http() -> Probe {
    Probe::Http(Http {
        method: "GET".into(),
        path: "/".into(),
        host: None,
        status: "200".parse().unwrap(),
        body: None,
        drain_header: None,
        tls: None,
    })
}

/// A namespace whose loopback does not put packets together, so that they are seen as a wire would have them.
fn namespace() -> Namespace {
    let namespace = Namespace::new();
    namespace.block_on(async {
        let offloads = ["-K", "lo", "tso", "off", "gso", "off", "gro", "off"];
        assert!(Command::new("ethtool").args(offloads).status().unwrap().success());
    });
    namespace
}

/// Answers one request when it has read all of it.
async fn serve(listener: TcpListener) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_buf(&mut request).await.unwrap();
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
}

#[test]
fn a_request_fills_a_packet() {
    for address in ["127.0.0.1", "::1"] {
        for timestamps in ["0", "1"] {
            let namespace = namespace();
            namespace.write("net/ipv4/tcp_timestamps", timestamps);
            let sizes = namespace.block_on(async {
                let listener = TcpListener::bind(SocketAddr::new(address.parse().unwrap(), 0)).await.unwrap();
                let port = listener.local_addr().unwrap().port();
                let target = Target { mtu: Some(MTU), ..target(address, port) };
                let capture = Capture::start();
                let probe = http();
                let (outcome, ()) = tokio::join!(ask(&probe, true, &target, LONG), serve(listener));
                assert_eq!((outcome.finding, outcome.detail.as_str()), (Finding::Passed, "status 200"));
                capture.sizes()
            });
            assert_eq!(
                sizes.iter().max(),
                Some(&usize::from(MTU)),
                "{address}, timestamps {timestamps}: {sizes:?}"
            );
        }
    }
}

#[test]
fn a_call_fills_a_packet() {
    let namespace = namespace();
    let sizes = namespace.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target { mtu: Some(MTU), ..target("127.0.0.1", listener.local_addr().unwrap().port()) };
        let capture = Capture::start();
        let silent = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Settings of a server; then nothing.
            stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
            while stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {}
        };
        let probe = Probe::Grpc { service: String::new(), tls: None };
        let (outcome, ()) = tokio::join!(ask(&probe, true, &target, SHORT), silent);
        assert_eq!(outcome.detail, "no answer within 300ms");
        capture.sizes()
    });
    assert_eq!(sizes.iter().max(), Some(&usize::from(MTU)), "{sizes:?}");
}

#[test]
fn an_echo_fills_a_packet() {
    for address in ["127.0.0.1", "::1"] {
        for ping_sockets in [false, true] {
            let namespace = namespace();
            if ping_sockets {
                namespace.write("net/ipv4/ping_group_range", "0 0");
            }
            let sizes = namespace.block_on(async {
                let target = Target { mtu: Some(MTU), ..target(address, 0) };
                let capture = Capture::start();
                let outcome = ask(&Probe::Icmp, true, &target, LONG).await;
                assert_eq!((outcome.finding, outcome.detail.as_str()), (Finding::Passed, "answered"));
                capture.sizes()
            });
            assert!(
                !sizes.is_empty() && sizes.iter().all(|size| *size == usize::from(MTU)),
                "{address}: {sizes:?}"
            );
        }
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let namespace = namespace();
    namespace.ip("link set lo mtu 1400");
    namespace.block_on(async {
        for address in ["127.0.0.1", "::1"] {
            let target = Target { mtu: Some(MTU), ..target(address, 0) };
            let outcome = ask(&Probe::Icmp, true, &target, LONG).await;
            let detail = "a packet of 1500 bytes is too large for the way to the backend";
            assert_eq!((outcome.finding, outcome.detail.as_str()), (Finding::Failed, detail));
        }
    });
}
