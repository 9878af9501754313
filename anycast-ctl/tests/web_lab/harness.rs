//! A lab that steers, and requests to its HTTP port as they are on the wire.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::Status;
use xtask::lab::{Lab, Options, OwnedLab};

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");

/// Where the default instance listens.
pub const ADDRESS: &str = "127.0.0.1:9750";

/// Longer than any of the steps waited for takes, on a slow machine too.
pub const SOON: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    /// Lines of headers, names in lower case.
    pub head: String,
    pub body: String,
}

/// A lab without the daemon.
pub fn idle() -> OwnedLab {
    OwnedLab::start(&Options { backends: 2, binary: Some(BINARY.into()), ..Options::default() }).unwrap()
}

/// A lab that steers, and whose HTTP port listens.
pub fn steering(arguments: &[&str]) -> OwnedLab {
    let mut lab = idle();
    lab.start_controller(&[&["--xdp-mode", "native"], arguments].concat()).unwrap();
    wait_for("the port listens", || status(&lab).web.is_some_and(|web| web.listening));
    lab
}

/// What the daemon says over its Unix socket.
pub fn status(lab: &Lab) -> Status {
    serde_json::from_str(&lab.ctl(&["status", "--json"]).unwrap()).unwrap()
}

/// A connection from the edge to its own port.
pub fn connect(lab: &Lab) -> TcpStream {
    connect_from(lab, "edge", ADDRESS)
}

pub fn connect_from(lab: &Lab, namespace: &str, address: &str) -> TcpStream {
    let address: SocketAddr = address.parse().unwrap();
    let stream = lab.inside(namespace, || Ok(TcpStream::connect_timeout(&address, SOON)?)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// Sends a request and reads to the end of the connection.
pub fn exchange(mut stream: TcpStream, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    Answer {
        code: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

/// One request with a proper host.
pub fn ask(lab: &Lab, request: &str) -> Answer {
    let text = format!("{request} HTTP/1.1\r\nhost: {ADDRESS}\r\nconnection: close\r\n\r\n");
    exchange(connect(lab), &text)
}

/// Waits until it holds, and panics when it does not.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    wait_within(SOON, what, &mut holds);
}

#[track_caller]
pub fn wait_within(period: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < period, "waited in vain for this: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
