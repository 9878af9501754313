//! The reference pages, docs/reference: each is made from what the program itself goes by, and must be what is committed.
//!
//! `ANYCAST_REFERENCE=write cargo test -p anycast-ctl --test reference` writes them anew.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod alerts;
mod api;
mod cli;
mod configuration;
mod maps;
mod metrics;
mod order;
mod page;
mod reasons;

use std::{env, fs, path::PathBuf};

use page::Page;

/// Set to `write`, pages are written instead of compared.
const VARIABLE: &str = "ANYCAST_REFERENCE";

/// Where documentation is.
fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// Compares a page with the committed one, or writes it.
#[track_caller]
fn hold(name: &str, page: Page) {
    let path = docs().join("reference").join(name);
    let made = page.text();
    if env::var_os(VARIABLE).is_some_and(|value| value == "write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let mut lines = made.lines().zip(committed.lines().chain(std::iter::repeat(""))).enumerate();
    let first = lines.find(|(_, (made, committed))| made != committed);
    let first = first.map_or(String::new(), |(index, (made, committed))| {
        format!(", from line {} on:\n made:      {made}\n committed: {committed}", index + 1)
    });
    assert!(
        made == committed,
        "docs/reference/{name} is not what the program goes by{first}\n\nLook whether what changed is meant, then write it anew: \
         {VARIABLE}=write cargo test -p anycast-ctl --test reference"
    );
}
