//! The binary of a release: static, and the same bytes from every directory.
//!
//! What differs between machines and gets into a binary are paths: of the source, of cargo's crates, of what is built. Each
//! has a fixed name instead. The objects for the kernel are built by a cargo inside cargo, which aya-build starts with flags of
//! its own: that one is told by cargo's (nightly) `trim-paths`, through the environment of build scripts.

use std::{env, path::PathBuf};

use anyhow::{Context as _, Result};

use super::Source;
use crate::compile::{self, Linking, Options};

/// Between two flags in cargo's variable.
const SEPARATOR: &str = "\u{1f}";

/// Builds anycast-ctl from that source.
pub fn binary(source: &Source) -> Result<PathBuf> {
    let options = Options {
        release: true,
        linking: Linking::Static,
        directory: Some(source.directory.clone()),
        environment: environment(source)?,
        arguments: ["CARGO_UNSTABLE_TRIM_PATHS=\"true\"", "CARGO_PROFILE_RELEASE_TRIM_PATHS=\"all\""]
            .iter()
            .flat_map(|setting| ["--config".to_owned(), format!("env.{setting}")])
            .collect(),
        ..Options::default()
    };
    Ok(compile::build(&options)?.binary)
}

/// The last name that fits a path is the one that counts.
fn environment(source: &Source) -> Result<Vec<(String, String)>> {
    let named = |path: PathBuf, name: &str| format!("--remap-path-prefix={}={name}", path.display());
    let flags = [
        named(cargo_home()?, "/cargo"),
        named(source.directory.clone(), "/anycast"),
        named(source.target.clone(), "/target"),
    ];
    // A C compiler that ring asks for has names of its own for the same.
    let c_flags = format!(
        "-ffile-prefix-map={}=/cargo -ffile-prefix-map={}=/target",
        cargo_home()?.display(),
        source.target.display()
    );
    let pairs = [
        ("CARGO_TARGET_DIR", source.target.display().to_string()),
        ("CARGO_ENCODED_RUSTFLAGS", flags.join(SEPARATOR)),
        ("CARGO_PROFILE_RELEASE_STRIP", "symbols".to_owned()),
        ("CARGO_INCREMENTAL", "0".to_owned()),
        ("CFLAGS_x86_64_unknown_linux_musl", c_flags),
        ("SOURCE_DATE_EPOCH", source.epoch.to_string()),
    ];
    Ok(pairs.map(|(name, value)| (name.to_owned(), value)).into())
}

/// Where cargo keeps the sources of crates.
fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    let home = env::home_dir().context("find the home directory, where cargo keeps crates")?;
    Ok(home.join(".cargo"))
}
