//! docs/reference/maps.md: every map of every program, from the objects that are loaded, and the layouts of what is in them.

mod layout;
mod source;

use std::collections::BTreeMap;

use aya_obj::{Object, generated::bpf_map_type};

use crate::{
    hold,
    page::{Page, code, number},
};
use source::Declared;

/// A program as it is embedded.
macro_rules! object {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name)).as_slice()
    };
}

/// Programs, what each is, and the files that declare its maps.
const PROGRAMS: [(&str, &[u8], &str, &[&str]); 5] = [
    (
        "anycast",
        object!("anycast"),
        "The program that steers. Its maps are pinned and outlive the daemon, all but `SCRATCH` and `.rodata`, which belong to \
         one loaded program; the latter has what is settled when it is loaded: the flow hash's key, and switches. Sizes are \
         those of the object; `[maps]` in the site file and the site itself make others of `SLOTS`, `STAMPS`, `PINS`, \
         `EMBRYONIC`, `TRAFFIC`, `REASONS` and `DETAILS`.",
        &["maps.rs"],
    ),
    (
        "trace",
        object!("trace"),
        "The same, noting each step for `anycast-ctl explain`. It is loaded onto the maps of `anycast`, and has beside them:",
        &["maps.rs", "trace/on.rs"],
    ),
    (
        "tapped",
        object!("tapped"),
        "The same, showing packets while `capture`, `flows` or `watch --packets` ask. It is loaded onto the maps of `anycast`, \
         and has beside them:",
        &["maps.rs", "trace/on.rs", "tap/maps.rs"],
    ),
    (
        "receive",
        object!("receive"),
        "The backend's end of a tunnel, `anycast-ctl receive`.",
        &["receive/maps.rs"],
    ),
    (
        "probe",
        object!("probe"),
        "Delivers checks with `via = \"vip\"`, on the way out of `lo`.",
        &["probe/maps.rs"],
    ),
];

#[test]
fn maps_are_as_the_page_has_them() {
    let mut page =
        Page::new("Maps", "the programs in `anycast-ebpf/src` and the types in `anycast-common/src`");
    page.block(&format!(
        "Every BPF map, as the programs that are loaded declare it, and the layouts of keys and values. How they hang together, \
         how they are published and what memory they take is in [maps](../maps.md). Numbers are in the host's byte order \
         (little-endian where this was tried) unless a field says otherwise. The layouts of `anycast` have version {}, those of \
         `receive` version {}.",
        anycast_common::LAYOUT_VERSION,
        anycast_common::receive::LAYOUT_VERSION
    ));
    let mut told: Vec<String> = Vec::new();
    for (name, object, about, files) in PROGRAMS {
        page.heading(2, &format!("Of the program `{name}`"));
        page.block(about);
        let declared = source::maps(files);
        let found = maps(object);
        let place = |map: &String| declared.iter().position(|(name, _)| name == map);
        let mut shown: Vec<_> = found
            .iter()
            .filter(|(map, _)| ["receive", "probe"].contains(&name) || !told.contains(map))
            .collect();
        // In the order of their declarations; what has none comes last.
        shown.sort_by_key(|(map, _)| (place(map).is_none(), place(map)));
        let rows = shown.into_iter().map(|(map, kind)| row(map, kind, place(map).map(|at| &declared[at].1)));
        let rows: Vec<_> = rows.collect();
        told.extend(found.into_keys());
        page.table(
            ["map", "type", "key", "bytes:", "value", "bytes:", "entries:", "what", "writer", "reader"],
            rows,
        );
    }
    page.heading(2, "Layouts");
    page.block("Offsets and sizes in bytes, as the compiler has them. There is no padding anywhere.");
    layout::layouts(&mut page);
    hold("maps.md", page);
}

/// What an object says of a map.
struct Kind {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries: u32,
}

/// Its maps, but for sections of constants, which are the compiler's.
fn maps(object: &[u8]) -> BTreeMap<String, Kind> {
    let object = Object::parse(object).unwrap();
    let maps = object.maps.into_iter().filter(|(name, _)| !name.starts_with('.')).map(|(name, map)| {
        let (kind, key_bytes) = (map.map_type(), map.key_size());
        (name, Kind { kind, key_bytes, value_bytes: map.value_size(), entries: map.max_entries() })
    });
    maps.collect()
}

fn row(name: &str, kind: &Kind, declared: Option<&Declared>) -> [String; 10] {
    let Declared { key, value, what, writer, reader } = declared
        .unwrap_or_else(|| panic!("{name} says neither its writer nor its reader where it is declared"));
    let unit = if kind.kind == bpf_map_type::BPF_MAP_TYPE_RINGBUF as u32 { " bytes" } else { "" };
    let entries = format!("{}{unit}", number(kind.entries.into()));
    [
        code(name),
        kind_words(kind.kind).to_owned(),
        key.clone(),
        number(kind.key_bytes.into()),
        value.clone(),
        number(kind.value_bytes.into()),
        entries,
        what.clone(),
        writer.clone(),
        reader.clone(),
    ]
}

fn kind_words(kind: u32) -> &'static str {
    const KINDS: [(bpf_map_type, &str); 7] = [
        (bpf_map_type::BPF_MAP_TYPE_ARRAY, "array"),
        (bpf_map_type::BPF_MAP_TYPE_PERCPU_ARRAY, "per-CPU array"),
        (bpf_map_type::BPF_MAP_TYPE_HASH, "hash"),
        (bpf_map_type::BPF_MAP_TYPE_LRU_HASH, "LRU hash"),
        (bpf_map_type::BPF_MAP_TYPE_LPM_TRIE, "trie of prefixes"),
        (bpf_map_type::BPF_MAP_TYPE_DEVMAP_HASH, "devmap hash"),
        (bpf_map_type::BPF_MAP_TYPE_RINGBUF, "ring buffer"),
    ];
    let found = KINDS.iter().find(|(it, _)| *it as u32 == kind);
    found.map(|(_, words)| *words).unwrap_or_else(|| panic!("no words for map type {kind}"))
}
