//! `anycast-ctl receive`

use std::path::PathBuf;

use anycast_common::receive::GUE_PORT;
use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Common, block_on, output};
use crate::{
    api::types::XdpMode,
    bpffs::DEFAULT_BPFFS,
    receive::{self, InterfaceStatus, Sender},
};

mod check;
mod status;

/// Be the other end of a tunnel, on a backend: take packets out of what edge hosts send by `ipip` or `gue`.
///
/// Attaches a small XDP program and returns: it goes on until `receive stop`, also when the program file is gone.
/// Run again, it changes what is attached without losing a packet; what is not named again is as by default. Packets in
/// IPv4 or IPv6 (protocols 4 and 41) and in UDP to the GUE port are taken from the senders named, and dropped from
/// everybody else; all other packets pass untouched. Needs root, and a bpffs to keep the program in.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_long_help = "\
Examples:
  sudo anycast-ctl receive --interface eth0 --from 192.0.2.0/24 --from 2001:db8:e::/48
  sudo anycast-ctl receive --interface eth0 --from 192.0.2.10 --gue-port off
  sudo anycast-ctl receive status
  sudo anycast-ctl receive check --interface eth0 --vip 198.51.100.1 --vip 2001:db8::1
  sudo anycast-ctl receive stop --interface eth0"
)]
pub struct Receive {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: Start,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::StatusCommand),
    Check(check::Check),
    Stop(Stop),
}

#[derive(Debug, Args)]
struct Start {
    /// Interface the edge hosts' packets come in by
    #[arg(long, value_name = "NAME", required = true)]
    interface: Option<String>,

    /// Prefix of edge hosts' addresses, as the outer source; may be given again
    #[arg(long = "from", value_name = "PREFIX", required = true)]
    senders: Vec<Sender>,

    /// UDP port of GUE, or `off`: whatever comes to it is taken for a tunnel packet
    #[arg(long, value_name = "PORT", default_value_t = GuePort(Some(GUE_PORT)))]
    gue_port: GuePort,

    /// How to attach; without this native, and generic with a warning where the driver cannot
    #[arg(long, value_name = "MODE")]
    mode: Option<XdpMode>,

    #[command(flatten)]
    pins: Pins,
}

/// Where things are pinned.
#[derive(Debug, Args)]
struct Pins {
    /// Directory on a bpffs to pin program, link and maps in
    #[arg(long, value_name = "DIR", env = "ANYCAST_BPFFS", default_value = DEFAULT_BPFFS)]
    bpffs: PathBuf,
}

/// End receiving: detach the program and remove its pins.
#[derive(Debug, Args)]
struct Stop {
    /// The interface
    #[arg(long, value_name = "NAME")]
    interface: String,

    #[command(flatten)]
    pins: Pins,
}

/// A UDP port, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct GuePort(Option<u16>);

impl Receive {
    pub fn execute(self, common: &Common) -> anyhow::Result<()> {
        match self.command {
            None => self.start.execute(common),
            Some(Command::Status(command)) => command.execute(common),
            Some(Command::Check(command)) => command.execute(common),
            Some(Command::Stop(command)) => command.execute(common),
        }
    }
}

impl Start {
    fn execute(self, common: &Common) -> anyhow::Result<()> {
        let interface = self.interface.context("tell the interface: it is required")?;
        let start = receive::Start {
            bpffs: self.pins.bpffs,
            interface: interface.clone(),
            senders: self.senders.into_iter().collect(),
            gue_port: self.gue_port.0,
            mode: self.mode,
        };
        let (started, status) = block_on(async {
            let started = receive::start(&start).await?;
            Ok::<_, receive::ReceiveError>((started, receive::status(&start.bpffs, None).await?))
        })?
        .with_context(|| format!("receive on {interface}"))?;
        if let Some(warning) = &started.warning {
            output::warn(warning);
        }
        let index = nix::net::if_::if_nametoindex(interface.as_str()).unwrap_or_default();
        let status = status.interfaces.into_iter().find(|it| it.interface == interface || it.index == index);
        let status = status.context("read back what was set")?;
        output::show(common, &status, |status| told(status, &started))
    }
}

fn told(status: &InterfaceStatus, started: &receive::Started) -> String {
    let name = &status.interface;
    let what = match (started.began, started.replaced_program) {
        (true, _) => "receiving",
        (false, false) => "settings changed: receiving",
        (false, true) => "settings and program changed: receiving",
    };
    let mode = status.mode.map_or("not attached", XdpMode::label);
    let senders = status.senders.iter().map(Sender::to_string).collect::<Vec<_>>().join(", ");
    let gue = status.gue_port.map_or("no GUE".to_owned(), |port| format!("GUE at UDP port {port}"));
    format!(
        "{what} on {name} ({mode}) from {senders}; {gue}\n\
         It goes on without this command. `anycast-ctl receive status` shows it, `anycast-ctl receive stop --interface {name}` \
         ends it.\n"
    )
}

impl Stop {
    fn execute(self, common: &Common) -> anyhow::Result<()> {
        let Self { interface, pins } = self;
        block_on(receive::stop(&pins.bpffs, &interface))?
            .with_context(|| format!("stop receiving on {interface}"))?;
        output::show(common, &serde_json::json!({ "interface": interface }), |_| {
            format!("no longer receiving tunnels on {interface}\n")
        })
    }
}

impl std::str::FromStr for GuePort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "off" => Ok(Self(None)),
            Ok(port) if port != 0 => Ok(Self(Some(port))),
            Ok(_) | Err(_) => Err("write a port from 1 to 65535, or `off`".to_owned()),
        }
    }
}

impl std::fmt::Display for GuePort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(port) => port.fmt(f),
            None => f.write_str("off"),
        }
    }
}
