//! The programs in the static build are those of the ordinary one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use crate::compile;

/// Objects that anycast-ctl embeds.
const OBJECTS: [&str; 5] = ["anycast", "trace", "tapped", "receive", "probe"];

/// Builds anycast-ctl as `cargo build` does, and compares its objects with those in that directory.
///
/// # Errors
/// They differ: what a guest would prove of one program would be said of another.
pub fn compare(directory: Option<&Path>) -> Result<()> {
    let directory = directory.context("find the static build's objects among cargo's messages")?;
    let ordinary = compile::build(&compile::Options::default())?.objects;
    let ordinary = ordinary.context("find the ordinary build's objects among cargo's messages")?;
    same(&ordinary, directory)
}

fn same(ordinary: &Path, other: &Path) -> Result<()> {
    let read = |path: PathBuf| fs::read(&path).with_context(|| format!("read {}", path.display()));
    for name in OBJECTS {
        ensure!(
            read(ordinary.join(name))? == read(other.join(name))?,
            "compare the programs: `{name}` of the static build is another than that of the ordinary one: compare {} with {}",
            other.display(),
            ordinary.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_is_noticed_and_named() {
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [ordinary, other] = directories.each_ref().map(tempfile::TempDir::path);
        for directory in [ordinary, other] {
            for name in OBJECTS {
                fs::write(directory.join(name), "the same").unwrap();
            }
        }
        same(ordinary, other).unwrap();
        fs::write(other.join("tapped"), "another").unwrap();
        assert!(same(ordinary, other).unwrap_err().to_string().contains("`tapped`"));
        fs::remove_file(other.join("probe")).unwrap();
        fs::write(other.join("tapped"), "the same").unwrap();
        assert!(same(ordinary, other).unwrap_err().to_string().contains("probe"));
    }
}
