//! `cargo xtask setup`: installs what a fresh Debian machine lacks for building, testing and the lab.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, bail};
use nix::unistd::Uid;

use crate::{
    compile::STATIC_TARGET,
    host_tool::{find, shell_line, works},
    progress::run_step,
};

const LLVM_PREFIX: &str = "/usr/lib/llvm-22";
const BPF_LINKER: &str = "bpf-linker@0.13.0";
/// Debian packages bpf-linker is built against, and a file each of them brings.
const LLVM_PACKAGES: [(&str, &str); 4] = [
    ("llvm-22-dev", "/usr/lib/llvm-22/include/llvm/Config/llvm-config.h"),
    ("libpolly-22-dev", "/usr/lib/llvm-22/lib/libPolly.a"),
    ("zlib1g-dev", "/usr/include/zlib.h"),
    ("libzstd-dev", "/usr/include/zstd.h"),
];
/// Programs the lab, the demo and the tests run: package, program, arguments it answers with success.
const LAB_PROGRAMS: &[(&str, &str, &str)] = &[
    ("iproute2", "ip", "-V"),
    ("ethtool", "ethtool", "--version"),
    ("nftables", "nft", "--version"),
    ("nginx-light", "nginx", "-v"),
    ("iputils-ping", "ping", "-V"),
    ("traceroute", "traceroute", "--version"),
    ("bpftool", "bpftool", "version"),
    ("curl", "curl", "--version"),
    ("bird2", "bird", "--version"),
    ("exabgp", "exabgp", "--version"),
    ("frr", "vtysh", "--help"),
    ("gobgpd", "gobgpd", "--version"),
    ("nsd", "nsd", "-v"),
    ("bind9-dnsutils", "dig", "-v"),
    ("prometheus", "promtool", "--version"),
    ("systemd", "journalctl", "--version"),
    ("tmux", "tmux", "-V"),
    ("chromium", "chromium", "--version"),
    ("tshark", "tshark", "--version"),
    ("tcpdump", "tcpdump", "--version"),
];

/// Whether setup installs or only tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Install what is missing.
    Install,
    /// Print the commands that would be run.
    DryRun,
}

/// Installs what is missing; does and prints next to nothing when everything is there.
pub fn setup(mode: Mode) -> Result<()> {
    if bring(&missing, mode)? == Brought::Nothing {
        eprintln!("setup: nothing is missing");
    }
    Ok(())
}

/// Installs what static programs are built with, besides what [`setup`] brings: only those who ask for one need it.
pub fn setup_static(mode: Mode) -> Result<()> {
    bring(&missing_for_static, mode).map(drop)
}

/// Whether anything was missing.
#[derive(PartialEq, Eq)]
enum Brought {
    Nothing,
    Something,
}

/// Installs what the function says is missing, or tells how.
fn bring(missing: &dyn Fn() -> Result<Vec<Missing>>, mode: Mode) -> Result<Brought> {
    let missing_now = missing()?;
    if missing_now.is_empty() {
        return Ok(Brought::Nothing);
    }
    install(&missing_now, mode)?;
    if mode == Mode::Install {
        verify(&missing()?)?;
    }
    Ok(Brought::Something)
}

fn install(missing: &[Missing], mode: Mode) -> Result<()> {
    let names: Vec<&str> = missing.iter().map(|part| part.name).collect();
    eprintln!("setup: missing: {}", names.join(", "));
    let steps = steps(missing);
    if mode == Mode::DryRun {
        print_commands(&steps);
        return Ok(());
    }
    if !Uid::effective().is_root() && steps.iter().any(|step| step.needs_root) {
        print_commands(&steps);
        bail!(
            "setup installs packages, which needs root: run `cargo xtask setup` as root, or the commands above"
        );
    }
    if steps.iter().any(|step| step.needs_root) && find("apt-get").is_none() {
        bail!(
            "find apt-get: setup knows Debian only; install what is missing by this system's own means: {}",
            names.join(", ")
        );
    }
    for mut step in steps {
        run_step(&step.title, &mut step.command)?;
    }
    Ok(())
}

/// Something the project needs and this machine lacks.
#[derive(Debug)]
struct Missing {
    name: &'static str,
    remedy: Remedy,
}

#[derive(Debug)]
enum Remedy {
    /// A Debian package.
    Package,
    /// `rustup toolchain install nightly`, or only its component.
    Nightly,
    RustSource,
    /// Rust's standard library for [`STATIC_TARGET`].
    StaticTarget,
    /// Built by cargo.
    BpfLinker,
}

struct Step {
    title: String,
    command: Command,
    needs_root: bool,
}

fn missing() -> Result<Vec<Missing>> {
    if find("rustup").is_none() {
        bail!(
            "find rustup on PATH: the eBPF program is built by a nightly compiler that rustup manages; \
             install it from https://rustup.rs, then run `cargo xtask setup` again"
        );
    }
    let mut missing = Vec::new();
    let mut need = |name, remedy| missing.push(Missing { name, remedy });
    match nightly_sysroot() {
        None => need("nightly toolchain with rust-src", Remedy::Nightly),
        Some(sysroot) if !Path::new(&sysroot).join("lib/rustlib/src/rust/library/core").is_dir() => {
            need("nightly rust-src", Remedy::RustSource);
        }
        Some(_) => {}
    }
    // LLVM is C++: linking against it needs the C++ library's development files. So is libFuzzer.
    if !works("c++", &["--version"]) {
        need("g++", Remedy::Package);
    }
    if !works("bpf-linker", &["--version"]) {
        for (package, file) in LLVM_PACKAGES {
            if !Path::new(file).exists() {
                need(package, Remedy::Package);
            }
        }
        need("bpf-linker", Remedy::BpfLinker);
    }
    for (package, program, argument) in LAB_PROGRAMS {
        if !works(program, &[argument]) {
            need(package, Remedy::Package);
        }
    }
    Ok(missing)
}

/// The C compiler is for `ring`, which brings C and assembly.
fn missing_for_static() -> Result<Vec<Missing>> {
    let mut missing = Vec::new();
    if !works("musl-gcc", &["--version"]) {
        missing.push(Missing { name: "musl-tools", remedy: Remedy::Package });
    }
    let output =
        Command::new("rustc").args(["--print", "sysroot"]).output().context("ask rustc where it is")?;
    let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !Path::new(&sysroot).join("lib/rustlib").join(STATIC_TARGET).is_dir() {
        missing.push(Missing { name: STATIC_TARGET, remedy: Remedy::StaticTarget });
    }
    Ok(missing)
}

fn nightly_sysroot() -> Option<String> {
    let output =
        Command::new("rustup").args(["run", "nightly", "rustc", "--print", "sysroot"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn steps(missing: &[Missing]) -> Vec<Step> {
    let packages: Vec<&str> =
        missing.iter().filter(|part| matches!(part.remedy, Remedy::Package)).map(|part| part.name).collect();
    let mut steps = Vec::new();
    if !packages.is_empty() {
        steps.push(apt("fetching the package lists".to_owned(), &["update"]));
        let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
        arguments.extend(&packages);
        steps.push(apt(format!("installing {}", packages.join(" ")), &arguments));
    }
    // Packages come first: cargo builds bpf-linker against them.
    for part in missing {
        match part.remedy {
            Remedy::Package => {}
            Remedy::Nightly => steps.push(user_step(
                "installing the nightly toolchain",
                "rustup",
                &[
                    "toolchain",
                    "install",
                    "nightly",
                    "--profile",
                    "minimal",
                    "--component",
                    "rust-src,clippy",
                ],
            )),
            Remedy::RustSource => steps.push(user_step(
                "adding the nightly's library source",
                "rustup",
                &["component", "add", "rust-src", "--toolchain", "nightly"],
            )),
            Remedy::StaticTarget => steps.push(user_step(
                "adding Rust's library for static programs",
                "rustup",
                &["target", "add", STATIC_TARGET],
            )),
            Remedy::BpfLinker => {
                let mut step = user_step(
                    "building bpf-linker (about a minute)",
                    "cargo",
                    &["install", BPF_LINKER, "--force", "--no-default-features", "--features", "llvm-22"],
                );
                step.command.env("LLVM_PREFIX", LLVM_PREFIX);
                steps.push(step);
            }
        }
    }
    steps
}

fn apt(title: String, arguments: &[&str]) -> Step {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
    Step { title, command, needs_root: true }
}

fn user_step(title: &str, program: &str, arguments: &[&str]) -> Step {
    let mut command = Command::new(program);
    command.args(arguments);
    Step { title: title.to_owned(), command, needs_root: false }
}

fn print_commands(steps: &[Step]) {
    for step in steps {
        println!("{}", shell_line(&step.command));
    }
}

fn verify(missing: &[Missing]) -> Result<()> {
    let left: Vec<&str> = missing.iter().map(|part| part.name).collect();
    if left.is_empty() {
        eprintln!("setup: done");
        return Ok(());
    }
    if left.contains(&"bpf-linker") && find("bpf-linker").is_none() {
        bail!(
            "find bpf-linker after installing it: put cargo's binary directory (usually ~/.cargo/bin) on PATH"
        );
    }
    bail!("setup ran every step, yet these do not work: {}", left.join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_in_one_go_before_what_is_built_against_them() {
        let missing = [
            Missing { name: "bpf-linker", remedy: Remedy::BpfLinker },
            Missing { name: "llvm-22-dev", remedy: Remedy::Package },
            Missing { name: "nftables", remedy: Remedy::Package },
        ];
        let lines: Vec<String> = steps(&missing).iter().map(|step| shell_line(&step.command)).collect();
        assert_eq!(
            lines,
            [
                "DEBIAN_FRONTEND=noninteractive apt-get update",
                "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends llvm-22-dev nftables",
                "LLVM_PREFIX=/usr/lib/llvm-22 cargo install bpf-linker@0.13.0 --force --no-default-features --features llvm-22",
            ]
        );
    }

    #[test]
    fn nothing_missing_is_nothing_to_do() {
        assert!(steps(&[]).is_empty());
    }
}
