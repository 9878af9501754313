//! All that is in the maps of the program, every entry of every one.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use anycast_ctl::dataplane::Traced;
use aya::maps::{MapData, MapInfo, MapType};

use super::{Harness, LOOPBACK};

/// By the map's name: keys and values of its entries, in the order of the keys; of an array all of them together.
#[derive(PartialEq, Eq)]
pub struct Dump(BTreeMap<String, Vec<Entry>>);

/// Key and value.
type Entry = (Vec<u8>, Vec<u8>);

impl Dump {
    /// Names of the maps in which they differ.
    pub fn difference(&self, other: &Self) -> BTreeSet<&str> {
        assert!(self.0.keys().eq(other.0.keys()));
        self.0.iter().filter(|(name, entries)| other.0[*name] != **entries).map(|it| it.0.as_str()).collect()
    }

    /// Names of all maps.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Harness {
    /// What would become of a packet.
    pub fn foretell(&self, frame: &[u8]) -> Traced {
        self.tracer.as_ref().unwrap().run(frame, LOOPBACK).unwrap()
    }

    /// What is in the maps.
    pub fn dump(&self) -> Dump {
        let mut dump = BTreeMap::new();
        for &id in &self.map_ids {
            let info = MapInfo::from_id(id).unwrap();
            let name = info.name_as_str().unwrap().to_owned();
            let entries = match read(&info, id) {
                // The kernel lists devices one by one only.
                Err(error) if name == "DEVICES" => {
                    assert_eq!(error.raw_os_error(), Some(ENOTSUPP), "{error}");
                    let devices = self.dataplane.devices().unwrap().into_iter();
                    devices.map(|index| (index.to_ne_bytes().to_vec(), Vec::new())).collect()
                }
                entries => entries.unwrap_or_else(|error| panic!("{name}: {error}")),
            };
            dump.insert(name, entries);
        }
        Dump(dump)
    }
}

/// include/linux/errno.h
const ENOTSUPP: i32 = 524;

/// `BPF_MAP_LOOKUP_BATCH` of `enum bpf_cmd`, include/uapi/linux/bpf.h.
const LOOKUP_BATCH: libc::c_int = 24;

/// `union bpf_attr`, its `batch`.
#[repr(C)]
struct Batch {
    start: u64,
    next: *mut u8,
    keys: *mut u8,
    values: *mut u8,
    count: u32,
    map: u32,
    flags: [u64; 2],
}

/// Every entry, in one system call.
fn read(info: &MapInfo, id: u32) -> io::Result<Vec<Entry>> {
    let map = MapData::from_id(id).map_err(io::Error::other)?;
    let (key, mut value, most) =
        (info.key_size() as usize, info.value_size() as usize, info.max_entries() as usize);
    let is_per_cpu = matches!(info.map_type(), Ok(MapType::PerCpuArray));
    if is_per_cpu {
        value = value.next_multiple_of(8) * aya::util::nr_cpus().unwrap();
    }
    let (mut next, mut keys, mut values) = (vec![0; 64], vec![0; key * most], vec![0; value * most]);
    let mut batch = Batch {
        start: 0,
        next: next.as_mut_ptr(),
        keys: keys.as_mut_ptr(),
        values: values.as_mut_ptr(),
        count: most as u32,
        map: map.fd().as_fd().as_raw_fd() as u32,
        flags: [0; 2],
    };
    // SAFETY: the kernel writes so many keys and values as there is room for, and a position of at most a key's length.
    let done = unsafe { libc::syscall(libc::SYS_bpf, LOOKUP_BATCH, &raw mut batch, size_of::<Batch>()) };
    // A hash map ends with "no such entry".
    if done < 0 {
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ENOENT) {
            return Err(error);
        }
    }
    let count = batch.count as usize;
    keys.truncate(key * count);
    values.truncate(value * count);
    // An array is as long as it is, and in order.
    if matches!(info.map_type(), Ok(MapType::Array | MapType::PerCpuArray)) {
        return Ok(vec![(keys, values)]);
    }
    let entries = keys.chunks(key).zip(values.chunks(value));
    let mut entries: Vec<_> = entries.map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    entries.sort();
    Ok(entries)
}
