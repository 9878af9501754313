//! Bulk TCP both ways, and UDP that is answered: what shows whether packets of every size get through, and whole.
//!
//! ```text
//! client                                server
//!   │ ── 'u', bytes, seed ────────────────► │   an upload
//!   │ ── the bytes that the seed makes ───► │
//!   │ ◄───────────────── digest, its name ── │
//!
//!   │ ── 'd', bytes, seed ────────────────► │   a download
//!   │ ◄─── the bytes that the seed makes ─── │
//!   │ ◄───────────────── digest, its name ── │
//!
//!   │ ── any datagram ────────────────────► │
//!   │ ◄─────────────────────── the same ─── │
//! ```

mod bytes;
mod client;
mod server;

pub use client::{Datagrams, Transfer, Upload, download};
pub use server::{Server, TRANSFER_PORT};

/// Bytes of a request: kind, count, seed.
const REQUEST_BYTES: usize = 17;
const UPLOAD: u8 = b'u';
const DOWNLOAD: u8 = b'd';
