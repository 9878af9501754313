use super::*;

const A: u16 = 0;
const B: u16 = 1;
const C: u16 = 2;

fn moved(slot: Slot, owner: u16) -> Slot {
    merge(&[slot], &[owner]).slots[0]
}

#[test]
fn the_first_table_is_stable() {
    let merged = merge(&[], &[A, B, A]);
    assert_eq!(merged.slots, [Slot::stable(A), Slot::stable(B), Slot::stable(A)]);
    assert_eq!((merged.moved, merged.share_moved()), (3, 1.0));
}

#[test]
fn a_slot_that_keeps_its_owner_is_left_alone() {
    for slot in [Slot::stable(A), Slot::in_transition(A, B), Slot::in_transition(A, A), Slot::EMPTY] {
        let merged = merge(&[slot], &[slot.current()]);
        assert_eq!((merged.slots, merged.moved), (vec![slot], 0));
    }
}

#[test]
fn the_base_owner_stays_through_every_further_move() {
    let to_b = moved(Slot::stable(A), B);
    assert_eq!(to_b, Slot::in_transition(B, A));
    let back = moved(to_b, A);
    assert_eq!(back, Slot::in_transition(A, A), "flows of B are remembered: no reason to be stable");
    assert_eq!(moved(back, C), Slot::in_transition(C, A));
    assert_eq!(moved(to_b, NO_BACKEND), Slot::in_transition(NO_BACKEND, A));
    assert_eq!(moved(Slot::in_transition(NO_BACKEND, A), A), Slot::in_transition(A, A));
}

#[test]
fn a_slot_that_nobody_owned_begins_stable() {
    assert_eq!(moved(Slot::EMPTY, B), Slot::stable(B));
}

#[test]
fn only_a_change_of_owner_renews_a_stamp() {
    let before = [Slot::stable(A), Slot::in_transition(B, A), Slot::in_transition(B, A)];
    let after = [Slot::in_transition(B, A), Slot::in_transition(B, A), Slot::in_transition(A, A)];
    assert_eq!(stamps(&before, &[1, 2, 3], &after, 9), [9, 2, 9]);
    assert_eq!(stamps(&[], &[], &after, 9), [9, 9, 9]);
}

#[test]
fn a_table_of_nobody_is_void() {
    assert!(merge(&[], &[NO_BACKEND; 3]).is_void());
    assert!(!merge(&[Slot::stable(A)], &[NO_BACKEND]).is_void());
    assert!(!merge(&[Slot::in_transition(B, A)], &[NO_BACKEND]).is_void());
}
