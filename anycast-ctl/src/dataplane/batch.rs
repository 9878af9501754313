//! Reading a map many entries at a time: `BPF_MAP_LOOKUP_BATCH` (Linux 5.6, 5.13 for per-CPU arrays), which aya does not have.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use anycast_common::pin::{FlowKey, Record};
use aya::maps::MapData;
use zerocopy::{FromBytes, FromZeros as _, IntoBytes};

/// Entries read by one call, unless a bucket of the map holds more. A sweep does as many in one go, and were all of them to
/// be deleted, which takes 2 or 3 us each, it should not hold up the daemon for longer than a millisecond or two.
const ENTRIES: usize = 512;

/// What one call came to.
pub struct Read {
    /// Its result: `ENOENT` when the map ends with what was read.
    pub result: io::Result<()>,
    /// Entries read.
    pub entries: usize,
    /// Where the next call reads on.
    pub cursor: u32,
}

/// Reads as many entries as there are `keys`, from a cursor on, `None` being the start. For hash maps a cursor is the number
/// of a bucket (kernel/bpf/hashtab.c, `__htab_map_lookup_and_delete_batch`), for arrays the last index read
/// (kernel/bpf/syscall.c, `generic_map_lookup_batch`).
///
/// # Safety
///
/// `K` has the size of the map's keys. There is room in `values` for what the map has under so many keys: of a per-CPU map a
/// value for each possible CPU, each of a multiple of 8 bytes.
pub unsafe fn lookup<K: FromBytes + IntoBytes, V: FromBytes + IntoBytes>(
    map: &MapData,
    cursor: Option<u32>,
    keys: &mut [K],
    values: &mut [V],
) -> Read {
    const BPF_MAP_LOOKUP_BATCH: libc::c_int = 24;
    let (from, mut next) = (cursor.unwrap_or_default(), 0_u32);
    let mut attributes = Attributes {
        in_batch: cursor.map_or(0, |_| &raw const from as u64),
        out_batch: &raw mut next as u64,
        keys: keys.as_mut_ptr() as u64,
        values: values.as_mut_ptr() as u64,
        count: u32::try_from(keys.len()).unwrap_or(u32::MAX),
        map_fd: map.fd().as_fd().as_raw_fd() as u32,
        elem_flags: 0,
        flags: 0,
    };
    let size = size_of::<Attributes>();
    // SAFETY: the pointers are to live memory: a cursor in and out, `count` keys, and as many values, which is the caller's
    // promise. The kernel writes at most that many.
    let result = unsafe { libc::syscall(libc::SYS_bpf, BPF_MAP_LOOKUP_BATCH, &raw mut attributes, size) };
    let result = if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    Read { result, entries: attributes.count as usize, cursor: next }
}

/// Room for the flows of one call.
#[derive(Debug, Default)]
pub struct Batch {
    keys: Vec<FlowKey>,
    records: Vec<Record>,
    filled: usize,
}

impl Batch {
    /// The entries of the last call.
    pub fn entries(&self) -> impl Iterator<Item = (FlowKey, &Record)> {
        self.keys.iter().copied().zip(&self.records).take(self.filled)
    }

    /// Reads on from a cursor, `None` being the start. Returns the next cursor, `None` at the end.
    ///
    /// Entries that are in the map all the while are read exactly once.
    pub fn read(&mut self, map: &MapData, cursor: Option<u32>) -> io::Result<Option<u32>> {
        self.reserve(ENTRIES);
        loop {
            self.filled = 0;
            // SAFETY: `FlowMap` takes no map with keys and values of other sizes, and there are as many of both.
            let read = unsafe { lookup(map, cursor, &mut self.keys, &mut self.records) };
            match read.result.map_err(|error| (error.raw_os_error(), error)) {
                Ok(()) => {
                    self.filled = read.entries;
                    return Ok(Some(read.cursor));
                }
                Err((Some(libc::ENOENT), _)) => {
                    self.filled = read.entries;
                    return Ok(None);
                }
                // One bucket holds more than there is room for.
                Err((Some(libc::ENOSPC), _)) => self.reserve(2 * self.keys.len()),
                Err((_, error)) => return Err(error),
            }
        }
    }

    fn reserve(&mut self, entries: usize) {
        if self.keys.len() < entries {
            self.keys.resize(entries, FlowKey::new_zeroed());
            self.records.resize(entries, Record::new_zeroed());
        }
    }
}

/// `struct { … } batch` of `union bpf_attr`, include/uapi/linux/bpf.h.
#[repr(C)]
struct Attributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}
