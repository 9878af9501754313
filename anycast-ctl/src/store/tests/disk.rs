//! A disk that fails when it is told to, and loses what was not synced.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use redb::StorageBackend;

/// What is torn in a write is a multiple of this, in bytes.
const SECTOR: usize = 512;

/// Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What survives a crash for certain.
    synced: Vec<u8>,
    /// What the running program reads.
    seen: Vec<u8>,
    /// What was written since the last sync, of which a crash leaves any part.
    unsynced: Vec<Change>,
    /// Writes, syncs and changes of size so far.
    operations: u64,
    /// Operations that fail.
    failing: std::ops::Range<u64>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                bytes.resize(bytes.len().max(offset + data.len()), 0);
                bytes[*offset..offset + data.len()].copy_from_slice(data);
            }
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }
}

impl Disk {
    /// Writes, syncs and changes of size so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets operations fail, counted from the first of the disk.
    pub fn fail(&self, operations: std::ops::Range<u64>) {
        self.state().failing = operations;
    }

    /// What is left after the power went: what was synced, and of the rest each change whole, torn or not at all.
    pub fn after_crash(&self, seed: u64) -> Self {
        let state = self.state();
        let mut bytes = state.synced.clone();
        let mut random = seed;
        for change in &state.unsynced {
            // splitmix64, https://prng.di.unimi.it/splitmix64.c
            random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut drawn = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            drawn ^= drawn >> 31;
            match change {
                _ if drawn.is_multiple_of(3) => (),
                Change::Write(offset, data) if drawn % 3 == 1 => {
                    let sectors = data.len() / SECTOR + 1;
                    let kept = usize::try_from(drawn >> 8).unwrap() % sectors * SECTOR;
                    Change::Write(*offset, data[..kept].to_vec()).apply(&mut bytes);
                }
                Change::Write(..) | Change::Length(_) => change.apply(&mut bytes),
            }
        }
        Self::holding(bytes)
    }

    /// A disk with these bytes.
    pub fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { seen: bytes.clone(), synced: bytes, ..State::default() })))
    }

    /// What a program reads from it.
    pub fn bytes(&self) -> Vec<u8> {
        self.state().seen.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.state();
        let outcome = state.operation();
        let change = match (&outcome, change) {
            (Ok(()), change) => change,
            // A write that fails has written something.
            (Err(_), Change::Write(offset, data)) => Change::Write(offset, data[..data.len() / 2].to_vec()),
            (Err(_), Change::Length(_)) => return outcome,
        };
        change.apply(&mut state.seen);
        state.unsynced.push(change);
        outcome
    }
}

impl State {
    fn operation(&mut self) -> io::Result<()> {
        self.operations += 1;
        if self.failing.contains(&(self.operations - 1)) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        let state = self.state();
        let bytes = state.seen.get(offset..offset + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Change::Length(usize::try_from(length).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.operation()?;
        state.unsynced.clear();
        state.synced = state.seen.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write(usize::try_from(offset).unwrap(), data.to_vec()))
    }
}
