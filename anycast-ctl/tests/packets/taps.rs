//! Taps: what the program that shows packets shows, and that it does to them what the other one does.

use anycast_common::{
    reason::Reason,
    tap::{Atom, Filter, Side, Switch, Tap, Term, word, word::Field},
    walk::Walk,
};
use anycast_ctl::dataplane::now_ticks;

use self::tapper::{EVERYTHING, Tapper};
use crate::{
    harness::{Harness, xdp_action},
    packet::{BOTH, L4, Packet, V4, raw, syn, tcp, to, udp},
    site::{L2, State, vip_number},
};

mod agree;
pub mod tapper;

/// Passes packets of which that fact has that value.
fn is(field: Field, value: u64) -> Filter {
    let (half, mask) = (field.word % 2, ((1 << field.bits) - 1) << field.shift);
    let mut atom = Atom { pair: field.word as u64 / 2, ..Atom::default() };
    (atom.masks[half], atom.lows[half]) = (mask, value << field.shift);
    Filter::new(&[atom], &[Term { care: 1, want: 1 }]).unwrap()
}

/// Packets of so many flows.
fn flows(count: u16) -> impl Iterator<Item = Packet> {
    (0..count).map(|port| to(V4, L4::Udp(1024 + port, 53)))
}

#[test]
fn both_sides_are_shown_with_what_became_of_the_packet() {
    let harness = Harness::lean();
    let mut tapper = Tapper::load(&harness);
    tapper.on(&[EVERYTHING]);
    for vip in BOTH {
        let bytes = tcp(vip).bytes();
        let (verdict, output) = tapper.run(&bytes);
        assert_eq!(verdict, xdp_action::XDP_TX);
        let shown = tapper.shown();
        let [(came, before), (left, after)] = &shown[..] else { panic!("{shown:?}") };
        assert_eq!((before, after), (&bytes, &output));
        assert_eq!((came.side, left.side), (Side::Before as u8, Side::After as u8));
        assert_eq!((came.length, left.length), (bytes.len() as u32, output.len() as u32));
        assert_eq!((came.generation, came.tap), (1, 0));
        assert_eq!(came.walk, left.walk);
        assert_eq!((came.sequence, came.monotonic_ns), (left.sequence, left.monotonic_ns));
        let walk = &came.walk;
        assert!(walk.has(Walk::VIP | Walk::SLOT) && walk.has(Walk::BACKEND), "{walk:?}");
        assert_eq!((walk.vip, walk.reason, walk.verdict), (vip_number(vip), 0, verdict));
    }
}

#[test]
fn what_stays_is_shown_as_it_came_only() {
    let harness = Harness::lean();
    let mut tapper = Tapper::load(&harness);
    tapper.on(&[EVERYTHING]);
    let expired = Packet { hop_limit: 1, ..tcp(V4) };
    for (packet, reason) in [(tcp("192.0.2.200"), Reason::NotVip), (expired, Reason::TtlExpired)] {
        tapper.run(&packet.bytes());
        let shown = tapper.shown();
        let [(header, _)] = &shown[..] else { panic!("{shown:?}") };
        assert_eq!((header.side, header.walk.reason), (Side::Before as u8, reason.code()));
    }
    // What is no packet at all is shown as well.
    tapper.run(&raw(vec![0xff; 60]).bytes());
    assert_eq!(tapper.shown()[0].0.walk.reason, Reason::NotIp.code());
}

#[test]
fn each_tap_shows_what_its_filter_lets_through() {
    let harness = Harness::lean();
    let mut tapper = Tapper::load(&harness);
    let before = |filter| Tap { filter, flags: Tap::BEFORE, ..EVERYTHING };
    let vip = u64::from(vip_number("192.0.2.5"));
    tapper.on(&[
        before(is(word::VIP, vip)),
        before(is(word::REASON, Reason::UnknownPortDropped.code().into())),
        before(is(word::SOURCE_PORT, 40_000)),
        before(is(word::VERDICT, xdp_action::XDP_TX.into())),
    ]);
    let unknown = to("192.0.2.5", L4::Udp(7, 7));
    for packet in [tcp("192.0.2.5"), unknown, udp(V4), tcp("192.0.2.200")] {
        tapper.run(&packet.bytes());
    }
    let shown = tapper.shown();
    let of = |tap: u8| shown.iter().filter(|(header, _)| header.tap == tap).count();
    assert_eq!([of(0), of(1), of(2), of(3)], [2, 1, 3, 2]);
    for (number, expected) in [2, 1, 3, 2].into_iter().enumerate() {
        let counts = tapper.counts(number);
        assert_eq!((counts.matched, counts.shown, counts.unsampled, counts.limited, counts.lost), {
            (expected, expected, 0, 0, 0)
        });
    }
    // Several taps show one packet under one number.
    let mut numbers: Vec<u64> = shown.iter().map(|(header, _)| header.sequence & 0xffff_ffff_ffff).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), 4, "{numbers:?}");
}

#[test]
fn taps_that_are_off_or_forgotten_show_nothing() {
    let harness = Harness::lean();
    let mut tapper = Tapper::load(&harness);
    tapper.taps.set(0, &EVERYTHING);
    tapper.run(&tcp(V4).bytes());
    // Nobody renewed it in time.
    tapper.taps.switch(Switch::new(1, 256, now_ticks()));
    tapper.run(&tcp(V4).bytes());
    assert_eq!(tapper.shown().len(), 0);
    assert_eq!(tapper.counts(0).matched, 0);
    tapper.taps.switch(Switch::new(1, 256, now_ticks() + 2));
    tapper.run(&tcp(V4).bytes());
    assert_eq!(tapper.shown().len(), 2);
}

#[test]
fn no_more_than_was_asked_for_is_copied() {
    let harness = Harness::lean();
    let mut tapper = Tapper::load(&harness);
    let packet = Packet { payload: vec![7; 1400], ..udp(V4) }.bytes();
    for (snap, captured) in [(1, 1), (64, 64), (2048, packet.len())] {
        tapper.on(&[Tap { snap, ..EVERYTHING }, Tap { snap: 100, flags: Tap::BEFORE, ..EVERYTHING }]);
        tapper.run(&packet);
        for (header, bytes) in tapper.shown() {
            let captured = if header.tap == 0 { captured } else { 100 };
            assert_eq!((header.captured as usize, bytes.len()), (captured, captured));
            assert_eq!(header.length as usize, packet.len());
        }
    }
}

#[test]
fn sampling_takes_one_packet_or_flow_of_so_many() {
    let harness = Harness::lean();
    let mut tapper = Tapper::load(&harness);
    let packets: Vec<Vec<u8>> = flows(2000).map(|packet| packet.bytes()).collect();
    let by_packet = Tap { sample: 8, flags: Tap::BEFORE, ..EVERYTHING };
    tapper.on(&[by_packet, Tap { flags: Tap::BEFORE | Tap::BY_FLOW, ..by_packet }]);
    for _ in 0..3 {
        packets.iter().for_each(|packet| drop(tapper.run(packet)));
    }
    let shown = tapper.shown();
    let of = |tap: u8| shown.iter().filter(move |(header, _)| header.tap == tap).map(|(_, bytes)| bytes);
    // Six standard deviations around the mean of 6000 and 2000 tries.
    assert!((597..=903).contains(&of(0).count()), "{}", of(0).count());
    let mut flows: Vec<&Vec<u8>> = of(1).collect();
    flows.sort();
    let all = flows.len();
    flows.dedup();
    assert_eq!(all, flows.len() * 3, "a flow is shown as a whole or not at all");
    assert!((161..=339).contains(&flows.len()), "{}", flows.len());
    for number in 0..2 {
        let counts = tapper.counts(number);
        assert_eq!(counts.matched, 6000);
        assert_eq!(counts.unsampled + counts.shown, 6000, "{counts:?}");
    }
}

#[test]
fn a_limit_holds_for_a_second() {
    let harness = Harness::lean();
    let mut tapper = Tapper::load(&harness);
    tapper.on(&[Tap { per_second: 10, flags: Tap::BEFORE, ..EVERYTHING }]);
    let packet = tcp(V4).bytes();
    for _ in 0..200 {
        tapper.run(&packet);
    }
    let counts = tapper.counts(0);
    assert_eq!((counts.matched, counts.shown + counts.limited), (200, 200));
    // As many again if a second ended in between.
    assert!(counts.shown == 10 || counts.shown == 20, "{counts:?}");
    assert_eq!(tapper.shown().len() as u64, counts.shown);
}

#[test]
fn a_full_ring_costs_records_and_no_packets() {
    let mut harness = Harness::lean();
    let mut tapper = Tapper::load(&harness);
    tapper.on(&[EVERYTHING]);
    let packet = Packet { payload: vec![7; 1900], ..udp(V4) }.bytes();
    harness.delta();
    let mut runs = 0;
    while tapper.counts(0).lost < 100 {
        let (verdict, output) = tapper.run(&packet);
        assert_eq!((verdict, output.len()), (xdp_action::XDP_TX, packet.len()));
        runs += 1;
        assert!(runs < 20_000, "the ring buffer does not fill");
    }
    let counts = tapper.counts(0);
    assert_eq!((counts.matched, counts.shown + counts.lost), (runs, runs * 2));
    assert_eq!(harness.delta().outcomes(), runs, "every packet was delivered, and counted");
    assert_eq!(tapper.shown().len() as u64, counts.shown);
    // There is room again.
    tapper.run(&packet);
    assert_eq!(tapper.shown().len(), 2);
}

#[test]
fn taps_know_the_backend_and_why_it_was_chosen() {
    let mut harness = Harness::lean();
    let slot = anycast_common::slot::Slot::in_transition(1, 2);
    harness.set(&State { slot: Some(slot), ..L2 });
    let mut tapper = Tapper::load(&harness);
    tapper.on(&[EVERYTHING]);
    // An older flow stays, a new one goes where the slot goes.
    for (packet, backend) in [(tcp(V4), 2), (syn(V4), 1)] {
        tapper.run(&packet.bytes());
        let walk = tapper.shown()[0].0.walk;
        assert_eq!(walk.backend, backend);
        assert_eq!(walk.owners(), Some(slot));
    }
}
