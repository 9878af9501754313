//! `anycast-ctl schema`

use anyhow::Context as _;
use clap::Args;

use super::output;
use crate::config;

/// Print the JSON Schema of site files.
///
/// Editors check and complete site files with it, and programs that write sites validate them. It is made from what this
/// program reads: keys, types, ranges and defaults. `anycast-ctl validate` also knows what entries ask of each other.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  anycast-ctl schema > site.schema.json    and `#:schema ./site.schema.json` as first line of site.toml, for Taplo")]
pub struct Schema {}

impl Schema {
    pub fn execute(self) -> anyhow::Result<()> {
        let mut json = serde_json::to_string_pretty(&config::schema()).context("write the schema as JSON")?;
        json.push('\n');
        output::print(&json)
    }
}
