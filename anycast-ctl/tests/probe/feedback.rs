//! What load feedback asks: agents, and HTTP endpoints.

use std::time::Instant;

use anycast_ctl::health::probe::{fetch_agent, fetch_load};

use crate::{
    harness::{LONG, SHORT, context, run, target},
    server,
};

#[test]
fn an_agents_line_is_read() {
    run(async {
        for (answer, line) in [
            ("75%\n", Ok("75%")),
            ("up ready 50%\r\nmore\n", Ok("up ready 50%")),
            ("drain", Ok("drain")),
            ("\n", Err("an empty line, or none")),
            ("", Err("an empty line, or none")),
        ] {
            let server = server::serve(move |mut stream| async move {
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await;
            })
            .await;
            let fetched = fetch_agent(&target(server), LONG, &context()).await;
            assert_eq!(fetched.as_deref().map_err(String::as_str), line);
        }
        let fetch =
            async |address, timeout| fetch_agent(&target(address), timeout, &context()).await.unwrap_err();
        assert_eq!(fetch(server::nobody().await, LONG).await, "connect: connection refused");
        assert_eq!(fetch(server::hanging().await, SHORT).await, "no whole line within 300ms");
        assert_eq!(fetch(server::trickling(b"75%").await, SHORT).await, "no whole line within 300ms");
        let (flood, sent) = server::flooding(b"", b"x").await;
        let start = Instant::now();
        let line = fetch_agent(&target(flood), LONG, &context()).await.unwrap();
        assert_eq!(line, "x".repeat(1_024));
        assert!(start.elapsed() < LONG && sent.get() < 32 << 20);
    });
}

#[test]
fn a_load_is_a_number() {
    run(async {
        let says = async |body: &str| {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            fetch_load(&target(server::answering(answer).await), "/load", LONG, &context()).await
        };
        assert_eq!(says("0.75\n").await, Ok(0.75));
        assert_eq!(says("75%").await, Ok(0.75));
        assert_eq!(says("busy").await, Err("body `busy`, expected a number such as 0.75 or 75%".into()));
        let fetch = async |address, timeout| fetch_load(&target(address), "/load", timeout, &context()).await;
        let sick = server::answering("HTTP/1.1 500 Oops\r\n\r\n").await;
        assert_eq!(fetch(sick, LONG).await, Err("status 500, expected 200".into()));
        assert_eq!(fetch(server::hanging().await, SHORT).await, Err("no answer within 300ms".into()));
        let (flood, sent) = server::flooding(b"HTTP/1.1 200 OK\r\n\r\n", b"1").await;
        assert_eq!(fetch(flood, LONG).await, Err("body of more than 256 bytes, expected a number".into()));
        assert!(sent.get() < 32 << 20);
    });
}
