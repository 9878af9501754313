//! Numbers that an instance has on its host, made of its name: the upper half of its marks, and its routing table.

use anycast_common::probe::mark;

/// Above all tables that have a name, and beside the numbers that people and other programs choose.
const FIRST_TABLE: u32 = 1 << 16;

/// The upper half of an instance's marks: FNV-1a of its name, folded to 15 bits, with the highest bit set. Never 0, so that no
/// socket without a mark is meant.
pub(super) fn of(instance: &str) -> u16 {
    let hash = instance
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash >> 16) as u16 ^ hash as u16 | 0x8000
}

/// The mark of sockets that check the backend with that index, unless it is this host itself:
/// [`THIS_HOST`](anycast_common::probe::THIS_HOST) is the index of such.
pub fn mark_of(instance: &str, backend: u16) -> u32 {
    mark(of(instance), backend)
}

/// Number of the instance's routing table.
pub fn table_of(instance: &str) -> u32 {
    table(of(instance))
}

pub(super) fn table(magic: u16) -> u32 {
    FIRST_TABLE + u32::from(magic)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that a killed daemon of another version must still be found by.
    #[test]
    fn numbers_of_an_instance_stay_the_same() {
        assert_eq!(mark_of("anycast", 7), 0xee4d_0007);
        assert_eq!(table_of("anycast"), 126_541);
    }

    #[test]
    fn instances_differ_and_are_never_zero() {
        let names: Vec<String> = (0..64).map(|number| format!("edge-{number}")).collect();
        for (position, name) in names.iter().enumerate() {
            assert!(of(name) & 0x8000 != 0);
            assert!(names[..position].iter().all(|other| of(other) != of(name)), "{name}");
        }
    }
}
