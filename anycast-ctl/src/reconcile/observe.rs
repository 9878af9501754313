//! Drift: where what the kernel's maps hold is not what was put there. No IO.

use std::collections::BTreeMap;

use anycast_common::slot::Slot;

use super::Maps;

/// One thing that somebody else changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// How a backend is reached, or that it is.
    Backend(u16),
    /// The outer headers of a backend's packets.
    Tunnel(u16),
    /// An entry for a backend that is none.
    ForeignBackend(u16),
    /// An interface that packets may be redirected to is missing.
    Device(u32),
    /// One is there that should not be.
    ForeignDevice(u32),
    /// A VIP is missing, or has other settings or services.
    Vip(u16),
    /// A VIP that is none.
    ForeignVip(u16),
    /// A pool's slots are looked for in another place.
    Table(u16),
    /// Slots of a pool have another owner.
    Slots {
        /// Number of the pool.
        pool: u16,
        /// How many.
        slots: u32,
    },
}

/// Where `are` differs from `should`, but for slots: see [`Owners`].
pub fn drift(should: &Maps, are: &Maps) -> Vec<Drift> {
    let mut found = Vec::new();
    differences(&should.backends, &are.backends, |index, foreign| {
        found.push(if foreign { Drift::ForeignBackend(index) } else { Drift::Backend(index) });
    });
    differences(&should.tunnels, &are.tunnels, |index, _| {
        // One that cannot be reached, or is foreign, is named once.
        if should.backends.get(&index).is_some_and(|it| are.backends.get(&index) == Some(it)) {
            found.push(Drift::Tunnel(index));
        }
    });
    found.extend(should.devices.difference(&are.devices).map(|&device| Drift::Device(device)));
    found.extend(are.devices.difference(&should.devices).map(|&device| Drift::ForeignDevice(device)));
    let by_number = |maps: &Maps| -> BTreeMap<u16, _> {
        maps.directory.iter().map(|entry| (entry.number, entry.clone())).collect()
    };
    differences(&by_number(should), &by_number(are), |number, foreign| {
        found.push(if foreign { Drift::ForeignVip(number) } else { Drift::Vip(number) });
    });
    found
}

fn differences<V: PartialEq>(
    should: &BTreeMap<u16, V>,
    are: &BTreeMap<u16, V>,
    mut note: impl FnMut(u16, bool),
) {
    should.iter().filter(|(key, value)| are.get(key) != Some(value)).for_each(|(key, _)| note(*key, false));
    are.keys().filter(|key| !should.contains_key(key)).for_each(|key| note(*key, true));
}

/// Whom the slots of a pool belonged to when its table was published, in a word: a table is not kept twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owners(u64);

impl Owners {
    /// Of these slots. Base owners do not count: the sweep and the program's use of them change slots.
    pub fn of(slots: &[Slot]) -> Self {
        // FNV-1a, of a half-word at a time.
        let step = |hash: u64, slot: &Slot| (hash ^ u64::from(slot.current())).wrapping_mul(0x0100_0000_01b3);
        Self(slots.iter().fold(0xcbf2_9ce4_8422_2325, step))
    }
}

/// The slots that are not as they may be, as they should be: each with its owner, and with a base owner only if it is one that
/// slots of the pool had before.
pub fn astray(slots: &[Slot], owners: &[u16], may_be_base: impl Fn(u16) -> bool) -> Vec<(u32, Slot)> {
    let right = |slot: Slot, owner: u16| {
        let in_transition = !slot.is_stable() && may_be_base(slot.base());
        if in_transition { Slot::in_transition(owner, slot.base()) } else { Slot::stable(owner) }
    };
    let should = slots.iter().zip(owners).map(|(&slot, &owner)| right(slot, owner));
    let pairs = (0..).zip(slots.iter().zip(should));
    pairs.filter(|(_, (slot, right))| *slot != right).map(|(number, (_, right))| (number, right)).collect()
}

#[cfg(test)]
mod tests {
    use anycast_common::backend::Backend;

    use super::*;
    use crate::{
        dataplane::DirectoryEntry,
        model::{HashPolicy, OnEmpty, UdpPolicy},
    };

    fn entry(number: u16) -> DirectoryEntry {
        DirectoryEntry {
            address: "192.0.2.1".parse().unwrap(),
            number,
            pool: 0,
            ordinal: 0,
            drop_unknown_port: false,
            answer_echo: true,
            hash: HashPolicy::FiveTuple,
            udp: UdpPolicy::Stateless,
            on_empty: OnEmpty::Drop,
            idle_timeout_ticks: 1,
            services: vec!["tcp/80".parse().unwrap()],
        }
    }

    fn maps() -> Maps {
        let mut maps = Maps::default();
        maps.backends.insert(1, Backend { first_counter: 1, ..Backend::default() });
        maps.tunnels.insert(1, anycast_common::tunnel::Tunnel::from_words([1; 6]));
        maps.devices.insert(2);
        maps.directory = vec![entry(1), entry(2)];
        maps
    }

    #[test]
    fn each_difference_is_told() {
        let with = |change: &dyn Fn(&mut Maps)| {
            let mut are = maps();
            change(&mut are);
            drift(&maps(), &are)
        };
        assert_eq!(with(&|_| ()), []);
        assert_eq!(with(&|it| it.directory.reverse()), [], "the order of VIPs is nobody's business");
        assert_eq!(
            with(&|it| {
                it.backends.clear();
            }),
            [Drift::Backend(1)]
        );
        let other = Backend { first_counter: 9, ..Backend::default() };
        assert_eq!(
            with(&|it| {
                it.backends.insert(1, other);
            }),
            [Drift::Backend(1)]
        );
        assert_eq!(
            with(&|it| {
                it.backends.insert(7, other);
            }),
            [Drift::ForeignBackend(7)]
        );
        assert_eq!(
            with(&|it| {
                it.tunnels.clear();
            }),
            [Drift::Tunnel(1)]
        );
        assert_eq!(
            with(&|it| {
                it.devices.insert(3);
            }),
            [Drift::ForeignDevice(3)]
        );
        assert_eq!(
            with(&|it| {
                it.devices.clear();
            }),
            [Drift::Device(2)]
        );
        assert_eq!(with(&|it| drop(it.directory.pop())), [Drift::Vip(2)]);
        assert_eq!(with(&|it| it.directory[0].services.clear()), [Drift::Vip(1)]);
        assert_eq!(with(&|it| it.directory.push(entry(3))), [Drift::ForeignVip(3)]);
    }

    #[test]
    fn slots_that_went_astray_get_their_owner_and_keep_their_base() {
        let slots = [Slot::stable(1), Slot::stable(9), Slot::in_transition(9, 3), Slot::in_transition(1, 8)];
        let right = [(1, Slot::stable(2)), (2, Slot::in_transition(1, 3)), (3, Slot::stable(1))];
        assert_eq!(astray(&slots, &[1, 2, 1, 1], |base| base == 3), right);
        assert_eq!(astray(&slots, &[1, 9, 9, 1], |_| true), []);
        let slots = [Slot::stable(1), Slot::stable(9), Slot::in_transition(9, 3)];
        let settled = [Slot::stable(1), Slot::stable(9), Slot::stable(9)];
        assert_eq!(Owners::of(&slots), Owners::of(&settled));
        assert_ne!(Owners::of(&slots), Owners::of(&[Slot::stable(1), Slot::stable(2), Slot::stable(9)]));
    }
}
