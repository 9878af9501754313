//! The HTTP/JSON API on the daemon's Unix socket.

mod audit;
mod body;
pub mod call;
mod captures;
mod change;
pub mod client;
pub mod connections;
pub mod doors;
pub mod link;
pub mod measure;
pub mod peer;
pub(crate) mod places;
pub(crate) mod public;
pub(crate) mod refusal;
pub mod request;
pub mod router;
pub(crate) mod routes;
pub mod server;
pub(crate) mod snapshot;
pub mod socket;
mod stream;
mod terms;
pub(crate) mod together;
pub mod types;
