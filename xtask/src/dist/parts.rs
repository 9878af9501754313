//! What a binary is made of: the crates that are linked into it and into the program for the kernel, and what comes with the
//! compiler.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::{Source, tool};
use crate::compile::{STATIC_TARGET, cargo};

/// Crates that end up in the binary: the controller, and what is loaded into the kernel.
const ROOTS: [&str; 2] = ["anycast-ctl", "anycast-ebpf"];

/// Everything that is linked.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Crates by their identity, the project's own among them.
    pub crates: BTreeMap<String, Part>,
    /// Identities of the project's own crates that others hang on.
    pub roots: Vec<String>,
    /// What `rustc --version` says.
    pub rustc: String,
    /// The same of the compiler for the kernel's program.
    pub nightly: String,
    /// What `bpf-linker --version` says.
    pub linker: String,
    /// Where the compiler is, with the notices of its library.
    pub sysroot: PathBuf,
}

/// A crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence, as an SPDX expression; `None`: it states none.
    pub license: Option<String>,
    /// Its repository.
    pub repository: Option<String>,
    /// SHA-256 of the package as the registry has it; `None` for the project's own.
    pub checksum: Option<String>,
    /// Where its files are.
    pub directory: PathBuf,
    /// Identities of what it is linked with.
    pub needs: BTreeSet<String>,
}

impl Parts {
    /// Asks cargo.
    pub fn of(source: &Source) -> Result<Self> {
        let mut command = cargo();
        command.current_dir(&source.directory);
        command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", STATIC_TARGET]);
        let text = tool::output(&mut command)?;
        let metadata = serde_json::from_slice(&text).context("read what `cargo metadata` printed")?;
        let sums = checksums(&source.read("Cargo.lock")?);
        let (crates, roots) = linked(&metadata, &sums)?;
        let version = |program: &str, words: &[&str]| tool::line(tool::tool(program).args(words));
        Ok(Self {
            crates,
            roots,
            rustc: version("rustc", &["--version"])?,
            nightly: version("rustup", &["run", "nightly", "rustc", "--version"])?,
            linker: version("bpf-linker", &["--version"])?,
            sysroot: version("rustc", &["--print", "sysroot"])?.into(),
        })
    }

    /// Those that others wrote, in order.
    pub fn foreign(&self) -> impl Iterator<Item = &Part> {
        self.crates.values().filter(|part| part.checksum.is_some())
    }
}

/// Follows what is linked from the roots on. Macros run in the compiler: neither they nor what they need is in the binary.
fn linked(
    metadata: &Metadata,
    sums: &BTreeMap<(String, String), String>,
) -> Result<(BTreeMap<String, Part>, Vec<String>)> {
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|it| (it.id.as_str(), it)).collect();
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|it| (it.id.as_str(), it)).collect();
    let is_linked = |dependency: &&Dependency| {
        let is_macro = packages
            .get(dependency.pkg.as_str())
            .is_some_and(|package| package.kinds().any(|it| it == "proc-macro"));
        !is_macro && dependency.dep_kinds.iter().any(|kind| kind.kind.is_none())
    };
    let roots: Vec<String> =
        packages.values().filter(|it| ROOTS.contains(&it.name.as_str())).map(|it| it.id.clone()).collect();
    let mut parts = BTreeMap::new();
    let mut next = roots.clone();
    while let Some(id) = next.pop() {
        if parts.contains_key(&id) {
            continue;
        }
        let package = packages.get(id.as_str()).with_context(|| format!("find {id} in cargo's metadata"))?;
        let node = nodes.get(id.as_str()).with_context(|| format!("find what {id} depends on"))?;
        let needs: BTreeSet<String> = node.deps.iter().filter(is_linked).map(|it| it.pkg.clone()).collect();
        next.extend(needs.iter().cloned());
        let sum = sums.get(&(package.name.clone(), package.version.clone()));
        parts.insert(id, package.part(sum.cloned(), needs)?);
    }
    Ok((parts, roots))
}

/// Sums of the packages in a Cargo.lock, by name and version. Only those from a registry have one.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
        line.and_then(|line| line.strip_suffix('"')).map(str::to_owned)
    };
    let blocks = lock.split("[[package]]");
    let sums = blocks.filter_map(|block| {
        Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
    });
    sums.collect()
}

/// The part of `cargo metadata` that matters here.
/// Source: <https://doc.rust-lang.org/cargo/commands/cargo-metadata.html>.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

/// `None`: an ordinary dependency; `dev` or `build`: another.
#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Package {
    fn kinds(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().flat_map(|target| &target.kind).map(String::as_str)
    }

    fn part(&self, checksum: Option<String>, needs: BTreeSet<String>) -> Result<Part> {
        let directory = self.manifest_path.parent().context("find a crate's directory")?.to_owned();
        Ok(Part {
            name: self.name.clone(),
            version: self.version.clone(),
            // The slash is how it was written before expressions were.
            license: self
                .license
                .as_ref()
                .map(|license| license.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")),
            repository: self.repository.clone(),
            checksum,
            directory,
            needs,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_linked_is_a_part() {
        let package = |id: &str, name: &str, kind: &str| {
            format!(
                r#"{{"id": "{id}", "name": "{name}", "version": "1.0.0", "license": "MIT/Apache-2.0", "repository": null,
                    "manifest_path": "/c/{name}/Cargo.toml", "targets": [{{"kind": ["{kind}"]}}]}}"#
            )
        };
        let text = format!(
            r#"{{"packages": [{}], "resolve": {{"nodes": [
                {{"id": "0", "deps": [{{"pkg": "1", "dep_kinds": [{{"kind": null}}]}}, {{"pkg": "2", "dep_kinds": [{{"kind": "dev"}}]}},
                                     {{"pkg": "3", "dep_kinds": [{{"kind": null}}]}}]}},
                {{"id": "1", "deps": []}}, {{"id": "2", "deps": []}}, {{"id": "3", "deps": [{{"pkg": "2", "dep_kinds": [{{"kind": null}}]}}]}}
            ]}}}}"#,
            [
                package("0", "anycast-ctl", "bin"),
                package("1", "linked", "lib"),
                package("2", "tests", "lib"),
                package("3", "macros", "proc-macro")
            ]
            .join(",")
        );
        let lock = "[[package]]\nname = \"linked\"\nversion = \"1.0.0\"\nsource = \"registry\"\nchecksum = \"ab\"\n\n[[package]]\nname = \"anycast-ctl\"\nversion = \"1.0.0\"\n";
        let (parts, roots) = linked(&serde_json::from_str(&text).unwrap(), &checksums(lock)).unwrap();
        assert_eq!(roots, ["0"]);
        let names: Vec<_> =
            parts.values().map(|part| (part.name.as_str(), part.checksum.as_deref())).collect();
        assert_eq!(names, [("anycast-ctl", None), ("linked", Some("ab"))]);
        assert_eq!(parts["1"].license.as_deref(), Some("MIT OR Apache-2.0"));
    }
}
