//! `cargo xtask lint`: formatting, clippy for both targets, documentation.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{
    compile::{cargo, workspace},
    fuzz,
    host_tool::{shell_line, works},
    setup::{self, Mode},
};

/// The workspace without the crate that only builds for BPF.
const HOST: [&str; 3] = ["--workspace", "--exclude", "anycast-ebpf"];

/// Runs every check, then fails if any did.
pub fn lint() -> Result<()> {
    setup::setup(Mode::Install)?;
    let mut format = cargo();
    format.args(["fmt", "--all", "--check"]);
    let mut clippy = cargo();
    clippy.arg("clippy").args(HOST).args(["--all-targets", "--", "-D", "warnings"]);
    let mut fuzzer = cargo();
    fuzzer.args(["clippy", "--package", "anycast-ctl", "--features", "fuzz", "--bin", fuzz::NAME]);
    fuzzer.args(["--", "-D", "warnings"]);
    let mut documentation = cargo();
    documentation
        .arg("doc")
        .args(HOST)
        .args(["--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings");

    let mut checks = vec![format, clippy, fuzzer, documentation];
    if works("rustup", &["run", "nightly", "cargo", "clippy", "--version"]) {
        checks.push(ebpf_clippy());
    } else {
        eprintln!(
            "skipped: clippy for the XDP program; `rustup component add clippy --toolchain nightly` brings it"
        );
    }

    let mut failed = Vec::new();
    for mut check in checks {
        let line = shell_line(&check);
        eprintln!("── {line}");
        if !check.status().with_context(|| format!("start `{line}`"))?.success() {
            failed.push(line);
        }
    }
    if failed.is_empty() {
        println!("lint: clean");
        return Ok(());
    }
    bail!("{} of the checks failed: {}", failed.len(), failed.join("; "));
}

/// The program is linted for the target it runs on, by the toolchain that builds it.
fn ebpf_clippy() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "clippy", "--package", "anycast-ebpf", "--release"]);
    command.args(["--target", "bpfel-unknown-none", "-Z", "build-std=core", "--", "-D", "warnings"]);
    command.current_dir(workspace());
    // The outer cargo's toolchain must not leak into the nightly one.
    for variable in ["RUSTC", "RUSTDOC", "RUSTC_WORKSPACE_WRAPPER", "RUSTUP_TOOLCHAIN", "CARGO"] {
        command.env_remove(variable);
    }
    let architecture = std::env::consts::ARCH;
    command.env("CARGO_ENCODED_RUSTFLAGS", format!("--cfg=bpf_target_arch=\"{architecture}\""));
    command
}
