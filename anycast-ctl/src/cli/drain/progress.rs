//! Tells on stderr how far a drain is: on one line that is written anew for somebody who looks on, else on a line every
//! some seconds, for a log.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use super::wait::Left;
use crate::cli::unit;

/// How often a log is told.
const EVERY: Duration = Duration::from_secs(10);

/// Tells one drain.
pub struct Teller<'a> {
    what: &'a str,
    is_looked_on: bool,
    /// Whether the terminal has an unfinished line.
    open: bool,
    told: Option<Instant>,
}

impl<'a> Teller<'a> {
    /// Has told nothing yet.
    pub fn new(what: &'a str) -> Self {
        Self { what, is_looked_on: io::stderr().is_terminal(), open: false, told: None }
    }

    /// What is left.
    pub fn tell(&mut self, left: &Left) {
        self.say(&format!("draining {}: {left}", self.what));
    }

    /// That nobody answers.
    pub fn tell_away(&mut self) {
        self.say(&format!("draining {}: the daemon does not answer; trying again", self.what));
    }

    /// Anything else.
    pub fn say(&mut self, text: &str) {
        let mut stderr = io::stderr().lock();
        // Who closed stderr does not want to know.
        if self.is_looked_on {
            // Cut at the right margin rather than continued on a line that would stay.
            let _ = write!(stderr, "\r\x1b[K\x1b[?7l{text}\x1b[?7h").and_then(|()| stderr.flush());
            self.open = true;
        } else if self.told.is_none_or(|told| told.elapsed() >= EVERY) {
            let _ = writeln!(stderr, "{text}");
            self.told = Some(Instant::now());
        }
    }
}

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        if self.open {
            // The line goes as it came.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// `12 remembered flows, 310 slots wait for others, 9m 12s left`; of several backends how many are not done.
impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backends, flows, slots, seconds } = self;
        if *backends > 1 {
            write!(f, "{backends} backends, ")?;
        }
        let plural = |n: u64| if n == 1 { "" } else { "s" };
        let (flows_s, slots_s) = (plural(*flows), if *slots == 1 { "" } else { "s" });
        let wait = if *slots == 1 { "waits" } else { "wait" };
        write!(
            f,
            "{} remembered flow{flows_s}, {slots} slot{slots_s} {wait} for others",
            unit::count(*flows)
        )?;
        match seconds {
            Some(seconds) => write!(f, ", {} left", unit::duration(*seconds)),
            None => f.write_str(", no deadline"),
        }
    }
}
