//! `anycast-ctl apply` and `anycast-ctl export`

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;

use super::{
    Common, block_on,
    change::{Agreed, arrived, patiently},
    output, plan,
};
use crate::api::{
    call::Call,
    client::{Changed, Client},
    types::Committed,
};

/// What `apply --dry-run` and `apply --diff` exit with when there would be changes.
pub const WOULD_CHANGE: u8 = 2;

/// Largest file that is sent, in bytes; the daemon takes no larger one.
const MAX_BYTES: u64 = 16 << 20;

/// Make a site file the desired state, as a whole.
///
/// What the file does not have is removed, what it has otherwise is changed, the rest stays as it is. An unchanged file changes
/// nothing and makes no revision.
///
/// With --dry-run or --diff nothing is changed, and the exit code tells scripts: 0 when there is nothing to change, 2 when there
/// would be changes, 1 when it went wrong. Wrong usage of this command exits with 1, too, not with 2 as elsewhere.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl apply -f site.toml --diff              what differs, line by line
  anycast-ctl apply -f site.toml --dry-run           which slots would move, which sessions would break
  anycast-ctl apply -f site.toml --wait              return when packets are steered by it
  anycast-ctl export | sed 's/weight = 1$/weight = 2/' | anycast-ctl apply -f - --revision 7

In a script:
  anycast-ctl apply -f site.toml --diff > changes
  case $? in 0) echo same ;; 2) mail -s changes ops < changes ;; *) exit 1 ;; esac")]
pub struct Apply {
    /// Site file (TOML, or the JSON of `export --json`); `-` reads stdin
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,

    /// Print which slots would move and which sessions would break, and change nothing
    #[arg(long, conflicts_with = "diff")]
    dry_run: bool,

    /// Print what differs from the desired state, and change nothing
    #[arg(long)]
    diff: bool,

    #[command(flatten)]
    agreed: Agreed,
}

/// Print the desired state as a site file.
///
/// What it prints can be applied again, here or elsewhere. It holds the seed, which is a secret.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  (umask 077; anycast-ctl export > site.toml)")]
pub struct Export {}

impl Apply {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<ExitCode> {
        let Self { file, dry_run, diff, agreed } = self;
        let call = Call::apply(&file.display().to_string(), read(&file)?);
        let context = || format!("apply {}", file.display());
        let terms = agreed.terms();
        if dry_run || diff {
            let would = block_on(client.plan(&call, &terms))?.with_context(context)?;
            if diff {
                output::show(common, &would.diff, ToString::to_string)?;
            } else {
                output::show(common, &would, plan::page)?;
            }
            let same = would.diff.is_empty();
            return Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(WOULD_CHANGE) });
        }
        let changed: Changed<Committed> = patiently(client, &call, &terms)?.with_context(context)?;
        output::show(common, &changed.value, |committed| text(&file, committed))?;
        arrived(&changed, &terms)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Export {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let context = "ask the daemon for its site";
        if common.json {
            let site = block_on(client.site())?.context(context)?;
            return output::show(common, &site, |_| String::new());
        }
        output::print(&block_on(client.site_file())?.context(context)?)
    }
}

fn text(file: &Path, committed: &Committed) -> String {
    let Committed { revision, changed, diff } = committed;
    if *changed {
        format!("{diff}applied {} as revision {revision}\n", file.display())
    } else {
        format!("nothing to change: revision {revision} is as {} says\n", file.display())
    }
}

/// The text of a file, or of stdin.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(file).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("read {}", file.display()))?;
    anyhow::ensure!(
        bytes.len() as u64 <= MAX_BYTES,
        "{} is longer than 16 MiB; is it a site file?",
        file.display()
    );
    Ok(bytes)
}
