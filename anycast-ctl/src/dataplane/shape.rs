//! Names and sizes of the maps, to tell pinned ones from others.

use std::path::Path;

use anycast_common::{
    counter::{Spent, Traffic},
    fragment::{Datagram, FragmentKey},
    identity::Identity,
    lookups::Lookups,
    pin::{Filter, FlowKey, Record},
    slot::{SlotLine, StampLine},
    tunnel::Tunnel,
};
use aya::maps::MapInfo;

use super::{PinsError, pins::with_causes};

/// The map that says whose the others are.
pub const IDENTITY: &str = "IDENTITY";

/// A map that is pinned.
pub struct Shape {
    /// Its name, in the object and as a pin.
    pub name: &'static str,
    key_bytes: usize,
    value_bytes: usize,
}

const fn shape<K, V>(name: &'static str) -> Shape {
    Shape { name, key_bytes: size_of::<K>(), value_bytes: size_of::<V>() }
}

/// Every map that outlasts the daemon: all but what the program uses within one packet, and its constants.
pub const SHAPES: [Shape; 14] = [
    shape::<u32, Identity>(IDENTITY),
    shape::<u32, Lookups>("LOOKUPS"),
    shape::<u32, SlotLine>("SLOTS"),
    shape::<u32, StampLine>("STAMPS"),
    shape::<u32, Tunnel>("TUNNELS"),
    shape::<FlowKey, Record>("PINS"),
    shape::<FlowKey, Record>("EMBRYONIC"),
    shape::<FragmentKey, Datagram>("FRAGMENTS"),
    shape::<u32, Filter>("FILTER"),
    // An interface and a program, `struct bpf_devmap_val`.
    shape::<u32, [u32; 2]>("DEVICES"),
    shape::<u32, Traffic>("TRAFFIC"),
    shape::<u32, u64>("REASONS"),
    shape::<u32, u64>("DETAILS"),
    shape::<u32, Spent>("ERRORS"),
];

/// Makes sure that every map is pinned in a directory, and is what this build takes it for.
///
/// # Errors
/// `Shape`, or `Read`
pub fn check(directory: &Path) -> Result<(), PinsError> {
    for shape in SHAPES {
        let path = directory.join(shape.name);
        let wrong = |error: String| PinsError::Shape { path: path.clone(), error };
        if !path.exists() {
            return Err(wrong("there is none".to_owned()));
        }
        let info = info(&path)?;
        let found = (info.key_size() as usize, info.value_size() as usize);
        if found != (shape.key_bytes, shape.value_bytes) {
            return Err(wrong(format!(
                "its keys and values have {} and {} bytes, not {} and {}",
                found.0, found.1, shape.key_bytes, shape.value_bytes
            )));
        }
    }
    Ok(())
}

/// Entries that a pinned map has room for.
///
/// # Errors
/// `Read`
pub fn entries(directory: &Path, name: &str) -> Result<u32, PinsError> {
    Ok(info(&directory.join(name))?.max_entries())
}

fn info(path: &Path) -> Result<MapInfo, PinsError> {
    MapInfo::from_pin(path)
        .map_err(|error| PinsError::Read { path: path.to_owned(), error: with_causes(&error) })
}

#[cfg(test)]
mod tests {
    use super::SHAPES;

    #[test]
    fn every_map_of_the_program_is_pinned() {
        let declarations = include_str!("../../../anycast-ebpf/src/maps.rs").lines();
        let mut declared: Vec<&str> = declarations
            .filter_map(|line| Some(line.strip_prefix("pub static ")?.split_once(':')?.0))
            .collect();
        let mut pinned: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
        declared.sort_unstable();
        pinned.sort_unstable();
        assert_eq!(pinned, declared);
    }
}
