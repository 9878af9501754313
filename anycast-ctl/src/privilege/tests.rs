use std::{collections::BTreeSet, thread};

use super::*;

/// On a thread of its own, as rights are a thread's.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join().unwrap())
}

fn set(which: CapSet) -> BTreeSet<String> {
    caps::read(None, which).unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_needed_stays_and_nothing_else() {
    let mine = set(CapSet::Permitted);
    apart(|| {
        let rights = confine(&of_daemon(None)).unwrap();
        let held: BTreeSet<String> = rights.held.iter().map(Need::name).collect();
        assert!(held.is_subset(&mine));
        assert_eq!((set(CapSet::Effective), set(CapSet::Permitted)), (held.clone(), held.clone()));
        assert!(set(CapSet::Ambient).is_empty() && set(CapSet::Inheritable).is_empty());
        if mine.contains("CAP_SETPCAP") {
            assert_eq!(set(CapSet::Bounding), held);
        }
        assert!(prctl::get_no_new_privs().unwrap() && rights.no_new_privs);
        assert_eq!(
            rights.held.len() + rights.missing.len(),
            DAEMON.len() + usize::from(rights.uid.is_root())
        );
        // Twice is no error, and what is gone stays gone.
        assert_eq!(confine(&of_daemon(None)).unwrap(), rights);
    });
    assert_eq!(set(CapSet::Permitted), mine);
}

#[test]
fn all_of_it_can_be_given_up() {
    apart(|| {
        let may_bound = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).unwrap();
        give_up().unwrap();
        for which in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
            assert!(set(which).is_empty(), "{which:?}");
        }
        assert!(!may_bound || set(CapSet::Bounding).is_empty());
        assert!(prctl::get_no_new_privs().unwrap());
        let missing = confine(&ROUTES).unwrap().missing;
        assert!(missing.contains(&ROUTES[0]), "{missing:?}");
    });
}

#[test]
fn only_a_low_port_needs_a_right_of_its_own() {
    let needs = |port| of_daemon(port).len() - DAEMON.len();
    assert_eq!([None, Some(0), Some(80), Some(1023), Some(1024), Some(9750)].map(needs), [0, 0, 1, 1, 0, 0]);
}
