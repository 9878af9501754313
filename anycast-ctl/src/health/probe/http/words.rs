//! What hyper says, as operators would.

use std::{error::Error as _, io};

use super::super::fault::Fault;

/// What went wrong between the request and the end of the answer.
pub fn fault(error: &hyper::Error) -> Fault {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    if let Some(source) = source {
        return Fault::remote("answer", source);
    }
    if error.is_parse_too_large() {
        return Fault::failed("answer: its header is larger than 64 KiB, or has more than 100 lines");
    }
    if error.is_parse_version_h2() {
        return Fault::failed("answer: HTTP/2, expected HTTP/1.1");
    }
    if error.is_parse() {
        return Fault::failed("answer: no HTTP");
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return Fault::failed("answer: connection closed");
    }
    Fault::failed(format!("answer: {error}"))
}
