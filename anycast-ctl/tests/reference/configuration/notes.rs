//! What the schema does not say, in the order of the page.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What is said of a key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What it is when it is left out, where the schema has no value for that.
    pub default: Option<String>,
    /// What entries ask of each other.
    pub also: Option<String>,
    /// What a change does under traffic.
    pub change: Option<String>,
}

const TEXT: &str = include_str!("../configuration.toml");

/// Of every table, in the order of the file.
pub fn notes() -> Vec<(String, Vec<(String, Note)>)> {
    let mut read: BTreeMap<String, BTreeMap<String, Note>> = toml::from_str(TEXT).unwrap();
    let mut ordered: Vec<(String, Vec<(String, Note)>)> = Vec::new();
    for line in TEXT.lines() {
        if let Some(table) = line.strip_prefix('[') {
            ordered.push((table.trim_matches(['"', ']']).to_owned(), Vec::new()));
        } else if let Some((key, _)) = line.split_once(" = {") {
            let (table, keys) = ordered.last_mut().unwrap();
            keys.push((key.to_owned(), read.get_mut(table).unwrap().remove(key).unwrap()));
        }
    }
    assert!(read.values().all(BTreeMap::is_empty), "each key has a line of its own: {read:?}");
    ordered
}
