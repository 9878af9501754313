//! Long TCP sessions that notice everything: both sides send numbered lines with a checksum, and echo what they get.
//!
//! ```text
//! client                                   server
//!   │ ── open KEY ─────────────────────────► │
//!   │ ◄───────────────────────── hello NAME ─ │   the backend that has the session
//!   │ ── data 0 FILL SUM ──────────────────► │   both ways, each at its own pace
//!   │ ◄──────────────────────── echo 0 SUM ── │
//!   │ ◄──────────────────── data 0 FILL SUM ─ │
//!   │ ── echo 0 SUM ───────────────────────► │
//!   │                  …                      │
//!   │ ── end ──────────────────────────────► │
//!   │ ◄─────────────────── bye SENT RECEIVED ─ │   the client compares, and closes
//! ```
//!
//! A number that is missing, a line of another session and a byte that changed all end the session as corrupt.

mod arrival;
mod client;
mod server;
mod talk;

pub use client::{Ending, Lifetime, Pattern, Record, Sessions};
pub use server::{SESSION_PORT, Server};
pub use talk::Amount;

/// Puts the calling thread before what else runs on the machine: a side that waits for a core tells of nothing else.
fn take_precedence() -> anyhow::Result<()> {
    const NICE: libc::c_int = -10;
    // SAFETY: takes three integers. On Linux 0 is the calling thread alone.
    let set = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    anyhow::ensure!(set == 0, "hold sessions at nice {NICE}: {}", std::io::Error::last_os_error());
    Ok(())
}
