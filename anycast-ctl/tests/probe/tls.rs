//! `type = "tls"`, and `https`

use std::{net::SocketAddr, time::Duration};

use anycast_ctl::health::spec::{Http, Probe, Tls};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::{
    certificates::{Authority, Identity},
    harness::{LONG, SHORT, ask, ask_with, context, fails, passes, run, says_nothing, target},
    http, server,
};

/// An authority that is known by its file.
struct World {
    directory: TempDir,
    authority: Authority,
    ca: String,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        Self { ca: authority.write(&directory.path().join("ca.pem")), directory, authority }
    }

    fn tls(&self, name: Option<&str>) -> Tls {
        Tls { server_name: name.map(Into::into), verify: true, ca: Some(self.ca.clone()), identity: None }
    }
}

/// Speaks HTTP over TLS.
async fn server(acceptor: TlsAcceptor) -> SocketAddr {
    server::serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            if stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
            let _ = stream.shutdown().await;
        }
    })
    .await
}

#[test]
fn a_handshake_passes() {
    run(async {
        let world = World::new();
        let identity = world.authority.issue(&["www.example", "127.0.0.1"]);
        let address = server(identity.acceptor(None, &[])).await;
        for name in [Some("www.example"), None, Some("127.0.0.1")] {
            passes(&ask(&Probe::Tls(world.tls(name)), address, LONG).await, "TLS 1.3");
        }
        let https = Probe::Http(Http { tls: Some(world.tls(Some("www.example"))), ..http::get() });
        passes(&ask(&https, address, LONG).await, "status 200");
    });
}

#[test]
fn bad_certificates_are_told_in_words() {
    run(async {
        let world = World::new();
        let www = ["www.example"];
        for (identity, detail) in [
            (world.authority.issue_expired(&www), "TLS: certificate: expired"),
            (world.authority.issue_early(&www), "TLS: certificate: not valid yet"),
            (
                world.authority.issue(&["other.example"]),
                "TLS: certificate: for other.example, not www.example",
            ),
            (
                world.authority.issue(&["a.example", "b.example", "c.example", "d.example", "192.0.2.1"]),
                "TLS: certificate: for a.example, b.example, c.example, 2 more, not www.example",
            ),
            (Authority::new().issue(&www), "TLS: certificate: issued by nobody this host trusts"),
            (Identity::self_signed(&www), "TLS: certificate: issued by nobody this host trusts"),
        ] {
            let address = server(identity.acceptor(None, &[])).await;
            fails(&ask(&Probe::Tls(world.tls(Some("www.example"))), address, LONG).await, detail);
            let https = Probe::Http(Http { tls: Some(world.tls(Some("www.example"))), ..http::get() });
            fails(&ask(&https, address, LONG).await, detail);
            let unverified = Tls { verify: false, ca: None, ..world.tls(Some("www.example")) };
            passes(&ask(&Probe::Tls(unverified), address, LONG).await, "TLS 1.3");
        }
    });
}

#[test]
fn the_systems_authorities_are_the_default() {
    run(async {
        let world = World::new();
        let address = server(world.authority.issue(&["www.example"]).acceptor(None, &[])).await;
        let system = Tls { ca: None, ..world.tls(Some("www.example")) };
        let outcome = ask(&Probe::Tls(system), address, LONG).await;
        // Hosts without ca-certificates trust nobody, and say so.
        let (failed, own) = (
            "TLS: certificate: issued by nobody this host trusts",
            "this host trusts no authorities: install ca-certificates, or name a file with ca",
        );
        assert!([failed, own].contains(&outcome.detail.as_str()), "{outcome:?}");
    });
}

#[test]
fn a_server_may_want_a_certificate() {
    run(async {
        let world = World::new();
        let identity = world.authority.issue(&["www.example"]);
        let address = server(identity.acceptor(Some(&world.authority), &[])).await;
        let with = |tls: &Tls| {
            [Probe::Tls(tls.clone()), Probe::Http(Http { tls: Some(tls.clone()), ..http::get() })]
        };
        let without = world.tls(Some("www.example"));
        let [tls, https] = with(&without);
        fails(&ask(&tls, address, LONG).await, "TLS: the server wants a client's certificate");
        fails(&ask(&https, address, LONG).await, "answer: the server wants a client's certificate");

        let own = world.authority.issue(&["edge.example"]).write(world.directory.path());
        let [tls, https] = with(&Tls { identity: Some(own), ..without.clone() });
        passes(&ask(&tls, address, LONG).await, "TLS 1.3");
        passes(&ask(&https, address, LONG).await, "status 200");

        let strange = Authority::new().issue(&["edge.example"]).write(world.directory.path());
        let [tls, _] = with(&Tls { identity: Some(strange), ..without });
        fails(
            &ask(&tls, address, LONG).await,
            "TLS: the server does not trust the issuer of our certificate",
        );
    });
}

#[test]
fn files_are_read_again_when_they_change() {
    run(async {
        let world = World::new();
        let address = server(world.authority.issue(&["www.example"]).acceptor(None, &[])).await;
        let (context, probe, target) =
            (context(), Probe::Tls(world.tls(Some("www.example"))), target(address));
        passes(&ask_with(&context, &probe, &target, LONG).await, "TLS 1.3");
        let ca = world.directory.path().join("ca.pem");
        Authority::new().write(&ca);
        let outcome = ask_with(&context, &probe, &target, LONG).await;
        fails(&outcome, "TLS: certificate: issued by nobody this host trusts");
        std::fs::write(&ca, "no certificate").unwrap();
        let outcome = ask_with(&context, &probe, &target, LONG).await;
        says_nothing(&outcome, &format!("read {}: it has no certificate in PEM form", world.ca));
        std::fs::remove_file(&ca).unwrap();
        let outcome = ask_with(&context, &probe, &target, LONG).await;
        says_nothing(&outcome, &format!("read {}: no such file or directory", world.ca));
        world.authority.write(&ca);
        passes(&ask_with(&context, &probe, &target, LONG).await, "TLS 1.3");
    });
}

#[test]
fn hostile_servers_fail_in_time() {
    run(async {
        let world = World::new();
        let probe = Probe::Tls(world.tls(Some("www.example")));
        fails(&ask(&probe, server::hanging().await, SHORT).await, "TLS: no answer within 300ms");
        fails(&ask(&probe, server::resetting().await, LONG).await, "TLS: connection reset by peer");
        fails(&ask(&probe, server::answering("").await, LONG).await, "TLS: connection closed");
        let plain = server::answering("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        fails(&ask(&probe, plain, LONG).await, "TLS: the answer is no TLS");
        let (address, sent) = server::flooding(b"\x16\x03\x03\x40\x00\x02\xff\xff\xff", b"x").await;
        fails(&ask(&probe, address, LONG).await, "TLS: the answer is no TLS");
        assert!(sent.get() < 32 << 20, "{} bytes were taken", sent.get());
        fails(
            &ask(&probe, server::trickling(b"\x16\x03\x03\x40\x00").await, SHORT).await,
            "TLS: no answer within 300ms",
        );
    });
}

#[test]
fn a_server_that_never_closes_has_still_shaken_hands() {
    run(async {
        let world = World::new();
        let acceptor = world.authority.issue(&["www.example"]).acceptor(Some(&world.authority), &[]);
        let address = server::serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let _stream = acceptor.accept(stream).await;
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        })
        .await;
        let own = world.authority.issue(&["edge.example"]).write(world.directory.path());
        let tls = Tls { identity: Some(own), ..world.tls(Some("www.example")) };
        passes(&ask(&Probe::Tls(tls), address, SHORT).await, "TLS 1.3");
    });
}
