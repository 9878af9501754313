//! Read-only HTTP on a TCP port: metrics, the page, and what the API can be asked, for clients that cannot use its socket.
//!
//! Nothing here changes anything, and nothing that is secret can be read. Whoever connects is a stranger: what they can take
//! of the daemon is bounded, and a browser on this host is not to be led here by another site.

mod address;
mod guard;
mod listener;
mod metrics;
mod page;
mod router;

pub use address::{Address, AddressError, DEFAULT_ADDRESS};
pub use listener::{MAX_CONNECTIONS, Web};
