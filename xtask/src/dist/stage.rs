//! The files of a package, laid out as they are installed.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{Papers, Source, tool};
use crate::host_tool::command;

/// Where files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `/usr` and `/etc`, as Debian has it.
    Debian,
    /// A prefix, to be unpacked below `/usr/local`.
    Tarball,
}

impl Layout {
    fn prefix(self) -> &'static str {
        match self {
            Self::Debian => "usr",
            Self::Tarball => "",
        }
    }

    /// Where the binary is, once installed.
    fn binary(self) -> &'static str {
        match self {
            Self::Debian => BINARY,
            Self::Tarball => "/usr/local/bin/anycast-ctl",
        }
    }
}

/// Where the units look for the binary.
const BINARY: &str = "/usr/bin/anycast-ctl";

const DOCUMENTATION: &str = "share/doc/anycast";

/// Shells, and where each looks for completions.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/anycast-ctl"),
    ("zsh", "share/zsh/vendor-completions/_anycast-ctl"),
    ("fish", "share/fish/vendor_completions.d/anycast-ctl.fish"),
];

/// Lays out all files of a package below a directory, which is created.
pub fn stage(source: &Source, binary: &Path, papers: &Papers, layout: Layout, root: &Path) -> Result<()> {
    let prefix = root.join(layout.prefix());
    let copy = |from: &Path, to: &Path| put(to, 0o644, &read(from)?);
    put(&prefix.join("bin/anycast-ctl"), 0o755, &read(binary)?)?;
    units(source, layout, &prefix)?;
    manual(binary, &prefix.join("share/man/man1"))?;
    for (shell, path) in COMPLETIONS {
        put(&prefix.join(path), 0o644, &tool::output(command_of(binary).args(["completions", shell]))?)?;
    }

    let documentation = prefix.join(DOCUMENTATION);
    copy(&papers.sbom, &documentation.join("sbom.cdx.json"))?;
    put(&documentation.join("THIRD-PARTY-LICENCES.txt.gz"), 0o644, &packed(&papers.licences)?)?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&source.path(licence), &documentation.join(licence))?;
    }
    for page in ["README.md", "CHANGELOG.md"] {
        copy(&source.path(page), &documentation.join(page))?;
    }
    tree(&source.path("docs"), &documentation.join("docs"))?;
    copy(&source.path("dist/site.toml"), &documentation.join("examples/site.toml"))?;
    for example in ["prometheus", "grafana"] {
        tree(&source.path("dist").join(example), &documentation.join("examples").join(example))?;
    }
    match layout {
        Layout::Debian => {
            put(&root.join("etc/anycast/site.toml"), 0o640, &read(&source.path("dist/debian/site.toml"))?)?;
            debian_papers(source, &documentation)
        }
        Layout::Tarball => {
            copy(&source.path("dist/debian/site.toml"), &documentation.join("examples/empty-site.toml"))
        }
    }
}

/// Writes a file with these rights, and the directories that it is in.
pub fn put(path: &Path, mode: u32, content: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    }
    fs::write(path, content).with_context(|| format!("write {}", path.display()))?;
    let rights = fs::Permissions::from_mode(mode);
    fs::set_permissions(path, rights).with_context(|| format!("set the rights of {}", path.display()))
}

/// What systemd reads.
fn units(source: &Source, layout: Layout, prefix: &Path) -> Result<()> {
    for unit in ["anycast.service", "anycast-watchdog.service"] {
        let text = source.read(&format!("dist/{unit}"))?.replace(BINARY, layout.binary());
        put(&prefix.join("lib/systemd/system").join(unit), 0o644, text.as_bytes())?;
    }
    for (name, directory) in [("sysusers.d", "lib/sysusers.d"), ("tmpfiles.d", "lib/tmpfiles.d")] {
        tree(&source.path("dist").join(name), &prefix.join(directory))?;
    }
    Ok(())
}

/// The manual, as the binary itself writes it.
fn manual(binary: &Path, directory: &Path) -> Result<()> {
    let pages = tempfile::tempdir().context("make a directory for the manual")?;
    tool::output(command_of(binary).arg("man").arg(pages.path()))?;
    for page in sorted(pages.path())? {
        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
        put(&directory.join(format!("{name}.gz")), 0o644, &packed(&page)?)?;
    }
    Ok(())
}

/// What Debian wants to find beside them.
fn debian_papers(source: &Source, documentation: &Path) -> Result<()> {
    let date = tool::date(source.epoch, "%a, %d %b %Y %H:%M:%S %z")?;
    let changes = source.read("dist/debian/changelog")?;
    let changes = changes.replace("@VERSION@", &source.version()?).replace("@DATE@", &date);
    let file = tempfile::NamedTempFile::new().context("make a file for the changelog")?;
    put(file.path(), 0o644, changes.as_bytes())?;
    put(&documentation.join("changelog.Debian.gz"), 0o644, &packed(file.path())?)?;

    // A text in a field is indented, and empty lines are dots.
    let mit = source.read("LICENSE-MIT")?;
    let mit: Vec<String> =
        mit.lines().map(|line| if line.is_empty() { " .".to_owned() } else { format!(" {line}") }).collect();
    let copyright = source.read("dist/debian/copyright")?.replace("@MIT@", &mit.join("\n"));
    put(&documentation.join("copyright"), 0o644, copyright.as_bytes())
}

/// Copies a directory with all that is in it.
fn tree(from: &Path, to: &Path) -> Result<()> {
    for path in sorted(from)? {
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            tree(&path, &target)?;
        } else {
            put(&target, 0o644, &read(&path)?)?;
        }
    }
    Ok(())
}

fn sorted(directory: &Path) -> Result<Vec<PathBuf>> {
    let list = || format!("list {}", directory.display());
    let entries = fs::read_dir(directory).with_context(list)?;
    let mut paths =
        entries.map(|entry| Ok(entry.with_context(list)?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}

/// Compressed, without name and time.
fn packed(path: &Path) -> Result<Vec<u8>> {
    tool::output(tool::tool("gzip").args(["--best", "--no-name", "--stdout"]).arg(path))
}

fn command_of(binary: &Path) -> std::process::Command {
    let mut command = command("env");
    // What the user has set for it is nothing for a package.
    command.args(["-u", "COMPLETE", "-u", "ANYCAST_INSTANCE", "-u", "ANYCAST_SOCKET"]).arg(binary);
    command
}
