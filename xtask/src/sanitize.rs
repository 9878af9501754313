//! `cargo xtask sanitize`: the unsafe code, run where what it may not do shows.
//!
//! Miri interprets the tests of anycast-common, whose unsafe code reads packets. That of anycast-ctl asks the kernel, which Miri
//! cannot: the program runs under valgrind's memcheck, and is made to ask for all of it. docs/fuzzing.md has the list.

mod memcheck;

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{
    compile::workspace,
    host_tool::works,
    progress::run_step,
    setup::{self, Mode},
};

/// Parts of the names of tests that come to unsafe code. Miri is a thousand times slower than the processor: the others would
/// take it minutes and show it nothing.
const UNSAFE: [&str; 3] = ["tap::facts", "steer::", "every_packet_of_the_corpus"];

/// Cases of each property test.
const CASES: &str = "4";

/// Runs both.
pub fn sanitize() -> Result<()> {
    setup::setup(Mode::Install)?;
    miri()?;
    memcheck::memcheck()
}

/// The tests of anycast-common, interpreted.
fn miri() -> Result<()> {
    let version = ["run", "nightly", "cargo", "miri", "--version"];
    if !works("rustup", &version) {
        let mut add = Command::new("rustup");
        add.args(["component", "add", "miri", "--toolchain", "nightly"]);
        run_step("install Miri", &mut add)?;
    }
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "miri", "test", "--package", "anycast-common"]);
    command.args(["--lib", "--test", "corpus", "--target-dir"]).arg(workspace().join("target/miri"));
    command.arg("--").args(UNSAFE);
    command.current_dir(workspace());
    // The outer cargo's toolchain must not leak into the nightly one.
    for variable in ["RUSTC", "RUSTDOC", "RUSTC_WORKSPACE_WRAPPER", "RUSTUP_TOOLCHAIN", "CARGO"] {
        command.env_remove(variable);
    }
    // The corpus is in files.
    command.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", CASES);
    let status = command.status().context("start Miri")?;
    if status.success() {
        Ok(())
    } else {
        bail!("interpret anycast-common: Miri ended with {status}, see above")
    }
}
