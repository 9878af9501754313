//! Reading what the kernel's maps remember, however much it is. Needs root.

#![expect(clippy::unwrap_used, reason = "a test panics when it is wrong")]

use std::collections::{BTreeSet, HashSet};

use anycast_common::{address::Address, flow::Flow, pin::Pin, slot::Slot};
use anycast_ctl::{
    api::types::{FlowGroup, FlowOrder, FlowState, Kept},
    dataplane::{Dataplane, LoadOptions, now_ticks},
    flows::{
        Remembered, SiteNames,
        remembered::{Listing, Position, Wanted, count, list},
    },
    model::{Backend, HashPolicy, Pool, Seed, Site, Vip},
    numbers::{Capacity, Numbers},
    sweep::{BackendScope, PoolScope, Scope},
};

const SLOTS: u32 = 65_537;
const IDLE: u32 = 3_000;
const VIP: [u8; 4] = [192, 0, 2, 1];

/// Pool `web` of `web-1`, index 0, and `web-2`, index 1, whose slots all moved from the one to the other.
fn dataplane(pins: u32) -> (Dataplane, Scope, SiteNames) {
    let options = LoadOptions { pins, ..LoadOptions::new(Seed::new(7)) };
    let mut dataplane = Dataplane::load(&options).unwrap();
    dataplane.publish_table(0, &vec![Slot::in_transition(1, 0); SLOTS as usize]).unwrap();
    let backends =
        [("web-1", 11), ("web-2", 12)].map(|(name, host)| Backend::new(name, [10, 0, 0, host].into()));
    let pool = Pool::new("web", backends.into());
    let vip = Vip::new("www", VIP.into(), vec!["tcp/80".parse().unwrap()], "web");
    let site = Site { pools: vec![pool], vips: vec![vip], ..Site::default() };
    let capacity = Capacity { vips: 8, traffic_counters: 64, slots: 4 * SLOTS };
    let numbers = Numbers::default().after(&site, &BTreeSet::new(), &capacity).unwrap();
    let hash = HashPolicy::FiveTuple;
    let seat = |host: u8| numbers.get("web", [10, 0, 0, host].into()).unwrap();
    let owners =
        [seat(11), seat(12)].map(|seat| (seat.index, BackendScope { generation: seat.generation, pool: 0 }));
    assert_eq!(owners.map(|(index, _)| index), [0, 1]);
    let scope = Scope {
        pools: [(0, PoolScope { slots: SLOTS, idle_timeout: IDLE, hash, udp_pinned: false })].into(),
        vips: [(Address::from_v4(VIP), 0)].into(),
        backends: owners.into(),
    };
    (dataplane, scope, SiteNames::of(&site, &numbers))
}

fn remembered(dataplane: &Dataplane, scope: Scope, names: SiteNames) -> Remembered {
    Remembered {
        embryonic: dataplane.embryonic.reader().unwrap(),
        pins: dataplane.pins.reader().unwrap(),
        tables: dataplane.published(),
        hash_key: dataplane.hash_key(),
        scope,
        names,
    }
}

fn flow(number: u32) -> Flow {
    Flow {
        source: Address::from_v4((0x0a00_0000 + number).to_be_bytes()),
        destination: Address::from_v4(VIP),
        source_port: 1024 + (number % 4096) as u16,
        destination_port: 80,
        protocol: 6,
    }
}

fn listing(order: Option<FlowOrder>, limit: usize) -> Listing {
    Listing { wanted: Wanted::default(), limit, order, after: Position::START }
}

#[test]
fn why_a_flow_is_kept_is_told_of_each() {
    let (mut dataplane, scope, names) = dataplane(1 << 16);
    let generation = names.backend(0).unwrap().generation;
    let now = now_ticks();
    let entries = [
        (Pin::new(1, generation, now), Kept::InTransition, Some("web-2")),
        (Pin::new(0, generation, now), Kept::HoldsSlot, Some("web-1")),
        (Pin::new(0, generation, now.wrapping_sub(IDLE + 9)), Kept::Silent, Some("web-1")),
        (Pin::new(0, generation.wrapping_add(1), now), Kept::BackendGone, None),
        (Pin::new(9, 0, now), Kept::BackendGone, None),
    ];
    for (number, (pin, ..)) in (0..).zip(&entries) {
        dataplane.pin(&flow(number), *pin).unwrap();
    }
    let elsewhere = Flow { destination: Address::from_v4([192, 0, 2, 9]), ..flow(9) };
    dataplane.pin(&elsewhere, Pin::new(0, generation, now)).unwrap();
    let remembered = remembered(&dataplane, scope, names);
    let found = list(&remembered, &listing(Some(FlowOrder::Source), 10), || true).unwrap();
    let told: Vec<_> = found.flows.iter().map(|flow| (flow.kept, flow.backend.as_deref())).collect();
    let mut expected: Vec<_> = entries.iter().map(|(_, kept, backend)| (*kept, *backend)).collect();
    expected.push((Kept::VipGone, Some("web-1")));
    assert_eq!(told, expected);
    let oldest = list(&remembered, &listing(Some(FlowOrder::Age), 1), || true).unwrap();
    assert_eq!(
        (oldest.flows.len(), oldest.matched, oldest.flows.first().unwrap().kept),
        (1, 6, Kept::Silent)
    );

    // Stable from one look to the next.
    for slot in 0..SLOTS {
        dataplane.settle(0, slot, Slot::stable(1));
    }
    let found = list(&remembered, &listing(Some(FlowOrder::Source), 2), || true).unwrap();
    assert!(found.flows.iter().all(|flow| flow.kept == Kept::SlotStable), "{found:?}");
}

#[test]
fn a_million_flows_are_read_once_each_and_never_held_all_at_once() {
    const PINS: u32 = 1_000_000;
    // Room to spare: the kernel evicts from an LRU map some time before it is full.
    let (mut dataplane, scope, names) = dataplane(2 << 20);
    let generation = names.backend(0).unwrap().generation;
    let now = now_ticks();
    for number in 0..PINS {
        // Every thousandth is where it was before, each silent a little longer than the one before it.
        let pin = match number % 1000 {
            0 => Pin::new(0, generation, now.wrapping_sub(number / 1000)),
            _ => Pin::new(1, generation, now),
        };
        dataplane.pin(&flow(number), pin).unwrap();
    }
    let remembered = remembered(&dataplane, scope, names);
    let before = resident_bytes();
    let start = std::time::Instant::now();
    let oldest = list(&remembered, &listing(Some(FlowOrder::Age), 100), || true).unwrap();
    println!("the oldest of {PINS} flows: {:?}", start.elapsed());
    assert_eq!((oldest.read, oldest.matched), (PINS.into(), PINS.into()));
    let ports: Vec<u16> = oldest.flows.iter().map(|flow| flow.source_port).collect();
    let expected = (900..1000_u32).rev().map(|thousand| flow(thousand * 1000).source_port);
    assert_eq!(ports, expected.collect::<Vec<_>>());

    let wanted = Wanted { backend: Some(("web".to_owned(), "web-1".to_owned())), ..Wanted::default() };
    let counts = count(&remembered, FlowGroup::Backend, &wanted, || true).unwrap();
    assert_eq!((counts.total.pinned, counts.total.holding, counts.groups.len()), (1_000, 1_000, 1));
    let counts = count(&remembered, FlowGroup::Vip, &Wanted::default(), || true).unwrap();
    assert_eq!(counts.groups.first().unwrap().tally.pinned, u64::from(PINS));
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");

    let mut seen = HashSet::new();
    let mut page = listing(None, 5_000);
    loop {
        let found = list(&remembered, &page, || true).unwrap();
        assert!(found.flows.len() < 5_000 + 2_000, "{}", found.flows.len());
        for flow in &found.flows {
            assert_eq!(flow.state, FlowState::Pinned);
            assert!(seen.insert((flow.source, flow.source_port)), "{flow:?} twice");
        }
        let Some(next) = found.next else { break };
        page.after = Position::parse(&next).unwrap();
    }
    assert_eq!(seen.len(), PINS as usize);

    // Nobody waits for the answer any more.
    let given_up = list(&remembered, &listing(Some(FlowOrder::Age), 100), || false).unwrap();
    assert_eq!(given_up.read, 0);
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}
