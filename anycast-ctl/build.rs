//! Builds the eBPF objects, after a look at whether the tools for it are there.

use std::{path::Path, process::Command};

use aya_build::{Package, Toolchain};

fn main() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../anycast-ebpf");
    println!("cargo:rerun-if-changed=../anycast-common/src");
    println!("cargo:rerun-if-env-changed=PATH");
    if let Err(missing) = check_tools() {
        println!("cargo::error={missing}: run `cargo xtask setup`");
        return;
    }
    let features: &[&str] =
        if std::env::var_os("CARGO_FEATURE_PACKET_LOG").is_some() { &["packet-log"] } else { &[] };
    let package = Package { name: "anycast-ebpf", root_dir: root, features, ..Package::default() };
    if let Err(error) = aya_build::build_ebpf([package], Toolchain::default()) {
        println!("cargo::error=building the XDP program: {error:#}");
    }
}

/// Names the first tool that is missing.
fn check_tools() -> Result<(), &'static str> {
    let output = |program: &str, args: &[&str]| {
        Command::new(program).args(args).output().ok().filter(|output| output.status.success())
    };
    output("bpf-linker", &["--version"]).ok_or("bpf-linker is not on PATH, or does not run")?;
    if output("rustup", &["--version"]).is_none() {
        // Without rustup, aya-build uses the toolchain on PATH; whether that has core's source shows in its own message.
        return Ok(());
    }
    let sysroot = output("rustup", &["run", "nightly", "rustc", "--print", "sysroot"])
        .ok_or("the nightly toolchain, which compiles for BPF, is not installed")?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    if Path::new(&sysroot).join("lib/rustlib/src/rust/library/core").is_dir() {
        Ok(())
    } else {
        Err("the nightly toolchain has no rust-src component")
    }
}
