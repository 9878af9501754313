//! The Debian package, by dpkg-deb: control files are in `dist/debian`, and say what is done when.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{Source, stage, tool};

/// What is done at installation, upgrade, removal and purge.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// How hard to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// For users.
    Small,
    /// For tests.
    Quick,
}

/// Packs what is staged below a directory; answers the package, in `output`.
pub fn pack(source: &Source, staged: &Path, output: &Path, compression: Compression) -> Result<PathBuf> {
    pack_as(source, staged, output, compression, &source.version()?)
}

/// The same with a version of the caller's, as for an upgrade to the same files.
pub fn pack_as(
    source: &Source,
    staged: &Path,
    output: &Path,
    compression: Compression,
    version: &str,
) -> Result<PathBuf> {
    let control = staged.join("DEBIAN");
    if control.exists() {
        fs::remove_dir_all(&control).with_context(|| format!("remove {}", control.display()))?;
    }
    let sums = sums(staged)?;
    let architecture = tool::line(tool::tool("dpkg").arg("--print-architecture"))?;
    let text = source.read("dist/debian/control")?;
    let text = text
        .replace("@VERSION@", version)
        .replace("@ARCHITECTURE@", &architecture)
        .replace("@INSTALLED_SIZE@", &kibibytes(staged)?.to_string());
    stage::put(&control.join("control"), 0o644, text.as_bytes())?;
    stage::put(&control.join("md5sums"), 0o644, &sums)?;
    stage::put(&control.join("conffiles"), 0o644, source.read("dist/debian/conffiles")?.as_bytes())?;
    for script in SCRIPTS {
        let text = source.read(&format!("dist/debian/{script}"))?;
        stage::put(&control.join(script), 0o755, text.as_bytes())?;
    }
    settle(staged, source.epoch)?;

    let package = output.join(format!("anycast_{version}_{architecture}.deb"));
    let mut dpkg = tool::tool("dpkg-deb");
    dpkg.args(["--root-owner-group", "--threads-max=1"]);
    match compression {
        Compression::Small => dpkg.args(["-Zxz", "-z9"]),
        Compression::Quick => dpkg.args(["-Zgzip", "-z1"]),
    };
    // For what is about the files rather than of them.
    dpkg.env("SOURCE_DATE_EPOCH", source.epoch.to_string());
    tool::output(dpkg.arg("--build").arg(staged).arg(&package))?;
    Ok(package)
}

/// Of all files that are no configuration, by path.
fn sums(staged: &Path) -> Result<Vec<u8>> {
    let list = tool::output(tool::tool("find").current_dir(staged).args(["usr", "-type", "f", "-print0"]))?;
    let mut names: Vec<&[u8]> = list.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    let names = names.iter().map(|name| String::from_utf8_lossy(name).into_owned());
    tool::output(tool::tool("md5sum").current_dir(staged).arg("--").args(names))
}

/// Of all files, each in whole kibibytes, as dpkg-gencontrol counts them.
fn kibibytes(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let entry = entry.with_context(|| format!("list {}", directory.display()))?;
        let metadata = entry.metadata().with_context(|| format!("look at {}", entry.path().display()))?;
        sum += if metadata.is_dir() { 1 + kibibytes(&entry.path())? } else { metadata.len().div_ceil(1024) };
    }
    Ok(sum)
}

/// Rights of directories whatever the umask was, and times whatever the clock was, when they were made.
fn settle(root: &Path, epoch: u64) -> Result<()> {
    let find = |words: &[&str]| tool::output(tool::tool("find").arg(root).args(words)).map(drop);
    find(&["-type", "d", "-exec", "chmod", "755", "{}", "+"])?;
    find(&["-depth", "-exec", "touch", &format!("--date=@{epoch}"), "{}", "+"])
}
