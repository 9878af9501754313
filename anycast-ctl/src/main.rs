//! `anycast-ctl`: the daemon that steers, and the commands that talk to it.

use std::process::ExitCode;

fn main() -> ExitCode {
    anycast_ctl::cli::main()
}
