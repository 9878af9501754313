//! The tarball for every other Linux: the same files, to be unpacked below `/usr/local`.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};

use super::{Source, tool};

/// The directory that all of it is in.
pub fn name(source: &Source) -> Result<String> {
    Ok(format!("{}-{}-linux", source.name()?, std::env::consts::ARCH))
}

/// Packs a staged directory; answers the archive, in `output`. Order, owners and times are fixed.
pub fn pack(source: &Source, staged: &Path, output: &Path) -> Result<PathBuf> {
    let name = name(source)?;
    let archive = output.join(format!("{name}.tar.gz"));
    let file = File::create(&archive).with_context(|| format!("create {}", archive.display()))?;
    let mut tar = tool::tool("tar")
        .args(["--create", "--format=ustar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mode=u=rwX,go=rX", &format!("--mtime=@{}", source.epoch)])
        .arg("--directory")
        .arg(staged.parent().context("find the parent of what is packed")?)
        .arg(&name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("start tar")?;
    let input = tar.stdout.take().context("read what tar writes")?;
    let packed = tool::tool("gzip").args(["--best", "--no-name"]).stdin(input).stdout(file).status();
    let packed = packed.context("start gzip")?;
    let archived = tar.wait().context("wait for tar")?;
    ensure!(archived.success(), "pack {}: tar ended with {archived}", archive.display());
    ensure!(packed.success(), "pack {}: gzip ended with {packed}", archive.display());
    Ok(archive)
}
