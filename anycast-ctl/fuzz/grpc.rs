//! Answers to a gRPC check, as bytes of HTTP/2.

use anycast_ctl::health::spec::Probe;

use crate::{peer::run, probe::ask};

/// An empty SETTINGS frame, and the acknowledgement of the client's (RFC 9113 section 6.5).
const PREFACE: [u8; 18] = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];

pub fn check(input: &[u8]) {
    let question = Probe::Grpc { service: "web".to_owned(), tls: None };
    run(async { drop(ask(&question, &[&PREFACE, input].concat()).await) });
}
