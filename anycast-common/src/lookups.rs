//! All that a packet looks up by number, in one map value: a lookup in an array map passes its index through the stack, and
//! each waits for the one before.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    backend::Backend,
    directory::Directory,
    limits::MAX_POOLS,
    slot::{NO_BACKEND, Table},
};

/// Rows of [`Lookups::backends`]: one for each index there is. That of [`NO_BACKEND`] stays empty.
pub const BACKEND_ROWS: usize = NO_BACKEND as usize + 1;

/// VIPs, services, tables and backends. Written by the controller in aligned words while packets read it; starts on a page.
#[repr(C)]
#[derive(Clone, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Lookups {
    /// Which of the directories packets use: 0 or 1.
    pub active_directory: u64,
    /// Keeps what follows from straddling cache lines.
    pub reserved: [u64; 7],
    /// Pool number to where its table lies.
    pub tables: [Table; MAX_POOLS],
    /// VIPs and services, twice: one in use, one to be filled.
    pub directories: [Directory; 2],
    /// Backend index to how it is reached.
    pub backends: [Backend; BACKEND_ROWS],
}

const _: () = assert!(MAX_POOLS.is_power_of_two());
const _: () = assert!(size_of::<Directory>().is_multiple_of(64));
// The largest value of an array map on kernels before 6.11: KMALLOC_MAX_SIZE, kernel/bpf/arraymap.c.
const _: () = assert!(size_of::<Lookups>() <= 4 << 20);
