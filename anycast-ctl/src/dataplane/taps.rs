//! What taps are told, what they counted, and the packets they show.

use std::os::fd::{AsFd as _, BorrowedFd};

use anycast_common::tap::{Header, MAX_TAPS, Switch, Tap, TapCounts};
use aya::{
    Ebpf,
    maps::{Map, MapData, PerCpuArray, RingBuf},
};
use zerocopy::FromBytes as _;

use super::{DataplaneError, grace, mapped::MappedArray, while_doing};

/// The taps of a loaded program.
pub struct Taps {
    switch: MappedArray,
    taps: MappedArray,
    counts: PerCpuArray<MapData, TapCounts>,
}

/// Where they show packets.
pub struct Records {
    ring: RingBuf<MapData>,
}

/// A packet that was shown.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What stands in front of it.
    pub header: Header,
    /// Its first bytes.
    pub bytes: &'a [u8],
}

impl Taps {
    /// Takes the maps of an object that was just loaded.
    pub(super) fn of(ebpf: &mut Ebpf) -> Result<(Self, Records), DataplaneError> {
        let mut take = |name| ebpf.take_map(name).ok_or(DataplaneError::Missing(name));
        let mut mapped = |name| {
            let Map::Array(data) = take(name)? else { return Err(DataplaneError::Missing(name)) };
            MappedArray::new(name, &data)
        };
        let (switch, taps) = (mapped("TAP_SWITCH")?, mapped("TAPS")?);
        let counts = take("TAP_COUNTS")?.try_into().map_err(while_doing("taking over the taps' counters"))?;
        let ring =
            take("TAP_RECORDS")?.try_into().map_err(while_doing("taking over the taps' ring buffer"))?;
        Ok((Self { switch, taps, counts }, Records { ring }))
    }

    /// Says what a tap shows. It must be off.
    ///
    /// # Panics
    /// If there is no such tap.
    pub fn set(&self, number: usize, tap: &Tap) {
        assert!(number < MAX_TAPS, "tap {number}");
        self.settle();
        self.taps.store(number, &tap.to_words());
    }

    /// Returns when packets that found a tap on are done with it.
    pub fn settle(&self) {
        grace::wait();
    }

    /// Switches taps on and off.
    pub fn switch(&self, switch: Switch) {
        self.switch.store(0, &[switch.to_word()]);
    }

    /// What a tap has counted since it was loaded, all CPUs together.
    ///
    /// # Errors
    /// The kernel does not let the counters be read.
    pub fn counts(&self, number: usize) -> Result<TapCounts, DataplaneError> {
        let counts = self.counts.get(&(number as u32), 0).map_err(while_doing("reading a tap's counters"))?;
        let mut sum = TapCounts::default();
        counts.iter().for_each(|counts| sum += *counts);
        Ok(sum)
    }
}

impl Records {
    /// Hands over the next packet, if there is one; what is no record is passed over.
    pub fn next(&mut self, take: impl FnOnce(Record<'_>)) -> bool {
        let Some(item) = self.ring.next() else { return false };
        if let Ok((header, rest)) = Header::read_from_prefix(&item)
            && let Some(bytes) = rest.get(..header.captured as usize)
        {
            take(Record { header, bytes });
        }
        true
    }

    /// Readable when there is one.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}
