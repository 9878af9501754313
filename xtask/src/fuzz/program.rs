//! The program that has all targets in it, built with its edges counted.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};

use super::directory;
use crate::compile::cargo;

/// Its name among those of anycast-ctl.
pub const NAME: &str = "anycast-fuzz";

/// A compiler that instruments the crates under test, and them alone: what they are built on is shared with every other build,
/// which saves minutes; its edges guide nothing, but what the crates make of its answers does. The parser of packets and the
/// targets are optimised, which costs little; the controller is not, which would take longer than the fuzzing.
///
/// The flags have edges counted and compared values reported: they are cargo-fuzz's, all of which the stable compiler takes.
const COMPILER: &str = r#"#!/bin/sh
compiler=$1
shift
case " $* " in
*" --crate-name anycast_common "* | *" --crate-name anycast_fuzz "*) set -- "$@" -Copt-level=2 -Clto=off ;;
esac
case " $* " in
*" --crate-name anycast_common "* | *" --crate-name anycast_ctl "* | *" --crate-name anycast_fuzz "*)
    set -- "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$compiler" "$@"
"#;

/// Builds it, and answers where it is.
pub fn build() -> Result<PathBuf> {
    let compiler = directory().join("rustc");
    write(&compiler)?;
    let mut command = cargo();
    command.args(["build", "--package", "anycast-ctl", "--features", "fuzz", "--bin", NAME]);
    command.arg("--message-format=json-render-diagnostics");
    // Cargo keeps what such a compiler makes of the workspace apart from what the usual one does.
    command.env("RUSTC_WORKSPACE_WRAPPER", &compiler);
    // It is seldom built twice.
    command.env("CARGO_INCREMENTAL", "0");
    let output = command.stderr(Stdio::inherit()).output().context("start cargo build")?;
    if !output.status.success() {
        bail!("build the fuzzer: cargo ended with {}; its errors are above", output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().rev().find_map(executable);
    executable.context("find the fuzzer's executable among cargo's messages")
}

/// Left as it is where it is already: cargo builds anew what another compiler made.
fn write(compiler: &Path) -> Result<()> {
    if fs::read(compiler).is_ok_and(|there| there == COMPILER.as_bytes()) {
        return Ok(());
    }
    let step = || format!("write {}", compiler.display());
    fs::create_dir_all(directory()).with_context(step)?;
    fs::write(compiler, COMPILER).with_context(step)?;
    fs::set_permissions(compiler, fs::Permissions::from_mode(0o755)).with_context(step)
}

/// The program of a line of cargo's JSON.
fn executable(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_ours = message.pointer("/target/name")?.as_str() == Some(NAME);
    Some(message.get("executable")?.as_str()?.into()).filter(|_| is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzzer_is_found_among_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"anycast-fuzz"},"executable":"/t/f"}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/f")));
        assert_eq!(executable(&line.replace("anycast-fuzz", "other")), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
