//! The parts of the binary as a bill of materials, CycloneDX 1.5 in JSON.
//!
//! Source: <https://cyclonedx.org/docs/1.5/json/>.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    Source,
    parts::{Part, Parts},
    tool,
};

/// The document. It has no serial number, which had to differ each time.
pub fn text(source: &Source, parts: &Parts) -> Result<String> {
    let version = source.version()?;
    let own = format!("pkg:generic/anycast@{version}");
    // The roots are in the product itself: all else is a component of it.
    let components = parts.crates.iter().filter(|(id, _)| !parts.roots.contains(id));
    let mut components: Vec<Value> = components.map(|(_, part)| component(part)).collect();
    components.extend(toolchain(parts));
    let mut dependencies: Vec<Value> =
        vec![depends(&own, parts.roots.iter().filter_map(|id| parts.crates.get(id)), parts)];
    dependencies.extend(
        parts
            .crates
            .iter()
            .filter(|(id, _)| !parts.roots.contains(id))
            .map(|(_, part)| depends(&purl(part), [part], parts)),
    );
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": tool::date(source.epoch, "%Y-%m-%dT%H:%M:%SZ")?,
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "anycast",
                "version": version,
                "purl": own,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
            "properties": [
                { "name": "anycast:rustc", "value": parts.rustc },
                { "name": "anycast:rustc-bpf", "value": parts.nightly },
                { "name": "anycast:bpf-linker", "value": parts.linker },
            ],
        },
        "components": components,
        "dependencies": dependencies,
    });
    let text = serde_json::to_string_pretty(&document).context("write the bill of materials")?;
    Ok(text + "\n")
}

fn component(part: &Part) -> Value {
    let purl = purl(part);
    let licenses: Vec<Value> = part.license.iter().map(|it| json!({ "expression": it })).collect();
    let hashes: Vec<Value> =
        part.checksum.iter().map(|it| json!({ "alg": "SHA-256", "content": it })).collect();
    let references: Vec<Value> =
        part.repository.iter().map(|it| json!({ "type": "vcs", "url": it })).collect();
    json!({
        "type": "library",
        "bom-ref": purl,
        "name": part.name,
        "version": part.version,
        "purl": purl,
        "licenses": licenses,
        "hashes": hashes,
        "externalReferences": references,
    })
}

/// What is linked though no crate names it.
fn toolchain(parts: &Parts) -> [Value; 2] {
    let rust = parts.rustc.split_whitespace().nth(1).unwrap_or("unknown");
    [
        json!({
            "type": "library", "bom-ref": format!("pkg:generic/rust-std@{rust}"), "name": "rust-std", "version": rust,
            "purl": format!("pkg:generic/rust-std@{rust}"), "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        }),
        json!({
            "type": "library", "bom-ref": "pkg:generic/musl", "name": "musl", "purl": "pkg:generic/musl",
            "licenses": [{ "expression": "MIT" }],
            "description": format!("the C library that comes with Rust {rust}"),
        }),
    ]
}

fn depends<'a>(own: &str, these: impl IntoIterator<Item = &'a Part>, parts: &Parts) -> Value {
    let mut needs: Vec<String> = these
        .into_iter()
        .flat_map(|part| &part.needs)
        .filter(|id| !parts.roots.contains(id))
        .filter_map(|id| parts.crates.get(id).map(purl))
        .collect();
    needs.sort();
    needs.dedup();
    json!({ "ref": own, "dependsOn": needs })
}

/// Source: <https://github.com/package-url/purl-spec>.
fn purl(part: &Part) -> String {
    if part.checksum.is_some() {
        format!("pkg:cargo/{}@{}", part.name, part.version)
    } else {
        format!("pkg:generic/{}@{}", part.name, part.version)
    }
}
