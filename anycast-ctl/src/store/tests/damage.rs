//! A file whose bytes were changed is refused or read, and never ends the program.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_damaged_file_is_told(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let disk = formatted();
        let stored = store(&disk);
        for number in 1..4 {
            stored.commit(change(number)).unwrap();
        }
        drop(stored);
        let mut bytes = disk.bytes();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        for (index, byte) in changes {
            bytes[index.index(used)] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(used));
        }
        if let Ok(store) = open(&Disk::holding(bytes)) {
            let _ = store.snapshot();
            let _ = store.records(10, None);
            let _ = store.commit(change(4));
        }
    }
}
