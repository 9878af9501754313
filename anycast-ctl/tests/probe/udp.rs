//! `type = "udp"`

use anycast_ctl::health::spec::Probe;

use crate::{
    harness::{LONG, SHORT, ask, fails, passes, payload, run},
    server,
};

fn udp(expect: Option<&str>) -> Probe {
    Probe::Udp { send: payload("ping"), expect: expect.map(payload) }
}

#[test]
fn an_answer_is_compared() {
    run(async {
        let echo = server::datagrams(|ping| vec![ping.to_vec()]).await;
        passes(&ask(&udp(None), echo, LONG).await, "answered");
        passes(&ask(&udp(Some("in")), echo, LONG).await, "answer as expected");
        // Others may come before it.
        let late = server::datagrams(|_| vec![b"junk".to_vec(), vec![0xff; 1_000], b"pong".to_vec()]).await;
        passes(&ask(&udp(Some("pong")), late, LONG).await, "answer as expected");
        fails(&ask(&udp(Some("pong")), echo, SHORT).await, "answer `ping`, expected `pong` within 300ms");
    });
}

#[test]
fn silence_and_closed_ports_fail() {
    run(async {
        let silent = server::datagrams(|_| Vec::new()).await;
        fails(&ask(&udp(None), silent, SHORT).await, "no answer within 300ms");
        fails(&ask(&udp(None), server::nobody().await, LONG).await, "port unreachable");
    });
}

#[test]
fn a_flood_of_garbage_ends() {
    run(async {
        let flood = server::datagrams(|_| vec![b"\x1b[31m".to_vec(); 100_000]).await;
        let outcome = ask(&udp(Some("pong")), flood, SHORT).await;
        let garbage = "answer `\\u{1b}[31m`, expected `pong`";
        // How many the kernel has room for is its business.
        assert!(
            [format!("1000 answers: {garbage}"), format!("{garbage} within 300ms")].contains(&outcome.detail),
            "{outcome:?}"
        );
    });
}
