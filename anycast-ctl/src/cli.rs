//! The command line: arguments, exit codes, and how errors are told.
//!
//! Exit codes: 0, 1 for what went wrong while running, 2 for wrong usage. The one exception is `apply`, whose 2 means that
//! there would be changes: its wrong usage is 1. A reader that closes the pipe is success.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::CompleteEnv;

use crate::{api::client::Client, instance};

mod announce;
mod apply;
mod backend;
mod capture;
mod change;
mod complete;
mod doctor;
mod drain;
mod explain;
mod flows;
mod health;
mod history;
mod hook;
mod host;
mod log;
mod output;
mod plan;
mod pool;
mod receive;
mod reconcile;
mod reference;
mod run;
mod schema;
mod site;
pub(crate) mod status;
mod supervise;
pub(crate) mod table;
mod top;
pub(crate) mod unit;
mod validate;
mod vip;
mod watch;

/// Steers packets for anycast VIPs to backends, in XDP.
///
/// `anycast-ctl run` is the daemon: it attaches the XDP program to the interfaces of its configuration and keeps it
/// steering; the program goes on without it. `anycast-ctl receive` is the other end of a tunnel, on a backend, and needs no daemon. Every other
/// command asks or tells the running daemon over its Unix socket.
#[derive(Debug, Parser)]
#[command(name = "anycast-ctl", version, max_term_width = 100, arg_required_else_help = true, after_long_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  anycast-ctl validate site.toml                       check a file, change nothing
  sudo anycast-ctl apply -f site.toml --dry-run        what it would change and break; then without --dry-run
  sudo anycast-ctl run --config site.toml              start to steer
  sudo anycast-ctl down                                stop steering; the end of `run` does not
  sudo anycast-ctl status                              what is up, and why something is not
  sudo anycast-ctl backend add web web-4 10.0.0.14     a fourth server for pool web
  sudo anycast-ctl backend drain web web-2             no new flows, those it has live on
  sudo anycast-ctl backend remove web web-2 --dry-run  what would break
  sudo anycast-ctl host drain 10.0.0.12 --wait         the whole server, for maintenance
  sudo anycast-ctl history                             who changed what; `rollback REV` goes back
  sudo anycast-ctl announce list                       what routers are told, and why
  sudo anycast-ctl site drain --wait                   the whole site, without breaking sessions
  sudo anycast-ctl health                              what checks say of the backends
  sudo anycast-ctl top                                 all of it, live
  sudo anycast-ctl explain --from 198.51.100.7:40000 --to 192.0.2.1:443    where a packet goes, and why
  sudo anycast-ctl flows list --backend web/web-2      sessions that are remembered, and why
  sudo anycast-ctl pool show web                       shares, transitions, remembered flows
  sudo anycast-ctl capture -w www.pcapng --vip www     packets, and what became of each
  sudo anycast-ctl backend list --json | jq            for scripts
  sudo anycast-ctl receive --interface eth0 --from 192.0.2.0/24    on a backend behind ipip or gue

Exit codes: 0 done, 1 it went wrong, 2 wrong usage; `apply --dry-run` and `apply --diff`: 2 there would be changes.";

/// What every command takes.
#[derive(Clone, Debug, Args)]
struct Common {
    /// Which dataplane of this host
    #[arg(long, global = true, value_name = "NAME", env = "ANYCAST_INSTANCE", default_value = instance::DEFAULT,
        value_parser = instance::parse)]
    instance: String,

    /// Unix socket of the daemon; without this, /run/anycast/INSTANCE.sock
    #[arg(long, global = true, value_name = "PATH", env = "ANYCAST_SOCKET")]
    socket: Option<PathBuf>,

    /// Print JSON, with exact numbers, instead of tables
    #[arg(long, global = true)]
    json: bool,
}

impl Common {
    fn socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| instance::socket(&self.instance))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Status(status::StatusCommand),
    Apply(apply::Apply),
    Export(apply::Export),
    History(history::History),
    Rollback(history::Rollback),
    #[command(subcommand)]
    Vip(vip::Vip),
    #[command(subcommand)]
    Pool(pool::Pool),
    #[command(subcommand)]
    Backend(backend::Backend),
    Health(health::Health),
    Watch(watch::Watch),
    Log(log::Log),
    Top(top::Top),
    #[command(subcommand)]
    Flows(flows::Flows),
    #[command(subcommand)]
    Announce(announce::Announce),
    #[command(subcommand)]
    Host(host::Host),
    #[command(subcommand)]
    Site(site::Site),
    Attach(hook::Attach),
    Detach(hook::Detach),
    Down(hook::Down),
    Receive(receive::Receive),
    Capture(capture::Capture),
    Explain(Box<explain::Explain>),
    Doctor(doctor::Doctor),
    Reconcile(reconcile::Reconcile),
    Validate(validate::Validate),
    Schema(schema::Schema),
    Completions(reference::Completions),
    Man(reference::Man),
    #[command(hide = true)]
    Supervise(supervise::Supervise),
}

/// Every command with its arguments, hidden ones included, for those who describe them.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the arguments and does what they say.
pub fn main() -> ExitCode {
    CompleteEnv::with_factory(Cli::command).complete();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to a pipe as well; one that is closed is no error.
            let _ = error.print();
            return ExitCode::from(usage_code(error.exit_code()));
        }
    };
    match execute(cli) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// What is wrong with these words behind `anycast-ctl`, by the parser that reads them; documentation is checked by it.
pub fn check(words: &[String]) -> Result<(), clap::Error> {
    let program = std::iter::once("anycast-ctl");
    Cli::command().try_get_matches_from(program.chain(words.iter().map(String::as_str))).map(drop)
}

/// What wrong usage exits with: what clap says, but where that would mean something else.
fn usage_code(code: i32) -> u8 {
    let code = u8::try_from(code).unwrap_or(2);
    let words = Cli::command().ignore_errors(true).try_get_matches();
    let is_apply = words.is_ok_and(|words| words.subcommand_name() == Some("apply"));
    if code == apply::WOULD_CHANGE && is_apply { 1 } else { code }
}

fn execute(Cli { common, command }: Cli) -> anyhow::Result<ExitCode> {
    let client = Client::new(&common.socket());
    let done = match command {
        Command::Apply(command) => return command.execute(&common, &client),
        Command::Export(command) => command.execute(&common, &client),
        Command::History(command) => command.execute(&common, &client),
        Command::Rollback(command) => command.execute(&common, &client),
        Command::Run(command) => command.execute(&common),
        Command::Status(_) => status::execute(&common, &client),
        Command::Vip(command) => command.execute(&common, &client),
        Command::Pool(command) => command.execute(&common, &client),
        Command::Backend(command) => command.execute(&common, &client),
        Command::Health(command) => command.execute(&common, &client),
        Command::Watch(command) => command.execute(&common, &client),
        Command::Log(command) => command.execute(&common, &client),
        Command::Top(command) => command.execute(&common, client),
        Command::Flows(command) => command.execute(&common, &client),
        Command::Host(command) => command.execute(&common, &client),
        Command::Announce(command) => command.execute(&common, &client),
        Command::Site(command) => command.execute(&common, &client),
        Command::Attach(command) => command.execute(&common, &client),
        Command::Detach(command) => command.execute(&common, &client),
        Command::Down(command) => command.execute(&common, &client),
        Command::Receive(command) => command.execute(&common),
        Command::Capture(command) => return command.execute(&common, &client),
        Command::Explain(command) => command.execute(&common, &client),
        Command::Doctor(command) => command.execute(&common),
        Command::Reconcile(command) => command.execute(&common, &client),
        Command::Validate(command) => command.execute(&common),
        Command::Schema(command) => command.execute(),
        Command::Completions(command) => command.execute(),
        Command::Man(command) => command.execute(),
        Command::Supervise(command) => command.execute(),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Runs one question to the daemon to its end.
fn block_on<T>(question: impl Future<Output = T>) -> anyhow::Result<T> {
    use anyhow::Context as _;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.context("start the async runtime")?.block_on(question))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
