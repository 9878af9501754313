//! Reading a hash map many entries at a time: `BPF_MAP_LOOKUP_BATCH` (Linux 5.6), which aya does not have.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use anycast_common::pin::{FlowKey, Record};
use aya::maps::MapData;
use zerocopy::FromZeros as _;

/// Entries read by one call, unless a bucket of the map holds more. A sweep does as many in one go, and were all of them to
/// be deleted, which takes 2 or 3 us each, it should not hold up the daemon for longer than a millisecond or two.
const ENTRIES: usize = 512;

/// Room for the entries of one call.
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
            let (result, count, next) = self.call(map, cursor);
            match result.map_err(|error| (error.raw_os_error(), error)) {
                Ok(()) => {
                    self.filled = count;
                    return Ok(Some(next));
                }
                Err((Some(libc::ENOENT), _)) => {
                    self.filled = count;
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

    /// One call: its result, the entries read, the next cursor.
    fn call(&mut self, map: &MapData, cursor: Option<u32>) -> (io::Result<()>, usize, u32) {
        const BPF_MAP_LOOKUP_BATCH: libc::c_int = 24;
        // For hash maps a cursor is the number of a bucket (kernel/bpf/hashtab.c, __htab_map_lookup_and_delete_batch).
        let (from, mut next) = (cursor.unwrap_or_default(), 0_u32);
        let mut attributes = Attributes {
            in_batch: cursor.map_or(0, |_| &raw const from as u64),
            out_batch: &raw mut next as u64,
            keys: self.keys.as_mut_ptr() as u64,
            values: self.records.as_mut_ptr() as u64,
            count: u32::try_from(self.keys.len()).unwrap_or(u32::MAX),
            map_fd: map.fd().as_fd().as_raw_fd() as u32,
            elem_flags: 0,
            flags: 0,
        };
        let size = size_of::<Attributes>();
        // SAFETY: the pointers are to live memory: a cursor in and out, and `count` keys and values of the map's sizes,
        // which `Dataplane` checks when it takes the map. The kernel writes at most that many.
        let result = unsafe { libc::syscall(libc::SYS_bpf, BPF_MAP_LOOKUP_BATCH, &raw mut attributes, size) };
        let result = if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
        (result, attributes.count as usize, next)
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
