//! `anycast-ctl flows list`

use anyhow::Context as _;
use clap::Args;

use super::wanted::Wanted;
use crate::{
    api::{
        call::Query,
        client::Client,
        types::{FlowOrder, FlowProtocol, FlowState, FlowStatus, FlowsStatus, Kept},
    },
    cli::{
        Common, block_on, output,
        table::{Align, render},
        unit,
    },
};

/// Flows in one answer when all are wanted.
const PAGE: u32 = 5_000;

/// List remembered flows: where they go, how long they were silent, and why they are remembered
///
/// The daemon reads all of them and answers with the first; that takes a second or so for a million, and disturbs no packet.
/// With --all they come as they lie in the maps, page by page; with --json that is one object a line.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl flows list                              the hundred that showed a packet last
  anycast-ctl flows list --backend web/web-2 --sort age    what a drain waits for, the longest silent first
  anycast-ctl flows list --embryonic --limit 20       handshakes that are not finished
  anycast-ctl flows list --all --json | jq -r .source | sort | uniq -c

KEPT says why a flow is remembered:
  holds slot      its slot belongs to another backend by now, and stays in transition because of it
  in transition   its slot is its backend's, but in transition: unrecorded flows go to the base owner
  udp pinned      its pool has `udp = \"pinned\"`
  slot stable     nobody reads it any more; it is forgotten once it is silent
  silent, backend gone, VIP gone     it has ended; the next sweep forgets it")]
pub struct List {
    #[command(flatten)]
    wanted: Wanted,

    /// How many, 10000 at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,

    /// Which ones come first
    #[arg(long, value_name = "ORDER", default_value = "recent")]
    sort: FlowOrder,

    /// All of them, however many, in no order
    #[arg(long, conflicts_with_all = ["limit", "sort"])]
    all: bool,
}

impl List {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let query = self.wanted.query();
        if self.all {
            return all(common, client, &query);
        }
        let order = clap::ValueEnum::to_possible_value(&self.sort);
        let order = order.as_ref().map(|order| order.get_name());
        let query = query.with("limit", self.limit).with_some("sort", order);
        let status = ask(client, &query)?;
        output::show(common, &status, page)
    }
}

/// Page by page, so that neither side holds all of them.
fn all(common: &Common, client: &Client, query: &Query) -> anyhow::Result<()> {
    let query = query.clone().with("limit", PAGE);
    let (mut next, mut begun) = (None, false);
    loop {
        let status = ask(client, &query.clone().with_some("after", next.as_ref()))?;
        let text = if common.json {
            let lines = status.flows.iter().map(|flow| serde_json::to_string(flow).map(|line| line + "\n"));
            lines.collect::<Result<String, _>>().context("write the answer as JSON")?
        } else if status.flows.is_empty() {
            String::new()
        } else {
            let text = table(&status);
            let headless = text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
            if begun { headless } else { text }
        };
        begun |= !status.flows.is_empty();
        if !output::print_to_reader(&text)? {
            return Ok(());
        }
        next = status.next;
        if next.is_none() {
            return if begun || common.json {
                Ok(())
            } else {
                output::print("No such flow is remembered.\n")
            };
        }
    }
}

fn ask(client: &Client, query: &Query) -> anyhow::Result<FlowsStatus> {
    block_on(client.flows(query))?.context("ask the daemon for remembered flows")
}

fn page(status: &FlowsStatus) -> String {
    if status.flows.is_empty() {
        return match status.read {
            0 => "No flow is remembered: no slot is in transition, or nothing came since.\n".to_owned(),
            read => format!("No such flow is remembered, of {} that are.\n", unit::count(read)),
        };
    }
    let shown = status.flows.len() as u64;
    let rest = status.matched.saturating_sub(shown);
    let more = if rest == 0 {
        String::new()
    } else {
        format!("\n{} more; --limit shows more of them, --all every one.\n", unit::count(rest))
    };
    table(status) + &more
}

fn table(status: &FlowsStatus) -> String {
    let columns = [
        ("CLIENT", Align::Left),
        ("TO", Align::Left),
        ("VIP", Align::Left),
        ("BACKEND", Align::Left),
        ("STATE", Align::Left),
        ("SILENT", Align::Right),
        ("SLOT", Align::Right),
        ("KEPT", Align::Left),
    ];
    let rows = status.flows.iter().map(|flow| {
        [
            endpoint(flow.source, flow.source_port),
            format!("{}/{}", endpoint(flow.destination, flow.destination_port), protocol(flow.protocol)),
            flow.vip.clone().unwrap_or_else(|| "(removed)".to_owned()),
            backend(flow),
            state(flow.state).to_owned(),
            unit::duration(flow.silent_seconds),
            flow.slot.map_or_else(|| "-".to_owned(), |slot| slot.to_string()),
            kept(flow.kept).to_owned(),
        ]
    });
    render("", columns, rows)
}

fn endpoint(address: std::net::IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(address, port).to_string()
}

fn backend(flow: &FlowStatus) -> String {
    match (&flow.pool, &flow.backend, flow.backend_removed) {
        (Some(pool), Some(name), false) => format!("{pool}/{name}"),
        (Some(pool), Some(name), true) => format!("{pool}/{name} (removed)"),
        _ => "(removed)".to_owned(),
    }
}

const fn protocol(protocol: FlowProtocol) -> &'static str {
    match protocol {
        FlowProtocol::Tcp => "tcp",
        FlowProtocol::Udp => "udp",
    }
}

const fn state(state: FlowState) -> &'static str {
    match state {
        FlowState::Embryonic => "embryonic",
        FlowState::Pinned => "pinned",
    }
}

const fn kept(kept: Kept) -> &'static str {
    match kept {
        Kept::HoldsSlot => "holds slot",
        Kept::InTransition => "in transition",
        Kept::UdpPinned => "udp pinned",
        Kept::SlotStable => "slot stable",
        Kept::Silent => "silent",
        Kept::BackendGone => "backend gone",
        Kept::VipGone => "VIP gone",
    }
}
