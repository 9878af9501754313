//! `cargo xtask kernels`: the programs on Debian's kernels, each in a virtual machine without acceleration.
//!
//! The guest is a kernel package and an initramfs: busybox, the packet tests, the controller, and what these load and run.

use std::{
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    compile::{self, Linking, workspace},
    host_tool::{command, find},
    progress::run_step,
    setup::{self, Mode},
    signals,
};

mod initramfs;
mod package;
mod report;

use package::Package;
use report::Report;

const QEMU: &str = "qemu-system-x86_64";

/// Longer than every test takes in a slow guest on a busy machine.
const DEADLINE: Duration = Duration::from_secs(1800);

/// Test programs of anycast-ctl that the guest runs: they put packets through the loaded programs.
const TESTS: [&str; 3] = ["packets", "receive", "check_path"];

/// Runs the newest kernel of each series that apt knows, or those named: a series such as `6.1`, a release, or a package's
/// file. Fails when a program does.
pub fn kernels(wanted: &[String]) -> Result<()> {
    ensure!(
        env::consts::ARCH == "x86_64",
        "run kernels: only x86-64 ones are known here, and this is {}",
        env::consts::ARCH
    );
    ensure!(
        find(QEMU).is_some(),
        "find {QEMU}: `apt-get install --no-install-recommends qemu-system-x86` brings it"
    );
    setup::setup(Mode::Install)?;
    let directory = workspace().join("target").join("kernels");
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    let packages = Package::find(wanted)?;
    let busybox = package::busybox(&directory)?;
    let programs = compile::test_programs(&TESTS, Linking::Dynamic)?;
    signals::catch()?;

    let mut failed = Vec::new();
    for package in packages {
        let kernel = package.unpack(&directory)?;
        let initramfs = initramfs::build(&directory, &busybox, &kernel.modules, &programs)?;
        let log = directory.join(format!("{}.log", kernel.release));
        eprintln!("booting {}: some minutes; {} tells how far it is", kernel.release, log.display());
        boot(&kernel.image, &initramfs, &log)?;
        let text = fs::read(&log).with_context(|| format!("read {}", log.display()))?;
        let report = Report::read(&String::from_utf8_lossy(&text));
        println!("{}: {report}", kernel.release);
        if !report.is_good() {
            failed.push(format!("{} (see {})", kernel.release, log.display()));
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("run kernels: not all is well on {}", failed.join(", ")) }
}

/// From power-on to power-off, the console into a file.
fn boot(image: &Path, initramfs: &Path, log: &Path) -> Result<()> {
    let console = File::create(log).with_context(|| format!("create {}", log.display()))?;
    let mut qemu = command(QEMU);
    qemu.args(["-accel", "tcg", "-cpu", "max", "-machine", "q35", "-smp", "2", "-m", "1024", "-nodefaults"])
        .args(["-serial", "stdio", "-display", "none", "-no-reboot"])
        .args(["-append", "console=ttyS0 panic=-1 quiet"])
        .arg("-kernel")
        .arg(image)
        .arg("-initrd")
        .arg(initramfs)
        .stdin(Stdio::null())
        .stdout(console);
    let mut guest = qemu.spawn().context("start qemu")?;
    let start = Instant::now();
    let ended = loop {
        if let Some(status) = guest.try_wait().context("wait for qemu")? {
            break if status.success() { Ok(()) } else { bail!("run the guest: qemu ended with {status}") };
        }
        if start.elapsed() > DEADLINE {
            break Err(anyhow::anyhow!("wait for the guest to power off: see {}", log.display()));
        }
        if let Err(interrupted) = signals::sleep(Duration::from_millis(200)) {
            break Err(interrupted.into());
        }
    };
    if ended.is_err() {
        guest.kill().context("end qemu")?;
        guest.wait().context("wait for qemu")?;
    }
    ended
}

/// Unpacks a Debian package.
fn unpack(package: &Path, into: &Path) -> Result<()> {
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.arg("--extract").arg(package).arg(into);
    run_step("unpacking a package", &mut dpkg)
}

/// The only file below the directory whose name the function takes.
fn file(directory: &Path, is_it: &dyn Fn(&str) -> bool) -> Result<Option<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("list {}", directory.display()))?;
        let path = entry.path();
        let found = if entry.file_type().context("look at a file")?.is_dir() {
            file(&path, is_it)?
        } else {
            is_it(&entry.file_name().to_string_lossy()).then_some(path)
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
