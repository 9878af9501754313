//! The HTTP/JSON API on the daemon's Unix socket.

pub mod client;
pub mod peer;
pub mod server;
pub mod socket;
pub mod types;
