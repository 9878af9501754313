//! The program that shows packets, in the place of the other one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use anycast_common::{
    bench::GENERATED_V4,
    tap::{Atom, Filter, MAX_SNAP, Switch, Tap, Term, word},
};
use anycast_ctl::dataplane::{Dataplane, Tapped, Taps, now_ticks};
use anyhow::Context as _;
use clap::ValueEnum;

/// What taps are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// None: the program is there, and nobody looks.
    Off,
    /// One whose filter no packet passes.
    NoMatch,
    /// One that shows a packet in 1,000, 256 bytes of it.
    Sampled,
    /// One that passes everything, of which 10,000 packets a second are shown, both sides.
    Limited,
    /// One that shows everything, both sides, 256 bytes.
    All,
}

/// The program and what reads it, until this is dropped.
pub struct Showing {
    pub tapped: Tapped,
    _taps: Taps,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Showing {
    pub fn start(dataplane: &Dataplane, mode: Mode) -> anyhow::Result<Self> {
        let (tapped, taps, mut records) = Tapped::load(&dataplane.trace_source())?;
        if mode != Mode::Off {
            taps.set(0, &tap(mode).context("making a filter")?);
            taps.switch(Switch::new(1, MAX_SNAP.min(256) as u16, now_ticks().wrapping_add(1 << 20)));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let reader = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if !records.next(|_| ()) {
                    thread::sleep(std::time::Duration::from_millis(1));
                }
            }
        });
        Ok(Self { tapped, _taps: taps, stop, reader: Some(reader) })
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.reader.take().map(JoinHandle::join));
    }
}

fn tap(mode: Mode) -> Option<Tap> {
    let everything = Tap {
        filter: Filter::ALL,
        generation: 1,
        sample: 1,
        per_second: 0,
        snap: 256,
        flags: Tap::BEFORE | Tap::AFTER,
        reserved: 0,
    };
    // Port 0 to a VIP of that number: generated packets have neither.
    let mask = 0xffff << word::VIP.shift;
    let vip = Atom { masks: [0, mask], lows: [0, mask], spans: [0; 2], pair: 2 };
    let port = Atom { masks: [0xffff, 0], lows: [u64::from(GENERATED_V4), 0], spans: [0; 2], pair: 2 };
    Some(match mode {
        Mode::NoMatch => {
            let terms = [Term { care: 1, want: 1 }, Term { care: 2, want: 2 }];
            Tap { filter: Filter::new(&[vip, port], &terms)?, ..everything }
        }
        Mode::Sampled => Tap { sample: 1000, ..everything },
        Mode::Limited => Tap { per_second: 10_000, ..everything },
        Mode::Off | Mode::All => everything,
    })
}
