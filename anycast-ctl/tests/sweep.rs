//! Sweeps on the kernel's own maps. Needs root.

#![expect(clippy::unwrap_used, reason = "a test panics when it is wrong")]

use std::time::Duration;

use anycast_common::{
    address::Address,
    flow::Flow,
    hash::expand_seed,
    pin::{Pin, Record},
    slot::{Slot, Table},
};
use anycast_ctl::{
    dataplane::{Dataplane, LoadOptions, now_ticks},
    model::{HashPolicy, Seed},
    sweep::{BackendScope, Outcome, PoolScope, Progress, Scope, Sweeper},
};
use nix::time::{ClockId, clock_gettime};

const SEED: u64 = 7;
const SLOTS: u32 = 65_537;
const IDLE: u32 = 300;

/// A pool of three backends whose slots all moved from 0 to 1 a minute ago.
fn dataplane(pins: u32) -> (Dataplane, Scope) {
    let options = LoadOptions { pins, ..LoadOptions::new(Seed::new(SEED)) };
    let mut dataplane = Dataplane::load(&options).unwrap();
    dataplane.publish_table(0, &vec![Slot::in_transition(1, 0); SLOTS as usize]).unwrap();
    let hash = HashPolicy::FiveTuple;
    let pool = PoolScope { slots: SLOTS, idle_timeout: IDLE, hash, udp_pinned: false };
    let scope = Scope {
        pools: [(0, pool)].into(),
        vips: [(Address::from_v4([192, 0, 2, 1]), 0)].into(),
        backends: [(0, 0), (1, 0), (2, 3)]
            .map(|(index, generation)| (index, BackendScope { generation, pool: 0 }))
            .into(),
    };
    (dataplane, scope)
}

fn flow(number: u32) -> Flow {
    Flow {
        source: Address::from_v4((0x0a00_0000 + number).to_be_bytes()),
        destination: Address::from_v4([192, 0, 2, 1]),
        source_port: 1024 + (number % 4096) as u16,
        destination_port: 80,
        protocol: 6,
    }
}

fn slot(flow: &Flow) -> u32 {
    Table::new(0, SLOTS).slot_of(flow.hash(&expand_seed(SEED)))
}

/// A whole sweep, and the longest of its steps.
fn sweep(dataplane: &mut Dataplane, scope: &Scope) -> (Outcome, Duration) {
    let mut sweeper = Sweeper::new(SEED);
    let mut longest = Duration::ZERO;
    loop {
        let start = cpu_time();
        let progress = sweeper.step(dataplane, scope).unwrap();
        longest = longest.max(cpu_time() - start);
        if let Progress::Done(outcome) = progress {
            return (outcome, longest);
        }
    }
}

/// Waits until nothing that was just published is too recent to be settled.
fn pass_time() {
    std::thread::sleep(Duration::from_millis(2 * 1074 + 10));
}

fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

#[test]
fn slots_are_settled_and_ended_flows_forgotten() {
    let (mut dataplane, mut scope) = dataplane(1 << 16);
    let now = now_ticks();
    let entries = [
        (1, Pin::new(1, 0, now)),
        (2, Pin::new(0, 0, now)),
        (3, Pin::new(2, 3, now)),
        (4, Pin::new(2, 2, now)),
        (5, Pin::new(0, 0, now.wrapping_sub(IDLE + 9))),
        (6, Pin::new(9, 0, now)),
    ];
    for (number, pin) in entries {
        dataplane.pin(&flow(number), pin).unwrap();
    }
    let embryonic = Record::new(&flow(7), Pin::new(0, 0, now));
    dataplane.embryonic.insert(dataplane.key(&flow(7)), &embryonic).unwrap();

    let (outcome, _) = sweep(&mut dataplane, &scope);
    assert_eq!((outcome.pins, outcome.embryonic, outcome.forgotten), (3, 1, 3));
    assert_eq!(outcome.settled, 0, "published this moment");
    assert_eq!(outcome.pins_by_backend, [(0, 1), (1, 1), (2, 1)].into());

    pass_time();
    assert_eq!(sweep(&mut dataplane, &scope).0.settled, 0, "the base owner's flows may live");
    scope.backends.remove(&0);
    let (outcome, _) = sweep(&mut dataplane, &scope);
    assert_eq!(
        (outcome.pins, outcome.embryonic, outcome.forgotten),
        (2, 0, 2),
        "those of backend 0 are over"
    );
    assert_eq!(outcome.settled, u64::from(SLOTS) - 1);
    let table = dataplane.table(0);
    let held = slot(&flow(3)) as usize;
    assert_eq!(table[held], Slot::in_transition(1, 0));
    assert!(table.iter().enumerate().all(|(number, slot)| number == held || *slot == Slot::stable(1)));
}

#[test]
fn a_flow_holds_the_slot_that_its_pool_hashes_it_to() {
    let policies = [
        (HashPolicy::FiveTuple, flow(3)),
        (HashPolicy::SourceAddress, flow(3).narrowed(true)),
        (HashPolicy::SourceAndDestination, flow(3).narrowed(false)),
    ];
    for (hash, point) in policies {
        let (mut dataplane, mut scope) = dataplane(1 << 16);
        scope.pools.get_mut(&0).unwrap().hash = hash;
        scope.backends.remove(&0);
        dataplane.pin(&flow(3), Pin::new(2, 3, now_ticks())).unwrap();
        pass_time();
        assert_eq!(sweep(&mut dataplane, &scope).0.settled, u64::from(SLOTS) - 1);
        assert_eq!(dataplane.table(0)[slot(&point) as usize], Slot::in_transition(1, 0), "{hash:?}");
    }
}

#[test]
fn a_million_pins_are_swept_in_less_than_a_second() {
    const PINS: u32 = 1_000_000;
    // Room to spare: the kernel evicts from an LRU map some time before it is full.
    let (mut dataplane, mut scope) = dataplane(2 << 20);
    let now = now_ticks();
    for number in 0..PINS {
        let backend = if number % 1000 == 0 { 0 } else { 1 };
        dataplane.pin(&flow(number), Pin::new(backend, 0, now)).unwrap();
    }
    pass_time();
    let start = cpu_time();
    let (outcome, longest) = sweep(&mut dataplane, &scope);
    let spent = cpu_time() - start;
    println!("{PINS} pins, {SLOTS} slots: {spent:?} of CPU, {longest:?} for the longest step");
    assert_eq!(outcome.pins, u64::from(PINS));
    // Without optimisation it is our own part that counts, and it takes several times as long.
    let limit = if cfg!(debug_assertions) { 5 } else { 1 };
    assert!(spent < Duration::from_secs(limit), "{spent:?}");

    // Each of them ended: the most a step has to do.
    scope.backends.clear();
    let start = cpu_time();
    let (outcome, longest) = sweep(&mut dataplane, &scope);
    let spent = cpu_time() - start;
    println!("{PINS} ended pins: {spent:?} of CPU, {longest:?} for the longest step");
    assert_eq!((outcome.forgotten, outcome.settled), (u64::from(PINS), u64::from(SLOTS)));
}
