//! docs/dependencies.md against what cargo knows.

// What fails here fails the test.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs};

use xtask::compile::{cargo, workspace};

#[test]
fn every_dependency_is_justified() {
    let output = cargo().args(["metadata", "--no-deps", "--format-version=1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut used = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            // Those without a source are members.
            if dependency["source"].is_string() {
                used.insert(dependency["name"].as_str().unwrap().to_owned());
            }
        }
    }

    let page = fs::read_to_string(workspace().join("docs/dependencies.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let crates = rows.flat_map(|(crates, _)| crates.split(", ").filter_map(|it| it.strip_prefix('`')));
    let told: BTreeSet<String> = crates.map(|name| name.trim_end_matches('`').to_owned()).collect();

    let untold: Vec<&String> = used.difference(&told).collect();
    let gone: Vec<&String> = told.difference(&used).collect();
    assert!(untold.is_empty(), "say in docs/dependencies.md what these are for: {untold:?}");
    assert!(
        gone.is_empty(),
        "these are no dependencies any more, take them out of docs/dependencies.md: {gone:?}"
    );
}
