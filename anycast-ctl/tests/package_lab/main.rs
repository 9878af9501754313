//! The Debian package on a clean Debian with systemd, in the lab's network: installed, started, reloaded, stuck, upgraded,
//! removed, purged. Needs root. The first run makes the Debian below `target/roots`, by debootstrap, and others take that one.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod announced;
mod bytes;
mod exposure;
mod image;
mod life;
mod machine;
mod receive;
mod rights;
mod root;
mod tarball;

use std::path::{Path, PathBuf};

use xtask::dist::{self, Source};

/// A package of the binary under test, in that directory.
fn package(directory: &Path, version: &str) -> PathBuf {
    dist::trial(&source(), &stripped(directory), &directory.join(version), version).unwrap()
}

/// The binary under test, in that directory.
fn stripped(directory: &Path) -> PathBuf {
    let binary = directory.join("anycast-ctl");
    // Debug information makes most of it, and would only take time.
    let strip = std::process::Command::new("strip")
        .args([Path::new("-o"), &binary, Path::new(env!("CARGO_BIN_EXE_anycast-ctl"))])
        .status();
    assert!(strip.unwrap().success());
    binary
}

/// The time is fixed: the tests also run outside a repository.
fn source() -> Source {
    let directory = xtask::compile::workspace().to_owned();
    Source { target: directory.join("target"), directory, epoch: 1_700_000_000 }
}
