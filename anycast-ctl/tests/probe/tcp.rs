//! `type = "tcp"`

use std::{fs, net::SocketAddr};

use anycast_ctl::health::{probe::Target, spec::Probe};
use tokio::io::AsyncReadExt as _;

use crate::{
    harness::{LONG, SHORT, ask, ask_with, context, fails, passes, payload, run, says_nothing, target},
    server,
};

const CONNECT: Probe = Probe::Tcp { send: None, expect: None };

fn expecting(send: Option<&str>, expect: &str) -> Probe {
    Probe::Tcp { send: send.map(payload), expect: Some(payload(expect)) }
}

#[test]
fn a_connection_passes() {
    run(async {
        passes(&ask(&CONNECT, server::hanging().await, LONG).await, "connected");
        fails(&ask(&CONNECT, server::nobody().await, LONG).await, "connect: connection refused");
    });
}

#[test]
fn an_answer_is_compared() {
    run(async {
        let redis = server::answering("+PONG\r\n").await;
        passes(&ask(&expecting(Some("PING\r\n"), "+PONG"), redis, LONG).await, "answer as expected");
        let banner = server::trickling(b"220 ready\r\n").await;
        passes(&ask(&expecting(None, "220"), banner, LONG).await, "answer as expected");
        let outcome = ask(&expecting(Some("PING\r\n"), "+OK"), redis, LONG).await;
        fails(&outcome, "answer `+PONG\\r\\n`, expected `+OK`");
        let silent = server::answering("").await;
        fails(&ask(&expecting(Some("PING"), "+OK"), silent, LONG).await, "no answer, expected `+OK`");
    });
}

#[test]
fn hostile_servers_fail_in_time() {
    run(async {
        let probe = expecting(Some("PING"), "PONG");
        fails(&ask(&probe, server::hanging().await, SHORT).await, "no answer within 300ms");
        fails(&ask(&probe, server::resetting().await, LONG).await, "answer: connection reset by peer");
        let outcome = ask(&probe, server::trickling(b"xx").await, SHORT).await;
        fails(&outcome, "answer `xx`, expected `PONG` within 300ms");
        let (address, sent) = server::flooding(b"", b"x").await;
        let outcome = ask(&probe, address, LONG).await;
        assert_eq!(outcome.detail, format!("answer `{}…`, expected `PONG`", "x".repeat(64)));
        assert!(sent.get() < 32 << 20, "{} bytes were taken", sent.get());
    });
}

#[test]
fn a_full_backlog_is_no_answer() {
    run(async {
        // The kernel drops what does not fit: two connections for a backlog of 0, tcp(7).
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let _waiting: Vec<_> =
            (0..2).map(|_| std::net::TcpStream::connect_timeout(&address, SHORT)).collect();
        fails(&ask(&CONNECT, address, SHORT).await, "connect: no answer within 300ms");
    });
}

#[test]
fn what_this_host_cannot_do_says_nothing_about_the_backend() {
    run(async {
        let address = server::hanging().await;
        let from = |source: &str| Target { source: Some(source.parse().unwrap()), ..target(address) };
        passes(&ask_with(&context(), &CONNECT, &from("127.0.0.9"), LONG).await, "connected");
        let outcome = ask_with(&context(), &CONNECT, &from("192.0.2.1"), LONG).await;
        says_nothing(&outcome, "bind to 192.0.2.1: cannot assign requested address");
        let no_device = Target { device: Some("nowhere0".into()), ..target(address) };
        let outcome = ask_with(&context(), &CONNECT, &no_device, LONG).await;
        says_nothing(&outcome, "bind to interface nowhere0: no such device");
    });
}

#[test]
fn connections_end_by_a_reset_and_leave_nothing() {
    run(async {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let address = server::serve(move |mut stream| {
            let tell = tell.clone();
            async move { tell.send(stream.read(&mut [0; 8]).await.map_err(|error| error.kind())).unwrap() }
        })
        .await;
        for _ in 0..20 {
            passes(&ask(&CONNECT, address, LONG).await, "connected");
            assert_eq!(told.recv().await, Some(Err(std::io::ErrorKind::ConnectionReset)));
        }
        // State 06 of either end is TIME_WAIT (include/net/tcp_states.h).
        let port = format!(":{:04X}", address.port());
        let connections = fs::read_to_string("/proc/net/tcp").unwrap();
        let left: Vec<&str> =
            connections.lines().filter(|line| line.contains(&port) && line.contains(" 06 ")).collect();
        assert!(left.is_empty(), "{left:?}");
    });
}
