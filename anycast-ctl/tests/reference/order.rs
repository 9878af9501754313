//! docs/README.md leads to every page.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::docs;

#[test]
fn the_order_has_every_page() {
    let order = fs::read_to_string(docs().join("README.md")).unwrap();
    let mut pages = BTreeSet::new();
    collect(&docs(), &mut pages);
    assert!(pages.len() > 30, "{pages:?}");
    let missing: Vec<String> = pages
        .iter()
        .map(|page| page.strip_prefix(docs()).unwrap().display().to_string())
        .filter(|page| page != "README.md" && !order.contains(&format!("]({page})")))
        .collect();
    assert!(missing.is_empty(), "docs/README.md leads to no {}", missing.join(", "));
}

fn collect(directory: &Path, pages: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, pages);
        } else if path.extension().is_some_and(|it| it == "md") {
            pages.insert(path);
        }
    }
}
