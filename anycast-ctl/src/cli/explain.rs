//! `anycast-ctl explain`

use std::{net::IpAddr, path::PathBuf};

use anyhow::Context as _;
use clap::{ArgGroup, Args};

use super::{Common, block_on, complete, output};
use crate::{
    api::{
        client::Client,
        types::{ExplainQuestion, ExplainWay, Explanation, Fragment, IcmpError, PacketKind},
    },
    explain::{Endpoint, Target, frame},
};

mod captured;

use captured::Which;

/// Say what the loaded program would do with a packet at this moment, and why
///
/// The daemon runs the program itself on the maps that packets meet: nothing is sent, counted, remembered or changed. The
/// exit code is 0 whatever becomes of the packet.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("kind").multiple(false).conflicts_with_all(["pcap", "icmp_quoting"]),
    after_long_help = EXAMPLES
)]
pub struct Explain {
    /// Who sends it: 198.51.100.7:40000, `[2001:db8::7]:40000`; for icmp the address alone
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = from, required_unless_present = "pcap", conflicts_with = "pcap")]
    from: Option<String>,
    /// To whom: 192.0.2.1:443/tcp, `[2001:db8::1]:53/udp`, 192.0.2.1/icmp; tcp unless another protocol is named
    #[arg(long, value_name = "ADDRESS:PORT/PROTOCOL", value_parser = to, required_unless_present = "pcap", conflicts_with = "pcap", add = complete::services())]
    to: Option<String>,
    /// A TCP segment that opens a connection
    #[arg(long, group = "kind")]
    syn: bool,
    /// A TCP segment of a connection: what is asked about unless another is
    #[arg(long, group = "kind")]
    ack: bool,
    /// A TCP segment that ends a connection
    #[arg(long, group = "kind")]
    fin: bool,
    /// A TCP segment that resets a connection
    #[arg(long, group = "kind")]
    rst: bool,
    /// A QUIC Initial, which opens a connection over udp
    #[arg(long, group = "kind")]
    quic_initial: bool,
    /// Not that packet, but an ICMP error about the answer to it
    #[arg(long, value_name = "ERROR", conflicts_with_all = ["pcap", "fragment"])]
    icmp_quoting: Option<IcmpError>,
    /// Who sends that error; the client unless it is said
    #[arg(long, value_name = "ADDRESS", requires = "icmp_quoting")]
    router: Option<IpAddr>,
    /// Interface it comes in by; the first one that the program is attached to unless it is said
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// TTL or hop limit [default: 64]
    #[arg(long, value_name = "N", conflicts_with = "pcap")]
    ttl: Option<u8>,
    /// Bytes of the IP packet [default: what its headers take]
    #[arg(long, value_name = "BYTES", conflicts_with = "pcap")]
    length: Option<u16>,
    /// Only that fragment of it
    #[arg(long, value_name = "WHICH", conflicts_with = "pcap")]
    fragment: Option<Fragment>,
    /// Identification that the fragments of one packet share [default: 1]
    #[arg(long, value_name = "N", requires = "fragment")]
    fragment_id: Option<u32>,
    /// Routers may fragment it, if it is IPv4; hosts mostly send packets that may not be
    #[arg(long, conflicts_with = "pcap")]
    may_fragment: bool,
    /// In a VLAN with that id
    #[arg(long, value_name = "ID", conflicts_with = "pcap")]
    vlan: Option<u16>,
    /// Packets of a pcap or pcapng file instead; - is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pcap: Option<PathBuf>,
    /// Which of them: its number in the file, from 1, or all, one sentence each
    #[arg(long, value_name = "N|all", default_value = "1", conflicts_with_all = ["from", "to"], value_parser = captured::which)]
    packet: Which,
}

const EXAMPLES: &str = "\
Examples:
  anycast-ctl explain --from 198.51.100.7:40000 --to 192.0.2.1:443         a segment of that session
  anycast-ctl explain --from 198.51.100.7:40000 --to 192.0.2.1:443 --syn   the same client connects anew
  anycast-ctl explain --from '[2001:db8::7]:9999' --to '[2001:db8:1::1]:53/udp'
  anycast-ctl explain --from 198.51.100.7:40000 --to 192.0.2.1:443 --icmp-quoting too-big --router 203.0.113.1
  anycast-ctl explain --from 198.51.100.7 --to 192.0.2.1/icmp              a ping
  anycast-ctl explain --from 198.51.100.7:40000 --to 192.0.2.1:443 --length 1500 --ttl 1
  anycast-ctl explain --pcap trouble.pcap --packet 7                       a packet that was captured
  tcpdump -c 20 -w - | anycast-ctl explain --pcap - --packet all           one sentence each
  anycast-ctl explain --from 198.51.100.7:40000 --to 192.0.2.1:443 --json | jq .backend";

impl Explain {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        if let Some(path) = &self.pcap {
            let way = ExplainWay { interface: self.interface };
            return captured::explain(common, client, path, self.packet, &way);
        }
        let question = self.question();
        // What is no packet is told without a daemon.
        frame(&question).context("make the packet that is asked about")?;
        let explanation =
            block_on(client.explain(&question))?.context("ask the daemon what would become of it")?;
        show(common, &explanation)
    }

    fn question(self) -> ExplainQuestion {
        let packet = self.kind();
        ExplainQuestion {
            from: self.from.unwrap_or_default(),
            to: self.to.unwrap_or_default(),
            packet,
            icmp_quoting: self.icmp_quoting,
            router: self.router,
            interface: self.interface,
            ttl: self.ttl,
            length: self.length,
            fragment: self.fragment,
            fragment_id: self.fragment_id,
            may_fragment: self.may_fragment,
            vlan: self.vlan,
        }
    }

    fn kind(&self) -> Option<PacketKind> {
        let kinds = [
            (self.syn, PacketKind::Syn),
            (self.ack, PacketKind::Ack),
            (self.fin, PacketKind::Fin),
            (self.rst, PacketKind::Rst),
            (self.quic_initial, PacketKind::QuicInitial),
        ];
        kinds.into_iter().find(|kind| kind.0).map(|kind| kind.1)
    }
}

fn show(common: &Common, explanation: &Explanation) -> anyhow::Result<()> {
    output::show(common, explanation, |explanation| explanation.text.clone())
}

fn from(text: &str) -> Result<String, String> {
    Endpoint::read(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn to(text: &str) -> Result<String, String> {
    Target::read(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}
