//! The notices that a binary must come with, as the crates have them in their own files.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::parts::{Part, Parts};

/// How names of files with notices begin.
const NOTICES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// Notices of Rust's own library, below the compiler's directory.
const RUST: &str = "share/doc/rust/COPYRIGHT-library.html";

/// Notices of musl, in Debian's package of it.
const MUSL: &str = "/usr/share/doc/musl-dev/copyright";

/// Every text once, with those it is of.
pub fn text(parts: &Parts) -> Result<String> {
    let mut text = String::from(
        "What is linked into anycast-ctl beside the project's own code, and under which licences.\n\n",
    );
    let mut whose: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in parts.foreign() {
        let title = format!("{} {}", part.name, part.version);
        let Some(license) = &part.license else {
            bail!("collect licences: {title} states none; say which one it has before it is shipped");
        };
        let notices = notices(part)?;
        let note = if notices.is_empty() { "; its package has no notice of its own" } else { "" };
        writeln!(text, "{title}: {license}{note}")?;
        for notice in notices {
            whose.entry(notice).or_default().push(title.clone());
        }
    }
    writeln!(text, "Rust's standard library, {}: MIT OR Apache-2.0, and those below", parts.rustc)?;
    writeln!(text, "musl's C library: MIT")?;
    for (title, path) in [("Rust's standard library", parts.sysroot.join(RUST)), ("musl", MUSL.into())] {
        whose.entry(read(&path)?).or_default().push(title.to_owned());
    }
    // By who is first, so that the order is that of the list above.
    let mut texts: Vec<_> = whose.into_iter().collect();
    texts.sort_by(|left, right| left.1.cmp(&right.1).then_with(|| left.0.cmp(&right.0)));
    for (notice, whose) in texts {
        writeln!(text, "\n{}\n{}\n\n{}", "=".repeat(80), whose.join(", "), notice.trim_end())?;
    }
    Ok(text)
}

/// The texts that a crate's package has at its top, or in a directory for them.
fn notices(part: &Part) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    collect(&part.directory, &mut paths)?;
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let path = entry.with_context(|| format!("list {}", directory.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if !NOTICES.iter().any(|notice| name.starts_with(notice)) {
            continue;
        }
        if path.is_dir() {
            let inside = fs::read_dir(&path).with_context(|| format!("list {}", path.display()))?;
            for entry in inside {
                paths.push(entry.with_context(|| format!("list {}", path.display()))?.path());
            }
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("read the notices in {}", path.display()))?;
    // Some are in Latin-1.
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}
