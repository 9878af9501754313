//! Arrays of counters that every CPU has for itself, read many at a time.

use std::{
    io,
    ops::{AddAssign, Range},
};

use anycast_common::counter::Traffic;
use aya::maps::{IterableMap as _, MapData, PerCpuArray, PerCpuValues};
use zerocopy::{FromBytes, IntoBytes};

use super::{DataplaneError, batch, while_doing};

/// Bytes read by one call. More are not read any faster.
const BYTES: usize = 256 << 10;

/// The kernel's own `ENOTSUPP`: the map's type has no batches.
const ENOTSUPP: i32 = 524;

/// What an array may count in: a multiple of 8 bytes, or the values of several CPUs would not lie side by side.
pub trait Count: aya::Pod + FromBytes + IntoBytes + AddAssign + Default + PartialEq {}

impl Count for Traffic {}
impl Count for u64 {}

/// An array of counters.
pub struct PerCpuCounters<V: Count> {
    map: PerCpuArray<MapData, V>,
    cpus: usize,
    in_batches: bool,
}

impl<V: Count> PerCpuCounters<V> {
    /// Takes over a map.
    ///
    /// # Errors
    /// The CPUs cannot be counted.
    pub fn new(map: PerCpuArray<MapData, V>) -> Result<Self, DataplaneError> {
        const { assert!(size_of::<V>().is_multiple_of(8)) };
        let cpus = aya::util::nr_cpus().map_err(|(_, error)| while_doing("counting CPUs")(error))?;
        Ok(Self { map, cpus, in_batches: true })
    }

    /// The same, as on a kernel that reads no such arrays in batches.
    #[must_use]
    pub fn one_by_one(self) -> Self {
        Self { in_batches: false, ..self }
    }

    /// Adds those counters of a range that are not zero to a list, all CPUs together.
    ///
    /// # Errors
    /// The kernel does not let them be read.
    pub fn read(&self, range: Range<u32>, counted: &mut Vec<(u32, V)>) -> Result<(), DataplaneError> {
        let per_call = (BYTES / (self.cpus * size_of::<V>())).clamp(1, range.len().max(1));
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        let (mut next, end) = (range.start, range.end.min(self.map.len()));
        while next < end {
            let entries = per_call.min((end - next) as usize);
            keys.resize(entries, 0_u32);
            values.resize(entries * self.cpus, V::default());
            let read = match self.batch(next, &mut keys, &mut values) {
                Err(error) if is_unknown(&error) => self.singles(next, &mut values),
                read => read.map_err(while_doing("reading counters")),
            };
            read?;
            for (index, values) in (next..).zip(values.chunks(self.cpus)) {
                let mut sum = V::default();
                values.iter().for_each(|value| sum += *value);
                if sum != V::default() {
                    counted.push((index, sum));
                }
            }
            next += entries as u32;
        }
        Ok(())
    }

    /// Reads as many as there are keys.
    fn batch(&self, first: u32, keys: &mut [u32], values: &mut [V]) -> io::Result<()> {
        if !self.in_batches {
            return Err(io::Error::from_raw_os_error(ENOTSUPP));
        }
        // SAFETY: aya checked the sizes of the map's keys and values, and for each key there is a value for each CPU.
        let read = unsafe { batch::lookup(self.map.map(), first.checked_sub(1), keys, values) };
        match read.result {
            Ok(()) if read.entries == keys.len() => Ok(()),
            Ok(()) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => Err(error),
        }
    }

    /// Reads as many as there is room for, one by one.
    fn singles(&self, first: u32, values: &mut [V]) -> Result<(), DataplaneError> {
        for (index, values) in (first..).zip(values.chunks_mut(self.cpus)) {
            let read = self.map.get(&index, 0).map_err(while_doing("reading a counter"))?;
            values.iter_mut().zip(read.iter()).for_each(|(value, read)| *value = *read);
        }
        Ok(())
    }

    /// Sets a counter back to zero.
    ///
    /// # Errors
    /// The kernel does not let it be written.
    pub fn clear(&mut self, index: u32) -> Result<(), DataplaneError> {
        let doing = "clearing a counter";
        let zero = PerCpuValues::try_from(vec![V::default(); self.cpus]).map_err(while_doing(doing))?;
        self.map.set(index, zero, 0).map_err(while_doing(doing))
    }
}

/// Whether the kernel's answer is that it knows no such batches.
fn is_unknown(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP | ENOTSUPP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_batches_is_told_from_one_that_fails() {
        let unknown = |code| is_unknown(&io::Error::from_raw_os_error(code));
        assert!(unknown(libc::EINVAL) && unknown(libc::EOPNOTSUPP) && unknown(ENOTSUPP));
        assert!(!unknown(libc::EPERM) && !unknown(libc::ENOENT) && !unknown(libc::EFAULT));
        assert!(!is_unknown(&io::ErrorKind::UnexpectedEof.into()));
    }
}
