//! `anycast-ctl validate`

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use super::{Common, output};
use crate::config::{self, ConfigError, Fault};

/// Check a site file without touching anything.
///
/// Reads the file as `run` does and reports every fault with its line. Needs no rights, no daemon, and none of the
/// interfaces the file names.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl validate site.toml                               every fault as FILE:LINE:COLUMN: KEY: what would be right
  anycast-ctl validate site.toml --json | jq '.faults[].key'   the same for programs

Exit codes: 0 the file is valid, 1 it is not or cannot be read, 2 wrong usage.")]
pub struct Validate {
    /// Site file (TOML)
    file: PathBuf,
}

/// What is answered with --json.
#[derive(Serialize)]
#[serde(untagged)]
enum Verdict {
    Valid {
        valid: bool,
        #[serde(flatten)]
        holds: Holds,
    },
    Invalid {
        valid: bool,
        faults: Vec<FaultLine>,
        /// Faults there are beyond these.
        more: usize,
    },
}

/// What the file holds.
#[derive(Serialize)]
struct Holds {
    interfaces: usize,
    vips: usize,
    pools: usize,
    backends: usize,
}

/// One fault. Line, column and key are left out where the file could not be read at all.
#[derive(Serialize)]
struct FaultLine {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "String::is_empty")]
    key: String,
    message: String,
}

impl Validate {
    pub fn execute(self, common: &Common) -> anyhow::Result<()> {
        let site = match config::load(&self.file) {
            Ok(site) => site,
            Err(error) if common.json => return self.report(common, error),
            Err(error) => return Err(error).context("load the configuration"),
        };
        let holds = Holds {
            interfaces: site.interfaces.len(),
            vips: site.vips.len(),
            pools: site.pools.len(),
            backends: site.pools.iter().map(|pool| pool.backends.len()).sum(),
        };
        let Holds { interfaces, vips, pools, backends } = holds;
        output::show(common, &Verdict::Valid { valid: true, holds }, |_| {
            format!(
                "{} is valid: {interfaces} interfaces, {vips} VIPs, {pools} pools, {backends} backends\n",
                self.file.display()
            )
        })
    }

    /// Tells programs what is wrong.
    fn report(&self, common: &Common, error: ConfigError) -> anyhow::Result<()> {
        let file = self.file.display().to_string();
        let summary = format!("{file} is not valid");
        let whole = |error: &ConfigError| FaultLine {
            file: file.clone(),
            line: None,
            column: None,
            key: String::new(),
            message: error.to_string(),
        };
        let (faults, more) = match error {
            ConfigError::Invalid { file, faults, more } => {
                let line = |Fault { line, column, path, message }| FaultLine {
                    file: file.clone(),
                    line: Some(line),
                    column: Some(column),
                    key: path,
                    message,
                };
                (faults.into_iter().map(line).collect(), more)
            }
            ConfigError::NotUtf8 { line, column, .. } => {
                (vec![FaultLine { line: Some(line), column: Some(column), ..whole(&error) }], 0)
            }
            ConfigError::Missing(_)
            | ConfigError::Directory(_)
            | ConfigError::Denied(_)
            | ConfigError::Unreadable { .. }
            | ConfigError::TooLong(_) => (vec![whole(&error)], 0),
        };
        output::show(common, &Verdict::Invalid { valid: false, faults, more }, |_| String::new())?;
        bail!(summary)
    }
}
