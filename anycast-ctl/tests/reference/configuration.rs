//! docs/reference/configuration.md: every key of a site file, from its JSON Schema, with what a schema does not say beside it.

mod kinds;
mod notes;

use std::collections::BTreeSet;

use anycast_ctl::{config, model::health::KEYS};
use serde_json::Value;

use crate::{
    hold,
    page::{Page, code, unlinked},
};
use kinds::{Kinds, is_table};
use notes::{Note, notes};

#[test]
fn keys_are_as_the_page_has_them() {
    let schema = config::schema().to_value();
    let kinds = Kinds(&schema["$defs"]);
    let mut page = Page::new(
        "Configuration",
        "the types in `anycast-ctl/src/model` and `anycast-ctl/tests/reference/configuration.toml`",
    );
    page.block(
        "Every key of a site file. How such a file is judged and applied is in [configuration](../configuration.md), \
         [dist/site.toml](../../dist/site.toml) shows every key in its place, and `anycast-ctl schema` prints what this page is \
         made from.",
    );
    page.block(
        "\"Reload\" means that the dataplane must be loaded anew, `anycast-ctl down` and a start, as the key is settled when it \
         is loaded: flows that are remembered are forgotten by that, those of stable slots stay where they are if the tables \
         stay alike.",
    );
    let notes = notes();
    let found: BTreeSet<String> = tables(&kinds, "", &schema);
    assert_eq!(notes.iter().map(|(table, _)| table.clone()).collect::<BTreeSet<_>>(), found, "tables");
    for (table, keys) in &notes {
        page.heading(2, &heading(&kinds, &schema, table));
        section(&mut page, &kinds, table, &table_of(&kinds, &schema, table), keys);
    }
    page.block("There are at most 1024 pools and 1024 VIPs.");
    kinds.values(&mut page);
    hold("configuration.md", page);
}

/// Names of all tables from this one on. Those of a check are told of once.
fn tables(kinds: &Kinds<'_>, name: &str, table: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::from([name.to_owned()]);
    for (key, property) in table["properties"].as_object().unwrap() {
        let below = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        let entry = kinds.entry(property);
        if is_table(&entry) && below != "pool.backend.check" {
            found.extend(tables(kinds, &below, &entry));
        }
    }
    found
}

/// The schema of the table with that name.
fn table_of(kinds: &Kinds<'_>, schema: &Value, name: &str) -> Value {
    let steps = name.split('.').filter(|step| !step.is_empty());
    steps.fold(schema.clone(), |table, step| kinds.entry(&table["properties"][step]))
}

fn heading(kinds: &Kinds<'_>, schema: &Value, name: &str) -> String {
    let Some((above, key)) = name.rsplit_once('.').or((!name.is_empty()).then_some(("", name))) else {
        return "Top of the file".to_owned();
    };
    let entries = kinds.is_list(&table_of(kinds, schema, above)["properties"][key]);
    match name {
        "pool.check" => "[pool.check] and [pool.backend.check]".to_owned(),
        name if entries => format!("[[{name}]]"),
        name => format!("[{name}]"),
    }
}

fn section(page: &mut Page, kinds: &Kinds<'_>, name: &str, table: &Value, notes: &[(String, Note)]) {
    let properties = table["properties"].as_object().unwrap();
    let noted: BTreeSet<&String> = notes.iter().map(|(key, _)| key).collect();
    // Tables of the top, and routing daemons, have sections of their own, and nothing else to say.
    let is_section = |key: &str| ["", "announce"].contains(&name) && is_table(&kinds.entry(&properties[key]));
    let expected: BTreeSet<&String> = properties.keys().filter(|key| !is_section(key)).collect();
    assert_eq!(noted, expected, "[{name}] in configuration.toml");
    if let Some(about) = table["description"].as_str().filter(|_| !name.is_empty()) {
        page.block(&unlinked(about));
    }
    if name == "announce" {
        page.block(
            "With this table there is exactly one of the tables below it that name a routing daemon; an empty one, \
             `[announce.bird]`, is enough. Changing the daemon withdraws the routes from the one before. \
             [Announcements](../announce.md) has the rest.",
        );
    }
    let required =
        |key: &str| table["required"].as_array().is_some_and(|keys| keys.iter().any(|it| it == key));
    if name == "pool.check" {
        let rows = notes.iter().map(|(key, note)| {
            let [key_, kind, default, meaning, _] = row(kinds, key, &properties[key], note, required(key));
            let known_to = KEYS.iter().find(|it| it.name() == key).unwrap().known_to();
            [
                key_,
                kind,
                default,
                meaning,
                if known_to.is_empty() { "all".to_owned() } else { known_to.join(", ") },
            ]
        });
        return page.table(["key", "value", "default", "meaning", "kinds that know it"], rows);
    }
    let rows = notes.iter().map(|(key, note)| row(kinds, key, &properties[key], note, required(key)));
    page.table(["key", "value", "default", "meaning", "change under traffic"], rows);
}

fn row(kinds: &Kinds<'_>, key: &str, property: &Value, note: &Note, required: bool) -> [String; 5] {
    let default = match (&property["default"], &note.default) {
        _ if required => "required".to_owned(),
        (_, Some(words)) => words.clone(),
        (Value::Null, None) => "none".to_owned(),
        (value, None) => code(&value.to_string()),
    };
    let meaning = property["description"].as_str().unwrap_or_default();
    let meaning = [meaning, note.also.as_deref().unwrap_or_default()].join(" ");
    [code(key), kinds.words(property), default, meaning, note.change.clone().unwrap_or_default()]
}
