//! Cases worth a name. Slots all belong to one backend at a time here, so that every flow sees every move.

use anycast_common::{
    pin::{Pin, Record},
    slot::Slot,
    steer::{FlowMap as _, Kind},
};
use anycast_ctl::model::OnDown;

use crate::{
    history::{BACKENDS, Event, Flaw, Host, IDLE, Setting},
    kernel::{flow, key},
};

fn host(on_down: OnDown, flaw: Flaw) -> Host {
    Host::new(&Setting { slots: 13, on_down, pins: 1000, embryonic: 1000 }, flaw)
}

/// A host whose TCP slots all are backend 0's and stable.
fn settled() -> Host {
    let mut host = host(OnDown::Reset, Flaw::None);
    only(&mut host, 0);
    settle(&mut host);
    assert_eq!(host.in_transition(), 0);
    host
}

fn only(host: &mut Host, backend: u8) {
    happen(host, Event::Undrain(0, backend));
    for other in (0..BACKENDS).filter(|&other| other != backend) {
        happen(host, Event::Drain(0, other, None));
    }
}

/// Lets every flow end that shows no packet, and sweeps.
fn settle(host: &mut Host) {
    happen(host, Event::Wait(IDLE + 4));
    host.sweep_all();
}

fn happen(host: &mut Host, event: Event) {
    host.happen(&event).unwrap();
}

fn open(host: &mut Host, client: u8) -> u16 {
    host.packet(0, client, Kind::Opens).unwrap()
}

fn send(host: &mut Host, client: u8) -> u16 {
    host.packet(0, client, Kind::Continues).unwrap()
}

#[test]
fn flows_of_every_era_stay_when_owners_come_and_go() {
    let mut host = settled();
    for (client, backend) in [(1, 0), (2, 1), (3, 0), (4, 2), (5, 1)] {
        only(&mut host, backend);
        assert_eq!(open(&mut host, client), u16::from(backend));
        assert_eq!(send(&mut host, client), u16::from(backend));
    }
    for _ in 0..3 {
        let backends = [1, 2, 3, 4, 5].map(|client| send(&mut host, client));
        assert_eq!(backends, [0, 1, 0, 2, 1]);
        happen(&mut host, Event::Wait(IDLE));
        host.sweep_all();
    }
}

#[test]
fn an_opening_packet_is_repeated_to_where_it_went_if_that_was_recorded() {
    let mut host = settled();
    assert_eq!(open(&mut host, 1), 0);
    only(&mut host, 1);
    // The first one met a stable slot. If backend 0 did answer and only its answer was slow, this session breaks.
    assert_eq!(open(&mut host, 1), 1);
    assert_eq!(open(&mut host, 2), 1);
    only(&mut host, 2);
    assert_eq!((open(&mut host, 1), open(&mut host, 2)), (1, 1));
    assert_eq!((send(&mut host, 1), send(&mut host, 2)), (1, 1));
}

#[test]
fn addresses_that_are_used_again_go_where_their_record_says() {
    let mut host = settled();
    only(&mut host, 1);
    open(&mut host, 1);
    send(&mut host, 1);
    happen(&mut host, Event::Close(1));
    only(&mut host, 2);
    assert_eq!(open(&mut host, 1), 1, "a live record, though the flow it is of is over");
    assert_eq!(send(&mut host, 1), 1);
    happen(&mut host, Event::Wait(IDLE + 1));
    assert_eq!(open(&mut host, 1), 2, "a record is believed for the idle timeout");
    assert_eq!(send(&mut host, 1), 2);
}

#[test]
fn a_record_that_aged_while_its_slot_was_stable_does_no_harm() {
    let mut host = settled();
    only(&mut host, 1);
    open(&mut host, 1);
    for _ in 0..3 {
        assert_eq!(send(&mut host, 1), 1);
        happen(&mut host, Event::Wait(IDLE - 1));
    }
    host.sweep_all();
    assert_eq!(host.in_transition(), 0, "the flow is recorded as the current owner's");
    happen(&mut host, Event::Wait(IDLE - 1));
    assert_eq!(send(&mut host, 1), 1);
    only(&mut host, 2);
    assert_eq!(send(&mut host, 1), 1, "by now it is the base owner's, with its record or without");
    assert_eq!(open(&mut host, 2), 2);
    assert_eq!((send(&mut host, 1), send(&mut host, 2)), (1, 2));
}

#[test]
fn an_opening_packet_ends_what_is_remembered_of_a_backend_that_is_down() {
    let mut host = settled();
    only(&mut host, 1);
    open(&mut host, 1);
    assert_eq!(send(&mut host, 1), 1);
    only(&mut host, 2);
    happen(&mut host, Event::Mark(0, 1, false));
    assert_eq!(send(&mut host, 1), 2, "reset");
    assert_eq!(open(&mut host, 1), 2, "and opened again");
    only(&mut host, 0);
    assert_eq!(send(&mut host, 1), 2);
    happen(&mut host, Event::Mark(0, 1, true));
    assert_eq!(send(&mut host, 1), 2, "backend 1 is back, but the flow is another one");
}

/// Found by the random histories.
fn records_of_a_removed_backend(flaw: Flaw) -> Result<(), String> {
    let mut host = host(OnDown::Reset, flaw);
    only(&mut host, 0);
    settle(&mut host);
    only(&mut host, 1);
    open(&mut host, 1);
    for _ in 0..3 {
        send(&mut host, 1);
        happen(&mut host, Event::Wait(IDLE - 1));
    }
    host.sweep_all();
    assert_eq!(host.in_transition(), 0);
    happen(&mut host, Event::Remove(0, 1));
    only(&mut host, 0);
    assert_eq!(open(&mut host, 1), 0, "its backend was removed, it is opened again");
    only(&mut host, 2);
    host.packet(0, 1, Kind::Continues).map(drop)
}

#[test]
fn what_is_recorded_of_a_removed_backend_is_not_taken_for_another_flow() {
    records_of_a_removed_backend(Flaw::None).unwrap();
    records_of_a_removed_backend(Flaw::RemovedOwnersAreForgotten).unwrap_err();
}

#[test]
fn a_record_of_an_earlier_holder_of_an_index_is_void() {
    let host = settled();
    let (flow, now) = (flow(0, 1), host.kernel.now);
    let pin = |generation| Record::new(&flow, Pin::new(1, generation, now));
    let generation = host.kernel.backends[&1].generation;
    host.kernel.filter_cell(&flow).set(true);
    host.kernel.pins.insert(key(&flow), &pin(generation.wrapping_sub(1)));
    let mut host = host;
    only(&mut host, 2);
    assert_eq!(send(&mut host, 1), 2, "of a backend that is gone, whose index another one has");
    host.kernel.pins.insert(key(&flow), &pin(generation));
    assert_eq!(send(&mut host, 1), 1);
}

#[test]
fn a_backend_that_is_down_keeps_its_flows_if_the_pool_says_so() {
    for (on_down, after) in [(OnDown::Reset, 1), (OnDown::Keep, 0)] {
        let mut host = host(on_down, Flaw::None);
        only(&mut host, 0);
        settle(&mut host);
        assert_eq!(open(&mut host, 1), 0);
        happen(&mut host, Event::Undrain(0, 1));
        happen(&mut host, Event::Mark(0, 0, false));
        assert_eq!((open(&mut host, 2), send(&mut host, 1)), (1, after), "{on_down:?}");
        happen(&mut host, Event::Mark(0, 0, true));
        assert_eq!(send(&mut host, 1), 0, "{on_down:?}: it is still there, should the client have waited");
        assert_eq!(send(&mut host, 2), 1, "{on_down:?}");
    }
}

#[test]
fn a_pool_that_is_out_of_reach_for_a_moment_loses_no_flow() {
    let mut host = settled();
    open(&mut host, 1);
    only(&mut host, 1);
    open(&mut host, 2);
    for resolved in [false, true] {
        (0..3).for_each(|backend| happen(&mut host, Event::Resolve(0, backend, resolved)));
        host.sweep_all();
        happen(&mut host, Event::Wait(3));
        host.sweep_all();
    }
    assert_eq!((send(&mut host, 1), send(&mut host, 2)), (0, 1));
}

#[test]
fn a_drain_ends_at_its_deadline() {
    let mut host = settled();
    open(&mut host, 1);
    happen(&mut host, Event::Undrain(0, 1));
    happen(&mut host, Event::Drain(0, 0, Some(5)));
    assert_eq!((open(&mut host, 2), send(&mut host, 1)), (1, 0));
    happen(&mut host, Event::Wait(5));
    assert_eq!((send(&mut host, 1), send(&mut host, 2)), (1, 1), "the first one is reset");
    host.sweep_all();
    assert_eq!(host.in_transition(), 0);
    assert_eq!(send(&mut host, 2), 1);
}

#[test]
fn nobody_left_for_new_flows_is_no_end_of_the_old_ones() {
    let mut host = settled();
    open(&mut host, 1);
    happen(&mut host, Event::Drain(0, 0, None));
    assert_eq!(open(&mut host, 2), Slot::EMPTY.current());
    assert_eq!(send(&mut host, 1), 0);
    only(&mut host, 1);
    assert_eq!((open(&mut host, 2), send(&mut host, 1)), (1, 0));
}

#[test]
fn a_sweep_leaves_alone_what_changed_since_it_began() {
    let mut host = settled();
    only(&mut host, 1);
    only(&mut host, 0);
    happen(&mut host, Event::Wait(5));
    // The whole table is in transition and could be settled: `current` and `base` are 0, and no flow is remembered.
    happen(&mut host, Event::Sweep(2, 100));
    only(&mut host, 1);
    open(&mut host, 1);
    only(&mut host, 0);
    while host.is_sweeping() {
        happen(&mut host, Event::Sweep(1, 100));
    }
    assert_eq!((host.in_transition(), send(&mut host, 1)), (13, 1), "a flow was pinned behind its back");
    happen(&mut host, Event::Wait(3));
    host.sweep_all();
    assert_eq!((host.in_transition(), send(&mut host, 1)), (1, 1));
    settle(&mut host);
    assert_eq!(host.in_transition(), 0);
}
