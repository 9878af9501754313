//! A loaded program with a small site, and one packet at a time through it.

mod dump;

use anycast_common::{
    backend::Backend,
    flow::Flow,
    hash::expand_seed,
    limits::DEFAULT_ERRORS_PER_TICK,
    pin::Pin,
    reason::{Reason, Verdict},
    slot::{Slot, Table},
};
use anycast_ctl::{
    dataplane::{Dataplane, LoadOptions, Traced, Tracer},
    model::{HashPolicy, Seed},
};
use aya::{
    maps::{HashMap, Map, MapData},
    programs::{TestRun, TestRunOptions, Xdp},
};
use xtask::share;

use crate::{
    counters::{Counters, Delta, Snapshot, by_name},
    decode::decode,
    difference::listing,
    site::{BACKENDS, ELSEWHERE, L2, SLOTS, State, UNRESOLVED, backend, directory},
};

/// Kernel index of the interface that a run without a context comes in by: `lo`.
const LOOPBACK: u32 = 1;

/// Room for pins, and for embryonic flows: a dump of all maps takes as long as they are large.
const PINS: u32 = 1 << 14;
const EMBRYONIC: u32 = 1 << 13;

/// Seed of the flow hash in every packet test.
pub const SEED: u64 = 0x0123_4567_89ab_cdef;

/// Verdicts, as the kernel numbers them (`enum xdp_action`, include/uapi/linux/bpf.h).
pub mod xdp_action {
    pub const XDP_DROP: u32 = 1;
    pub const XDP_PASS: u32 = 2;
    pub const XDP_TX: u32 = 3;
    pub const XDP_REDIRECT: u32 = 4;
}

/// What a packet came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Sent to the backend with that index, out of the interface it came in by or another one.
    Transmitted { vip: u16, backend: u16, packet: Vec<u8> },
    /// Passed unchanged.
    Passed { vip: u16, reason: Reason },
    /// Dropped.
    Dropped { vip: u16, reason: Reason },
    /// Answered with that packet.
    Answered { vip: u16, reason: Reason, packet: Vec<u8> },
}

/// What a run of the program left behind.
pub struct Observed {
    /// What it returned.
    pub verdict: u32,
    /// The frame.
    pub output: Vec<u8>,
    /// Every counter that changed.
    pub delta: Delta,
}

/// The loaded program.
pub struct Harness {
    /// The dataplane, for tests that change its state.
    pub dataplane: Dataplane,
    /// Verdict of delivered packets.
    pub delivery_verdict: u32,
    /// Kernel index of the interface that [`State::elsewhere`] means.
    pub elsewhere: u32,
    /// The program that notes what it does, on the same maps.
    tracer: Option<Tracer>,
    state: State,
    slots: Vec<Slot>,
    map_ids: Vec<u32>,
    counters: Counters,
    last: Snapshot,
}

impl Harness {
    /// Loads the program and fills its maps.
    pub fn new() -> Self {
        Self::with_errors_per_tick(DEFAULT_ERRORS_PER_TICK)
    }

    /// The same; on a machine that is to try a share only, without the program that notes what it does: loading a second one takes
    /// as long as all the packets of a test.
    pub fn lean() -> Self {
        Self::load(&options(), share::is_whole())
    }

    /// With another limit to the ICMP errors that a CPU sends in a tick.
    pub fn with_errors_per_tick(errors_per_tick: u32) -> Self {
        Self::load(&LoadOptions { errors_per_tick, ..options() }, true)
    }

    /// With room for so many pins.
    pub fn with_pins(pins: u32) -> Self {
        Self::load(&LoadOptions { pins, ..options() }, true)
    }

    /// With the program for kernels without packets in several buffers.
    pub fn linear() -> Self {
        Self::load(&LoadOptions { multi_buffer: false, ..options() }, true)
    }

    fn load(options: &LoadOptions, traces: bool) -> Self {
        let mut dataplane = Dataplane::load(&LoadOptions { arena_slots: 4096, ..*options }).unwrap();
        dataplane.set_backend(UNRESOLVED, Backend::default());
        dataplane.set_backend(ELSEWHERE, Backend { ifindex: 4_000_000, ..backend(ELSEWHERE) });
        dataplane.publish_table(2, &[Slot::stable(UNRESOLVED); 7]).unwrap();
        dataplane.publish_table(3, &[Slot::stable(ELSEWHERE); 7]).unwrap();
        dataplane.publish_directory(&directory(&L2)).unwrap();
        let map_ids = program(&mut dataplane).info().unwrap().map_ids().unwrap().unwrap();
        let counters = Counters::new(&map_ids);
        let last = counters.read();
        let tracer = traces.then(|| Tracer::load(&dataplane.trace_source()).unwrap());
        let mut harness = Self {
            dataplane,
            tracer,
            delivery_verdict: xdp_action::XDP_TX,
            elsewhere: 0,
            state: L2,
            slots: Vec::new(),
            map_ids,
            counters,
            last,
        };
        harness.set_slots(L2.slot);
        harness.set_backends(&L2);
        harness
    }

    /// Brings the site into that state.
    pub fn set(&mut self, state: &State) {
        if *state == self.state {
            return;
        }
        let published = |state: &State| (state.udp, state.hash, state.on_empty, state.echo);
        if published(state) != published(&self.state) {
            self.dataplane.publish_directory(&directory(state)).unwrap();
        }
        if state.slot != self.state.slot {
            self.set_slots(state.slot);
        }
        self.set_backends(state);
        self.state = *state;
    }

    /// The state the site was last brought into.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn set_backends(&mut self, state: &State) {
        for index in 0..BACKENDS {
            self.dataplane.set_tunnel(index, state.tunnel(index));
            self.dataplane.set_backend(index, state.backend(index, self.elsewhere));
        }
        self.delivery_verdict = if state.elsewhere { xdp_action::XDP_REDIRECT } else { xdp_action::XDP_TX };
    }

    fn set_slots(&mut self, slot: Option<Slot>) {
        let spread = |index: u32| Slot::stable(index as u16 % BACKENDS);
        self.slots = (0..SLOTS).map(|index| slot.unwrap_or(spread(index))).collect();
        self.dataplane.publish_table(0, &self.slots).unwrap();
    }

    /// Runs one packet through the program, after the one that notes what it does: that foretells all of it, and changes
    /// nothing.
    pub fn observe(&mut self, packet: &[u8]) -> Observed {
        let foretold = self.tracer.as_ref().map(|tracer| tracer.run(packet, LOOPBACK).unwrap());
        let (verdict, output) = self.execute(packet);
        let after = self.counters.read();
        let delta = after.since(&self.last);
        self.last = after;
        if let Some(Traced { walk, frame }) = foretold {
            assert_eq!(walk.verdict, verdict, "{walk:?}");
            assert_eq!(frame, output, "{walk:?}");
            assert_eq!(Delta::of(&walk), delta, "{walk:?}");
        }
        Observed { verdict, output, delta }
    }

    /// Runs one packet and checks that exactly one outcome was counted, and rightly, and no detail.
    pub fn run(&mut self, name: &str, packet: &[u8]) -> Outcome {
        let Observed { verdict, output, delta } = self.observe(packet);
        assert_eq!(delta.outcomes(), 1, "{name}: one outcome expected, got {delta:?}");
        assert!(delta.details.is_empty(), "{name}: {delta:?}");
        let reason = |label: &str| *Reason::ALL.iter().find(|reason| reason.label() == label).unwrap();
        let (outcome, expected) = match (delta.reasons.first_key_value(), delta.traffic.first_key_value()) {
            (Some((&(vip, label), _)), _) => match reason(label).verdict() {
                Verdict::Pass => (Outcome::Passed { vip, reason: reason(label) }, xdp_action::XDP_PASS),
                Verdict::Drop => (Outcome::Dropped { vip, reason: reason(label) }, xdp_action::XDP_DROP),
                Verdict::Answer => {
                    let packet = output.clone();
                    (Outcome::Answered { vip, reason: reason(label), packet }, xdp_action::XDP_TX)
                }
            },
            (_, Some((&(vip, backend), _))) => {
                (Outcome::Transmitted { vip, backend, packet: output.clone() }, self.delivery_verdict)
            }
            _ => panic!("{name}: no outcome"),
        };
        assert_eq!(verdict, expected, "{name}: verdict against the counted outcome {outcome:?}");
        if matches!(outcome, Outcome::Passed { .. } | Outcome::Dropped { .. }) {
            assert_eq!(output, packet, "{name}: a packet that is not delivered stays as it is");
        } else {
            let wrong = decode(&output).wrong;
            assert!(wrong.is_empty(), "{name}: {wrong:?}\n{}", listing(&output));
        }
        outcome
    }

    /// Runs one packet, looking at no counter.
    pub fn execute(&mut self, packet: &[u8]) -> (u32, Vec<u8>) {
        self.execute_with(packet, None)
    }

    /// The same with a context: `struct xdp_md`.
    pub fn execute_with(&mut self, packet: &[u8], context: Option<&[u8]>) -> (u32, Vec<u8>) {
        let mut output = vec![0; packet.len() + 256];
        let options = TestRunOptions {
            data_in: Some(packet),
            data_out: Some(&mut output),
            ctx_in: context,
            ..TestRunOptions::new()
        };
        let result = program(&mut self.dataplane).test_run(options).unwrap();
        output.truncate(result.data_size_out as usize);
        (result.return_value, output)
    }

    /// What changed since the last packet that was observed.
    pub fn delta(&mut self) -> Delta {
        let after = self.counters.read();
        after.since(&std::mem::replace(&mut self.last, after.clone()))
    }

    /// The backend that owns a flow, from the published table.
    pub fn owner_of(&self, flow: &Flow) -> u16 {
        let hashed = match self.state.hash {
            HashPolicy::FiveTuple => *flow,
            HashPolicy::SourceAddress => flow.narrowed(true),
            HashPolicy::SourceAndDestination => flow.narrowed(false),
        };
        let slot = Table::new(0, SLOTS).slot_of(hashed.hash(&expand_seed(SEED)));
        self.slots[slot as usize].current()
    }

    /// Datagrams of which the program remembers the first fragment.
    pub fn remembered_datagrams(&self) -> usize {
        self.datagrams().keys().count()
    }

    /// Makes what is remembered of datagrams older by so many ticks.
    pub fn age_datagrams(&self, ticks: u32) {
        let mut datagrams = self.datagrams();
        let entries: Vec<_> = datagrams.iter().map(Result::unwrap).collect();
        for (key, [pin, received, hash]) in entries {
            let pin = Pin::from_word(pin);
            let older = pin.seen(pin.last_seen().wrapping_sub(ticks));
            datagrams.insert(key, [older.to_word(), received, hash], 0).unwrap();
        }
    }

    fn datagrams(&self) -> HashMap<MapData, [u8; 40], [u64; 3]> {
        Map::LruHashMap(by_name(&self.map_ids, "FRAGMENTS")).try_into().unwrap()
    }

    /// The kernel's account of the loaded program, and of the one that notes what it does: verified instructions and bytes
    /// of JIT code.
    pub fn program_sizes(&mut self) -> [(u32, u32); 2] {
        [program(&mut self.dataplane).info().unwrap(), self.tracer.as_ref().unwrap().info().unwrap()]
            .map(|info| (info.verified_instruction_count().unwrap(), info.size_jitted()))
    }
}

fn options() -> LoadOptions {
    LoadOptions { pins: PINS, embryonic: EMBRYONIC, ..LoadOptions::new(Seed::new(SEED)) }
}

fn program(dataplane: &mut Dataplane) -> &mut Xdp {
    let name = dataplane.program_name();
    dataplane.ebpf_mut().program_mut(name).unwrap().try_into().unwrap()
}
