//! `anycast-ctl top`: a live view of one daemon, drawn on a terminal or told in lines.
//!
//! ```text
//! follow (a thread: asks the daemon) ── Picture ──▶ screen (this thread: draws, takes keys) ── or plain
//! keys   (a thread: reads the terminal) ── Event ──▶ screen
//! ```
//!
//! A picture is made of the one before and of what the daemon says; everything but the asking, the terminal and the two loops
//! is free of IO.

use std::time::Duration;

use anyhow::Context as _;

use crate::api::client::Client;

pub mod alarms;
pub mod column;
pub mod draw;
pub mod field;
pub mod follow;
pub mod history;
pub mod list;
pub mod picture;
pub mod place;
mod plain;
pub mod rates;
pub mod row;
mod screen;
mod terminal;
pub mod view;

pub use plain::Form;
pub use terminal::Screen;

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// On the whole terminal, with keys.
    Screen,
    /// In lines.
    Lines(Form),
}

/// Shows the daemon behind a client until somebody ends it, or as many times as are wanted.
///
/// # Errors
/// The daemon does not answer when this begins, or the terminal cannot be used.
pub fn run(client: Client, show: Show, interval: Duration, count: Option<u64>) -> anyhow::Result<()> {
    let follower = follow::start(client, interval).context("start to ask the daemon")?;
    match show {
        Show::Screen => screen::run(follower, interval),
        Show::Lines(form) => plain::run(&follower, form, count),
    }
}
