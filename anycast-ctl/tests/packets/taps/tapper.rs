//! The program that shows packets, on the maps of a harness, and what it shows.

use anycast_common::tap::{Filter, Header, MAX_SNAP, Switch, Tap, TapCounts};
use anycast_ctl::dataplane::{Records, Tapped, Taps, now_ticks};
use aya::programs::{TestRun as _, TestRunOptions};

use crate::harness::Harness;

/// Passes everything, and shows all of it.
pub const EVERYTHING: Tap = Tap {
    filter: Filter::ALL,
    generation: 1,
    sample: 1,
    per_second: 0,
    snap: MAX_SNAP as u32,
    flags: Tap::BEFORE | Tap::AFTER,
    reserved: 0,
};

pub struct Tapper {
    tapped: Tapped,
    pub taps: Taps,
    records: Records,
}

impl Tapper {
    /// Loads it. Every tap is off.
    pub fn load(harness: &Harness) -> Self {
        let (tapped, taps, records) = Tapped::load(&harness.dataplane.trace_source()).unwrap();
        Self { tapped, taps, records }
    }

    /// Switches on these taps, from the first on.
    pub fn on(&self, taps: &[Tap]) {
        self.taps.switch(Switch::default());
        for (number, tap) in taps.iter().enumerate() {
            self.taps.set(number, tap);
        }
        let snap = taps.iter().map(|tap| tap.snap).max().unwrap_or(0);
        self.taps.switch(Switch::new((1 << taps.len()) - 1, snap as u16, now_ticks() + 1000));
    }

    /// Runs a packet: verdict and frame afterwards.
    pub fn run(&mut self, packet: &[u8]) -> (u32, Vec<u8>) {
        let mut output = vec![0; packet.len() + 256];
        let options =
            TestRunOptions { data_in: Some(packet), data_out: Some(&mut output), ..TestRunOptions::new() };
        let result = self.tapped.program().unwrap().test_run(options).unwrap();
        output.truncate(result.data_size_out as usize);
        (result.return_value, output)
    }

    /// What it showed since the last look.
    pub fn shown(&mut self) -> Vec<(Header, Vec<u8>)> {
        let mut shown = Vec::new();
        while self.records.next(|record| shown.push((record.header, record.bytes.to_vec()))) {}
        shown
    }

    pub fn counts(&self, number: usize) -> TapCounts {
        self.taps.counts(number).unwrap()
    }

    /// Verified instructions, and bytes of JIT code.
    pub fn size(&mut self) -> (u32, u32) {
        let info = self.tapped.program().unwrap().info().unwrap();
        (info.verified_instruction_count().unwrap(), info.size_jitted())
    }
}
