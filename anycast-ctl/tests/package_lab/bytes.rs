//! The same files make the same package.

use std::fs;

use crate::{package, source};

#[test]
fn a_package_is_the_same_wherever_it_is_made() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one = package(here.path(), "1.0");
    let other = package(there.path(), "1.0");
    assert_eq!(one.file_name(), other.file_name());
    assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "the two packages differ");
    let name = source().name().unwrap();
    for paper in [format!("{name}.cdx.json"), format!("{name}-third-party-licences.txt")] {
        let text = |place: &tempfile::TempDir| fs::read(place.path().join("1.0").join(&paper)).unwrap();
        assert!(text(&here) == text(&there), "{paper} differs");
    }
}
