//! `cargo xtask dist`: the Debian package, the static tarball, and what a user wants to check of them: sums, a list of parts,
//! licences. The same commit and toolchains give the same bytes, wherever they are built.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

mod build;
mod check;
pub mod deb;
mod licences;
mod parts;
mod sbom;
mod source;
pub mod stage;
mod tarball;
mod tool;

pub use check::check;
pub use source::Source;

use crate::setup::{self, Mode};

/// The list of the sums of all other files, as `sha256sum --check` reads it.
pub const SUMS: &str = "SHA256SUMS";

/// Makes all of it in `target/dist`, and answers the files.
pub fn dist() -> Result<Vec<PathBuf>> {
    setup::setup(Mode::Install)?;
    setup::setup_static(Mode::Install)?;
    make(&Source::here()?)
}

/// Makes only a Debian package, quickly, with a binary that is there: for trials, and for tests of the package. Answers it, in
/// `output`, which is emptied.
pub fn trial(source: &Source, binary: &Path, output: &Path, version: &str) -> Result<PathBuf> {
    empty(output)?;
    let papers = Papers::write(source, output)?;
    let staged = output.join("work");
    stage::stage(source, binary, &papers, stage::Layout::Debian, &staged)?;
    let package = deb::pack_as(source, &staged, output, deb::Compression::Quick, version)?;
    fs::remove_dir_all(&staged).with_context(|| format!("remove {}", staged.display()))?;
    Ok(package)
}

/// The same with the tarball.
pub fn trial_tarball(source: &Source, binary: &Path, output: &Path) -> Result<PathBuf> {
    empty(output)?;
    let papers = Papers::write(source, output)?;
    let staged = output.join(tarball::name(source)?);
    stage::stage(source, binary, &papers, stage::Layout::Tarball, &staged)?;
    let archive = tarball::pack(source, &staged, output, deb::Compression::Quick)?;
    fs::remove_dir_all(&staged).with_context(|| format!("remove {}", staged.display()))?;
    Ok(archive)
}

/// Makes all of it from a source tree, in `dist` of its target directory.
fn make(source: &Source) -> Result<Vec<PathBuf>> {
    let output = source.target.join("dist");
    empty(&output)?;
    let binary = build::binary(source)?;
    let papers = Papers::write(source, &output)?;
    let mut files = vec![papers.sbom.clone(), papers.licences.clone()];

    let work = output.join("work");
    let staged = work.join("deb");
    stage::stage(source, &binary, &papers, stage::Layout::Debian, &staged)?;
    files.push(deb::pack(source, &staged, &output, deb::Compression::Small)?);

    let staged = work.join(tarball::name(source)?);
    stage::stage(source, &binary, &papers, stage::Layout::Tarball, &staged)?;
    files.push(tarball::pack(source, &staged, &output, deb::Compression::Small)?);

    fs::remove_dir_all(&work).with_context(|| format!("remove {}", work.display()))?;
    files.push(sums(&output, &files)?);
    Ok(files)
}

/// What comes with a binary, and tells of what it is made.
#[derive(Clone, Debug)]
pub struct Papers {
    /// The parts, as CycloneDX JSON.
    pub sbom: PathBuf,
    /// The notices of all of them.
    pub licences: PathBuf,
}

impl Papers {
    /// Writes them into a directory.
    pub fn write(source: &Source, directory: &Path) -> Result<Self> {
        let parts = parts::Parts::of(source)?;
        let name = source.name()?;
        let papers = Self {
            sbom: directory.join(format!("{name}.cdx.json")),
            licences: directory.join(format!("{name}-third-party-licences.txt")),
        };
        stage::put(&papers.sbom, 0o644, sbom::text(source, &parts)?.as_bytes())?;
        stage::put(&papers.licences, 0o644, licences::text(&parts)?.as_bytes())?;
        Ok(papers)
    }
}

/// The sums of these files of a directory, in a file beside them.
fn sums(directory: &Path, files: &[PathBuf]) -> Result<PathBuf> {
    let mut names: Vec<_> = files.iter().filter_map(|file| file.file_name()).collect();
    names.sort();
    let text = tool::output(tool::tool("sha256sum").current_dir(directory).arg("--").args(names))?;
    let path = directory.join(SUMS);
    stage::put(&path, 0o644, &text)?;
    Ok(path)
}

/// A directory with nothing in it.
fn empty(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("empty {}", directory.display()))?;
    }
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))
}
