use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::{
    health::weight::WHOLE,
    reconcile::{Member, Table},
};

const SLOTS: u32 = 997;
const SEED: u64 = 7;

fn member(index: u16, weight: u32) -> Member {
    let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, index as u8 + 1));
    Member { index, address, weight, share: WHOLE, backup: false }
}

fn table(members: &[Member]) -> Table {
    Table { slots: SLOTS, seed: None, members: members.to_vec() }
}

/// The slots of a pool at rest, and what other members do to them.
fn plan(before: &[Member], after: &[Member]) -> Plan {
    let present: Vec<Slot> = table(before).owners(SEED).unwrap().into_iter().map(Slot::stable).collect();
    Plan::between(&present, &table(after).owners(SEED).unwrap())
}

#[test]
fn taking_a_backend_out_moves_its_slots_and_few_others() {
    let plan = plan(&[member(0, 1), member(1, 1), member(2, 1)], &[member(0, 1), member(2, 1)]);
    let its = plan.before[&1];
    assert!((332..=333).contains(&its), "{its}");
    assert!((its..its + SLOTS / 20).contains(&plan.moved), "{}", plan.moved);
    assert_eq!(plan.after.keys().collect::<Vec<_>>(), [&0, &2]);
    assert_eq!(plan.after.values().sum::<u32>(), SLOTS);
}

#[test]
fn a_weight_moves_slots_and_the_same_weight_none() {
    let members = [member(0, 1), member(1, 1)];
    assert_eq!(plan(&members, &members).moved, 0);
    let heavier = plan(&members, &[member(0, 1), member(1, 3)]);
    assert!((745..=750).contains(&heavier.after[&1]), "{heavier:?}");
    assert!(heavier.moved >= heavier.after[&1] - heavier.before[&1]);
}

#[test]
fn the_last_backend_leaves_nobody_and_the_first_gets_all() {
    let plan = plan(&[member(0, 1)], &[]);
    assert_eq!((plan.moved, plan.before[&0]), (SLOTS, SLOTS));
    assert!(plan.after.is_empty());
    let plan = Plan::between(&[], &table(&[member(4, 1)]).owners(SEED).unwrap());
    assert_eq!((plan.moved, plan.after[&4]), (SLOTS, SLOTS));
    assert_eq!(Plan::between(&[], &table(&[]).owners(SEED).unwrap()).moved, 0);
}

#[test]
fn what_is_at_stake_is_what_nobody_recorded() {
    let slots = [
        Slot::stable(1),
        Slot::stable(2),
        // Flows of 1 here are pins.
        Slot::in_transition(1, 2),
        Slot::in_transition(2, 1),
        Slot::in_transition(1, 1),
        Slot::EMPTY,
    ];
    assert_eq!((slots_at_stake(&slots, 1), slots_at_stake(&slots, 2), slots_at_stake(&slots, 3)), (3, 2, 0));
}
