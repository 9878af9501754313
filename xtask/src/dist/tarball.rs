//! The tarball for every other Linux: the same files, to be unpacked below `/usr/local`.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};

use super::{Source, deb::Compression, tool};

/// The directory that all of it is in.
pub fn name(source: &Source) -> Result<String> {
    Ok(format!("{}-{}-linux", source.name()?, std::env::consts::ARCH))
}

/// Packs a staged directory; answers the archive, in `output`. Order, owners and times are fixed.
pub fn pack(source: &Source, staged: &Path, output: &Path, compression: Compression) -> Result<PathBuf> {
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
    let effort = match compression {
        Compression::Small => "--best",
        Compression::Quick => "--fast",
    };
    let packed = tool::tool("gzip").args([effort, "--no-name"]).stdin(input).stdout(file).status();
    let packed = packed.context("start gzip")?;
    let archived = tar.wait().context("wait for tar")?;
    ensure!(archived.success(), "pack {}: tar ended with {archived}", archive.display());
    ensure!(packed.success(), "pack {}: gzip ended with {packed}", archive.display());
    Ok(archive)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        compile::workspace,
        dist::{stage::put, sums},
    };

    #[test]
    fn an_archive_is_the_same_wherever_and_whenever_it_is_made() {
        let make = |second_first: bool| {
            let place = tempfile::tempdir().unwrap();
            let (directory, target) = (workspace().to_owned(), place.path().to_owned());
            let source = Source { directory, target, epoch: 1_700_000_000 };
            let staged = place.path().join(name(&source).unwrap());
            let mut files = [("bin/b", 0o755), ("a", 0o640)];
            if second_first {
                files.reverse();
            }
            for (file, mode) in files {
                put(&staged.join(file), mode, file.as_bytes()).unwrap();
            }
            let archive = pack(&source, &staged, place.path(), Compression::Small).unwrap();
            let sums =
                fs::read_to_string(sums(place.path(), std::slice::from_ref(&archive)).unwrap()).unwrap();
            (fs::read(archive).unwrap(), sums)
        };
        let (one, other) = (make(false), make(true));
        assert!(!one.0.is_empty() && one == other);
        assert!(one.1.ends_with("-linux.tar.gz\n"), "{}", one.1);
    }
}
