//! `cargo xtask dist --check`: makes everything a second time, from a copy of the source in another directory, and compares.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use super::{SUMS, Source, make, tool};

/// Makes the packages of a copy; they must have the sums of those that are in `target/dist`.
pub fn check() -> Result<()> {
    let here = Source::here()?;
    let sums = here.target.join("dist").join(SUMS);
    let first = fs::read_to_string(&sums).with_context(|| format!("read {}", sums.display()))?;
    let place =
        tempfile::Builder::new().prefix("anycast-dist-").tempdir().context("make a directory for a copy")?;
    let copy = Source {
        directory: place.path().join("elsewhere"),
        target: place.path().join("build"),
        epoch: here.epoch,
    };
    copy_of(&here, &copy.directory)?;
    eprintln!("dist: building once more, in {}", copy.directory.display());
    make(&copy)?;
    let sums = copy.target.join("dist").join(SUMS);
    let second = fs::read_to_string(&sums).with_context(|| format!("read {}", sums.display()))?;
    ensure!(
        first == second,
        "make the same packages twice: they differ. In {}:\n{first}from a copy of it:\n{second}",
        here.directory.display()
    );
    Ok(())
}

/// The files that git knows, and those that it might be told of.
fn copy_of(source: &Source, to: &Path) -> Result<()> {
    let mut git = tool::tool("git");
    git.arg("-C").arg(&source.directory);
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    for name in tool::output(&mut git)?.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = std::str::from_utf8(name).context("read what git lists")?;
        let (from, to) = (source.path(name), to.join(name));
        // One that was removed and not yet committed.
        if !from.exists() {
            continue;
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
        }
        fs::copy(&from, &to).with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}
