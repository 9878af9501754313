//! `type = "grpc"`

use std::net::SocketAddr;

use anycast_ctl::health::spec::{Probe, Tls};
use hyper::{HeaderMap, Request, Response, body::Bytes};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    certificates::Authority,
    harness::{LONG, SHORT, ask, fails, passes, run},
    server,
};

fn grpc(service: &str) -> Probe {
    Probe::Grpc { service: service.into(), tls: None }
}

/// What a server answers to a request: messages, and a status with a message of its own.
type Answer = (u16, Vec<u8>, Option<(&'static str, &'static str)>);

fn serving(status: u8) -> Answer {
    (200, vec![0, 0, 0, 0, 2, 8, status], Some(("0", "")))
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(stream: S, answer: fn(&[u8]) -> Answer) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::task::spawn_local(respond_to(request, respond, answer));
    }
}

async fn respond_to(
    request: Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    answer: fn(&[u8]) -> Answer,
) {
    assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
    assert_eq!(request.headers()["content-type"], "application/grpc");
    assert_eq!(request.headers()["te"], "trailers");
    let mut body = request.into_body();
    let mut question = Vec::new();
    while let Some(Ok(data)) = body.data().await {
        question.extend_from_slice(&data);
    }
    let (status, message, trailer) = answer(&question);
    let response = Response::builder().status(status).header("content-type", "application/grpc");
    let Some((code, words)) = trailer else {
        let mut stream = respond.send_response(response.body(()).unwrap(), false).unwrap();
        let _ = stream.send_data(message.into(), true);
        return;
    };
    if message.is_empty() {
        // "Trailers-Only" of PROTOCOL-HTTP2.md.
        let response = response.header("grpc-status", code).header("grpc-message", words);
        respond.send_response(response.body(()).unwrap(), true).unwrap();
        return;
    }
    let mut stream = respond.send_response(response.body(()).unwrap(), false).unwrap();
    let _ = stream.send_data(message.into(), false);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.parse().unwrap());
    let _ = stream.send_trailers(trailers);
}

async fn server(answer: fn(&[u8]) -> Answer) -> SocketAddr {
    server::serve(move |stream| speak(stream, answer)).await
}

#[test]
fn a_status_is_compared() {
    run(async {
        let by_name = server(|question| match &question[5..] {
            b"" => serving(1),
            b"\x0a\x03web" => serving(2),
            b"\x0a\x03new" => serving(3),
            b"\x0a\x03odd" => serving(0),
            _ => (200, Vec::new(), Some(("5", ""))),
        })
        .await;
        for (service, detail) in [
            ("web", "NOT_SERVING, expected SERVING"),
            ("new", "SERVICE_UNKNOWN, expected SERVING"),
            ("odd", "UNKNOWN, expected SERVING"),
            ("no", "NOT_FOUND: no service `no`"),
        ] {
            fails(&ask(&grpc(service), by_name, LONG).await, detail);
        }
        passes(&ask(&grpc(""), by_name, LONG).await, "SERVING");
    });
}

#[test]
fn what_is_no_answer_is_told() {
    run(async {
        for (answer, detail) in [
            (
                (|_| (200, Vec::new(), Some(("12", "unknown method")))) as fn(&[u8]) -> Answer,
                "UNIMPLEMENTED: the server has no grpc.health.v1.Health",
            ),
            (|_| (200, Vec::new(), Some(("14", "going away"))), "UNAVAILABLE: `going away`"),
            (|_| (200, Vec::new(), Some(("99", ""))), "gRPC status 99"),
            (|_| (200, Vec::new(), Some(("x", ""))), "answer: its gRPC status is no number"),
            (|_| (200, b"junk".to_vec(), Some(("0", ""))), "answer: it is no HealthCheckResponse"),
            (|_| (200, vec![0; 60_000], Some(("0", ""))), "answer: longer than any HealthCheckResponse"),
            (|_| (200, vec![0, 0, 0, 0, 2, 8, 1], None), "answer: it ended without a gRPC status"),
            (|_| (503, b"sick".to_vec(), None), "HTTP status 503, expected 200"),
        ] {
            fails(&ask(&grpc(""), server(answer).await, LONG).await, detail);
        }
    });
}

#[test]
fn tls_carries_it_as_well() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let ca = authority.write(&directory.path().join("ca.pem"));
        let identity = authority.issue(&["grpc.example"]);
        let tls =
            Tls { server_name: Some("grpc.example".into()), verify: true, ca: Some(ca), identity: None };
        let probe = Probe::Grpc { service: String::new(), tls: Some(tls) };
        for (protocols, detail) in
            [(&["h2"][..], None), (&["http/1.1"], Some("TLS: the server does not speak the protocol (ALPN)"))]
        {
            let acceptor = identity.acceptor(None, protocols);
            let address = server::serve(move |stream| {
                let acceptor = acceptor.clone();
                async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        speak(stream, |_| serving(1)).await;
                    }
                }
            })
            .await;
            let outcome = ask(&probe, address, LONG).await;
            match detail {
                None => passes(&outcome, "SERVING"),
                Some(detail) => fails(&outcome, detail),
            }
        }
    });
}

#[test]
fn hostile_servers_fail_in_time() {
    run(async {
        let probe = grpc("");
        fails(&ask(&probe, server::nobody().await, LONG).await, "connect: connection refused");
        fails(&ask(&probe, server::hanging().await, SHORT).await, "no answer within 300ms");
        fails(&ask(&probe, server::resetting().await, LONG).await, "answer: connection reset by peer");
        let plain = server::answering("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let outcome = ask(&probe, plain, LONG).await;
        assert!(outcome.detail.starts_with("HTTP/2: the answer is none: "), "{outcome:?}");
        // Settings without end, each of which wants an acknowledgement (RFC 9113 section 6.5).
        let (address, sent) = server::flooding(b"", b"\0\0\0\x04\0\0\0\0\0").await;
        let outcome = ask(&probe, address, SHORT).await;
        assert_eq!(outcome.finding, anycast_ctl::health::probe::Finding::Failed, "{outcome:?}");
        assert!(sent.get() < 1 << 30, "the check outlived the flood");
        // A header block that never ends (section 6.10): HEADERS, and then CONTINUATION after CONTINUATION.
        let (address, sent) = server::flooding(
            b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\0\0\0\0\x01\x88",
            b"\0\0\x08\x09\0\0\0\0\x01\x40\x01a\x04bbbb",
        )
        .await;
        let outcome = ask(&probe, address, SHORT).await;
        assert_eq!(outcome.finding, anycast_ctl::health::probe::Finding::Failed, "{outcome:?}");
        assert!(sent.get() < 32 << 20, "{} bytes were taken", sent.get());
    });
}
