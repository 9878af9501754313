//! `anycast-ctl flows count`

use anyhow::Context as _;
use clap::Args;

use super::wanted::Wanted;
use crate::{
    api::{
        client::Client,
        types::{FlowCount, FlowCounts, FlowGroup, FlowTally},
    },
    cli::{
        Common, block_on, output,
        table::{Align, render},
        unit,
    },
};

/// Count remembered flows by backend or VIP
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl flows count                   by backend
  anycast-ctl flows count --by vip
  anycast-ctl flows count --from 198.51.100.0/24 --json | jq .total.pinned

HOLDING are those that hold their slot in transition; ENDED those that the next sweep forgets. Both are among the others.")]
pub struct Count {
    #[command(flatten)]
    wanted: Wanted,

    /// By what
    #[arg(long, value_name = "WHAT", default_value = "backend")]
    by: FlowGroup,
}

impl Count {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let by = clap::ValueEnum::to_possible_value(&self.by);
        let query = self.wanted.query().with_some("by", by.as_ref().map(|by| by.get_name()));
        let counts = block_on(client.flow_counts(&query))?.context("ask the daemon for remembered flows")?;
        output::show(common, &counts, page)
    }
}

fn page(counts: &FlowCounts) -> String {
    let title = match counts.by {
        FlowGroup::Backend => "BACKEND",
        FlowGroup::Vip => "VIP",
    };
    let columns = [
        (title, Align::Left),
        ("PINNED", Align::Right),
        ("EMBRYONIC", Align::Right),
        ("HOLDING", Align::Right),
        ("ENDED", Align::Right),
    ];
    let total = ("all".to_owned(), counts.total);
    let groups = counts.groups.iter().map(|group| (name(group), group.tally));
    let rows = groups.chain([total]).map(|(name, tally)| {
        let FlowTally { pinned, embryonic, holding, ended } = tally;
        let [pinned, embryonic, holding, ended] = [pinned, embryonic, holding, ended].map(unit::count);
        [name, pinned, embryonic, holding, ended]
    });
    let room = format!(
        "\nRoom for {} pins and {} embryonic flows; when it is used up those silent longest make room.\n",
        unit::count(counts.pins_capacity.into()),
        unit::count(counts.embryonic_capacity.into())
    );
    render("", columns, rows) + &room
}

fn name(group: &FlowCount) -> String {
    match (&group.name, group.removed) {
        (Some(name), false) => name.clone(),
        (Some(name), true) => format!("{name} (removed)"),
        (None, _) => "(removed)".to_owned(),
    }
}
