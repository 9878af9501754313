//! `type = "http"`

use std::{cell::RefCell, rc::Rc};

use anycast_ctl::health::{
    probe::{Finding, Target, probe},
    spec::{Http, Probe},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    harness::{LONG, SHORT, ask, context, fails, passes, run, says_nothing, target},
    server,
};

pub fn get() -> Http {
    Http {
        method: "GET".into(),
        path: "/".into(),
        host: None,
        status: "200-399".parse().unwrap(),
        body: None,
        drain_header: None,
        tls: None,
    }
}

fn plain() -> Probe {
    Probe::Http(get())
}

#[test]
fn a_status_is_compared() {
    run(async {
        let good = server::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
        passes(&ask(&plain(), good, LONG).await, "status 204");
        let old = server::answering("HTTP/1.0 200 OK\r\n\r\nhello").await;
        passes(&ask(&plain(), old, LONG).await, "status 200");
        let sick = server::answering("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
        fails(&ask(&plain(), sick, LONG).await, "status 503, expected 200-399");
        fails(&ask(&plain(), server::nobody().await, LONG).await, "connect: connection refused");
    });
}

#[test]
fn the_request_is_what_was_asked_for() {
    run(async {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let kept = seen.clone();
        let address = server::serve(move |mut stream| {
            let kept = kept.clone();
            async move {
                while !kept.borrow().ends_with(b"\r\n\r\n") {
                    let mut piece = vec![0; 4096];
                    let length = stream.read(&mut piece).await.unwrap();
                    kept.borrow_mut().extend_from_slice(&piece[..length]);
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            }
        })
        .await;
        let http = Http { method: "HEAD".into(), path: "/health?deep=1".into(), ..get() };
        passes(&ask(&Probe::Http(http.clone()), address, LONG).await, "status 200");
        let text = String::from_utf8(seen.take()).unwrap();
        let agent = concat!("user-agent: anycast-ctl/", env!("CARGO_PKG_VERSION"), "\r\n");
        for line in [
            "HEAD /health?deep=1 HTTP/1.1\r\n",
            &format!("host: {address}\r\n"),
            agent,
            "connection: close\r\n",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }

        let named = Probe::Http(Http { host: Some("www.example".into()), ..http });
        let small = Target { mtu: Some(9_000), ..target(address) };
        let outcome = probe(&named, true, &small, LONG, &context()).await;
        passes(&outcome, "status 200");
        let text = String::from_utf8(seen.take()).unwrap();
        assert!(text.contains("host: www.example\r\n"), "{text}");
        let padding: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("x-anycast-padding: ")).collect();
        assert_eq!(padding.iter().map(|line| line.len()).collect::<Vec<_>>(), [4_000, 4_000, 960]);
    });
}

#[test]
fn a_body_is_searched() {
    run(async {
        let healthy = Probe::Http(Http { body: Some("\"healthy\"".into()), ..get() });
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\"hea\r\n6\r\nlthy\"}\r\n0\r\n\r\n";
        passes(&ask(&healthy, server::answering(chunked).await, LONG).await, "status 200");
        let other = server::answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsick").await;
        fails(&ask(&healthy, other, LONG).await, r#"body `sick`, expected `\"healthy\"`"#);
        let cut = server::answering("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nsick").await;
        fails(&ask(&healthy, cut, LONG).await, "answer: connection closed");
    });
}

#[test]
fn a_backend_may_ask_to_be_drained() {
    run(async {
        let drained = Probe::Http(Http { drain_header: Some("X-Drain".into()), ..get() });
        let leaving = server::answering("HTTP/1.1 503 Bye\r\nx-drain: yes\r\n\r\n").await;
        let outcome = ask(&drained, leaving, LONG).await;
        assert_eq!((outcome.finding, outcome.detail.as_str()), (Finding::Drain, "status 503 with X-Drain"));
        fails(&ask(&plain(), leaving, LONG).await, "status 503, expected 200-399");
        let sick = server::answering("HTTP/1.1 503 Bye\r\n\r\n").await;
        fails(&ask(&drained, sick, LONG).await, "status 503, expected 200-399");
        let good = server::answering("HTTP/1.1 200 OK\r\nX-Drain: no\r\n\r\n").await;
        passes(&ask(&drained, good, LONG).await, "status 200");
    });
}

#[test]
fn a_redirect_is_a_status_like_another() {
    run(async {
        // It would lead back here for ever.
        let around = server::answering("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n").await;
        passes(&ask(&plain(), around, LONG).await, "status 302");
        let strict = Probe::Http(Http { status: "200".parse().unwrap(), ..get() });
        fails(&ask(&strict, around, LONG).await, "status 302, expected 200");
    });
}

#[test]
fn hostile_servers_fail_in_time() {
    run(async {
        fails(&ask(&plain(), server::hanging().await, SHORT).await, "no answer within 300ms");
        fails(&ask(&plain(), server::resetting().await, LONG).await, "answer: connection reset by peer");
        fails(&ask(&plain(), server::answering("").await, LONG).await, "answer: connection closed");
        fails(
            &ask(&plain(), server::answering("SSH-2.0-OpenSSH\r\n\r\n").await, LONG).await,
            "answer: no HTTP",
        );
        let trickle = server::trickling(b"HTTP/1.1 200 OK\r\n").await;
        fails(&ask(&plain(), trickle, SHORT).await, "no answer within 300ms");
        let body = Probe::Http(Http { body: Some("end".into()), ..get() });
        let trickle = server::serve(|mut stream| async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nbegin").await;
            tokio::time::sleep(LONG).await;
        })
        .await;
        fails(&ask(&body, trickle, SHORT).await, "body `begin`, expected `end` within 300ms");
    });
}

#[test]
fn gigabytes_are_not_taken() {
    run(async {
        let body = Probe::Http(Http { body: Some("end".into()), ..get() });
        let too_large = "answer: its header is larger than 64 KiB, or has more than 100 lines";
        let xs = format!("body `{}…`, expected `end`", "x".repeat(64));
        for (head, rest, detail) in [
            (&b"HTTP/1.1 200 OK\r\n\r\n"[..], &b"x"[..], xs.as_str()),
            (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n", too_large),
            (b"HTTP/1.1 200 OK\r\nX: ", b"x", too_large),
            (b"HTTP/1.1 200 ", b"x", too_large),
        ] {
            let (address, sent) = server::flooding(head, rest).await;
            fails(&ask(&body, address, LONG).await, detail);
            assert!(sent.get() < 32 << 20, "{} bytes were taken", sent.get());
        }
        // Informational answers that never end (RFC 9110 section 15.2).
        let (address, sent) = server::flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n").await;
        fails(&ask(&plain(), address, SHORT).await, "no answer within 300ms");
        assert!(sent.get() < 1 << 30, "the check outlived the flood");
    });
}

#[test]
fn a_request_that_cannot_be_made_says_nothing() {
    run(async {
        let address = server::nobody().await;
        let bad = Probe::Http(Http { host: Some("a\nb".into()), ..get() });
        says_nothing(&ask(&bad, address, LONG).await, "host: failed to parse header value");
    });
}
