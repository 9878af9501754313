//! What gRPC and HTTP/2 say, as operators would.

use hyper::{HeaderMap, header::HeaderName};

use super::super::fault::Fault;
use crate::spelling::quoted;

/// Where the status of a call stands.
pub const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: &str = "grpc-message";

/// The server knows no such service (health-checking.md).
pub const NOT_FOUND: usize = 5;
/// The server has no such method.
pub const UNIMPLEMENTED: usize = 12;

/// Status codes (grpc/doc/statuscodes.md).
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A status and the message that came with it.
pub fn status(code: usize, headers: &HeaderMap) -> String {
    let name = CODES.get(code).map_or_else(|| format!("gRPC status {code}"), |name| (*name).to_owned());
    match headers.get(MESSAGE).map(|message| String::from_utf8_lossy(message.as_bytes())) {
        Some(message) if !message.is_empty() => format!("{name}: {}", quoted(&message)),
        Some(_) | None => name,
    }
}

/// What went wrong on the connection.
pub fn fault(error: &h2::Error) -> Fault {
    if let Some(error) = error.get_io() {
        return Fault::remote("answer", error);
    }
    let Some(reason) = error.reason() else { return Fault::failed(format!("HTTP/2: {error}")) };
    let what = match (error.is_remote(), error.is_go_away()) {
        (true, true) => "the server ended the connection",
        (true, false) => "the server refused the request",
        // Only a speaker of HTTP/2 follows its rules.
        (false, true | false) => "the answer is none",
    };
    Fault::failed(format!("HTTP/2: {what}: {reason:?}"))
}
