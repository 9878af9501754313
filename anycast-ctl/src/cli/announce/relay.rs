//! `anycast-ctl announce relay`

use std::{
    io::{self, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;

use super::super::{Common, block_on};
use crate::{
    announce::driver::exabgp::{self, relay},
    period,
};

/// Stand between ExaBGP and the daemon: the process that ExaBGP runs.
///
/// Passes the daemon's commands to ExaBGP and its answers back, and remembers which routes came that way. When nothing is
/// heard of the daemon for the time of its lease (`lease` in `[announce]` of the site), it withdraws them. When a daemon comes
/// back before that, nothing moves. It ends with ExaBGP. What it has to say goes to ExaBGP's stderr.
///
/// This is not for a terminal: stdin and stdout are ExaBGP's.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example, in exabgp.conf:
  process anycast {
    run /usr/bin/anycast-ctl announce relay;
    encoder json;
  }
  neighbor 192.0.2.1 {
    ...
    api { processes [ anycast ]; }
  }

Examples of its line `run`:
  run /usr/bin/anycast-ctl announce relay --socket /run/exabgp/anycast.sock;
  run /usr/bin/anycast-ctl announce relay --lease 1m;
  run /usr/bin/anycast-ctl announce relay --instance edge-2;

Exit codes: 0 ExaBGP is gone, 1 stdin or stdout is no pipe, 2 wrong usage.")]
pub struct Relay {
    /// Where the daemon awaits it: `socket` in `[announce.exabgp]` of the site; without this, /run/anycast/INSTANCE.exabgp.sock
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,

    /// How long routes stay without a daemon, until one tells its own lease; 0s: for ever
    #[arg(long, value_name = "PERIOD", default_value = "30s", value_parser = lease)]
    lease: Duration,
}

impl Relay {
    pub fn execute(self, common: &Common) -> anyhow::Result<()> {
        let default = || exabgp::default_path(Path::new("/run/anycast"), &common.instance);
        let socket = self.socket.unwrap_or_else(default);
        let stdin = descriptor(io::stdin().as_fd().try_clone_to_owned(), "stdin")?;
        let stdout = descriptor(io::stdout().as_fd().try_clone_to_owned(), "stdout")?;
        // Nobody may read it: that is no reason to end.
        let say = |text: &str| drop(writeln!(io::stderr(), "anycast-ctl announce relay: {text}"));
        block_on(relay::run(&socket, self.lease, stdin, stdout, say))?.context("relay for ExaBGP")
    }
}

fn descriptor(cloned: io::Result<OwnedFd>, name: &str) -> anyhow::Result<OwnedFd> {
    cloned.with_context(|| format!("take {name}"))
}

/// A period; `0` needs no unit.
fn lease(text: &str) -> Result<Duration, period::PeriodError> {
    if text == "0" { Ok(Duration::ZERO) } else { period::parse_fine(text) }
}
