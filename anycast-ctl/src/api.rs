//! The HTTP/JSON API on the daemon's Unix socket.

mod body;
pub mod call;
mod captures;
mod change;
pub mod client;
pub mod link;
pub mod measure;
pub mod peer;
mod refusal;
pub mod request;
pub mod router;
mod routes;
pub mod server;
mod snapshot;
pub mod socket;
mod stream;
mod terms;
pub mod types;
