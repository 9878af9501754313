//! The source tree that packages are made of.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::tool;
use crate::compile::workspace;

/// A source tree and what is known of it.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is.
    pub directory: PathBuf,
    /// Where it is built.
    pub target: PathBuf,
    /// When it was committed, in seconds since 1970: the time of everything in the packages.
    pub epoch: u64,
}

impl Source {
    /// The workspace of this xtask. The time is that of `SOURCE_DATE_EPOCH`, or else of git's last commit.
    pub fn here() -> Result<Self> {
        let directory = workspace().to_owned();
        let epoch = match env::var("SOURCE_DATE_EPOCH") {
            Ok(text) => text.parse().context("read SOURCE_DATE_EPOCH: seconds since 1970")?,
            Err(_) => committed(&directory)?,
        };
        Ok(Self { target: directory.join("target"), directory, epoch })
    }

    /// The version in Cargo.toml.
    pub fn version(&self) -> Result<String> {
        let text = self.read("Cargo.toml")?;
        let version = text.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
        version.map(str::to_owned).context("find the version in Cargo.toml")
    }

    /// What files are called that are made of it, without their endings.
    pub fn name(&self) -> Result<String> {
        Ok(format!("anycast-{}", self.version()?))
    }

    /// A text of it.
    pub fn read(&self, path: &str) -> Result<String> {
        let path = self.path(path);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }

    /// Where a file of it is.
    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }
}

fn committed(directory: &Path) -> Result<u64> {
    let git = |arguments: &[&str]| {
        tool::line(Command::new("git").arg("-C").arg(directory).args(arguments)).context(
            "ask git when this was committed; outside a repository, set SOURCE_DATE_EPOCH to seconds since 1970",
        )
    };
    if !git(&["status", "--porcelain"])?.is_empty() {
        eprintln!("dist: there are changes that no commit has: nobody else can make the same packages");
    }
    let Ok(epoch) = git(&["log", "-1", "--format=%ct"])?.parse() else {
        bail!("read the time of git's last commit");
    };
    Ok(epoch)
}
