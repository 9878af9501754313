//! The types that an object describes (BTF).
//!
//! The same source must make the same bytes. LLVM puts types that are only declared at the end, in the order of where its memory
//! has them: with two of them there are two objects, by chance.

use aya_obj::Object;

use crate::OBJECTS;

/// Bytes of BTF's header, if there is nothing unusual in it.
const HEADER: usize = 24;

/// Kinds of types. Source: <https://docs.kernel.org/bpf/btf.html>.
const FORWARD: u32 = 7;

/// Kinds of all types in BTF of this host's byte order, which is little-endian on all that are supported.
fn kinds(btf: &[u8]) -> Vec<u32> {
    let word = |at: usize| u32::from_le_bytes(btf[at..at + 4].try_into().unwrap());
    assert_eq!((word(4) as usize, word(8)), (HEADER, 0), "types follow the header");
    let end = HEADER + word(12) as usize;
    let (mut at, mut kinds) = (HEADER, Vec::new());
    while at < end {
        let info = word(at + 4);
        let (kind, members) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
        kinds.push(kind);
        at += 12
            + match kind {
                // Integers, variables, tags of declarations.
                1 | 14 | 17 => 4,
                // Arrays.
                3 => 12,
                // Structures, unions, sections, 64-bit enumerations.
                4 | 5 | 15 | 19 => 12 * members,
                // Enumerations, prototypes.
                6 | 13 => 8 * members,
                _ => 0,
            };
    }
    assert_eq!(at, end);
    kinds
}

#[test]
fn no_type_is_only_declared() {
    for (name, bytes) in OBJECTS {
        let btf = Object::parse(bytes).unwrap().btf.unwrap().to_bytes();
        let kinds = kinds(&btf);
        assert!(kinds.len() > 20, "{name}: {kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| **kind == FORWARD).count(), 0, "{name}");
    }
}
