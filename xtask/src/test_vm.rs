//! `cargo xtask test-vm`: the programs on Debian's kernels, each in a virtual machine without acceleration.
//!
//! The guest is a kernel package and an initramfs: busybox, and static builds of the packet tests and the controller.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    compile::{self, Linking, workspace},
    host_tool::find,
    progress::run_step,
    setup::{self, Mode},
    signals,
};

mod counts;
mod guest;
mod host;
mod initramfs;
mod objects;
mod package;
mod report;

use counts::Recorded;
use guest::Guest;
use package::Package;
use report::{Expected, Report};

/// Test programs of anycast-ctl that the guest runs: they put packets through the loaded programs.
const TESTS: [&str; 3] = ["packets", "receive", "check_path"];

/// A test that says how many instructions the kernel's verifier walked, of each test program.
const SIZES: [(&str, &str); 3] = [
    ("packets", "the_programs_stay_small"),
    ("receive", "the_programs_stay_small"),
    ("check_path", "frames"),
];

/// What is to be run.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// A series (6.1), a release or a package's file; the newest of each series apt knows if left out
    kernels: Vec<String>,
    /// Write down the counts of verified instructions instead of comparing them with those written down
    #[arg(long)]
    record: bool,
    /// Count on this machine's kernel as well, without a virtual machine; needs root
    #[arg(long)]
    host: bool,
    /// How long a guest may take; on an idle machine it takes some minutes
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
}

/// Runs the kernels. Fails when a program, or a connection through it, does, and when a verifier has to walk many more
/// instructions than are recorded.
pub fn test_vm(settings: &Settings) -> Result<()> {
    ensure!(
        env::consts::ARCH == "x86_64",
        "run kernels: only x86-64 ones are known here, and this is {}",
        env::consts::ARCH
    );
    ensure!(
        find(guest::QEMU).is_some(),
        "find {}: `apt-get install --no-install-recommends qemu-system-x86` brings it",
        guest::QEMU
    );
    setup::setup(Mode::Install)?;
    let directory = workspace().join("target").join("kernels");
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    let packages = Package::find(&settings.kernels)?;
    let busybox = package::busybox(&directory)?;
    let built = compile::test_programs(&TESTS, Linking::Static)?;
    objects::compare(built.objects.as_deref())?;
    signals::catch()?;

    let mut judge = Judge { recorded: Recorded::read()?, record: settings.record, failed: Vec::new() };
    if settings.host {
        judge.hear("this machine", &host::release()?, &host::run(&built.programs, &SIZES)?, None)?;
    }
    for package in packages {
        let kernel = package.unpack(&directory)?;
        let initramfs = initramfs::build(&directory, &busybox, &kernel.modules, &built.programs)?;
        let log = directory.join(format!("{}.log", kernel.release));
        let expected = Expected::of(&kernel.release);
        eprintln!("booting {}: some minutes; {} tells how far it is", kernel.release, log.display());
        let guest = Guest { image: &kernel.image, initramfs: &initramfs, log: &log, expected };
        let took = guest.run(Duration::from_secs(60 * settings.minutes))?;
        let text = fs::read(&log).with_context(|| format!("read {}", log.display()))?;
        let report = Report::read(&String::from_utf8_lossy(&text), expected);
        println!("{}: took {took}", kernel.release);
        judge.hear(&kernel.release, &kernel.release, &report, Some(&log))?;
    }
    if judge.failed.is_empty() {
        Ok(())
    } else {
        bail!("run kernels: not all is well on {}", judge.failed.join(", "))
    }
}

/// Keeps what is wrong until every kernel had its turn.
struct Judge {
    recorded: Recorded,
    record: bool,
    failed: Vec<String>,
}

impl Judge {
    /// Prints a report, and compares its counts with those recorded, or takes them over.
    fn hear(&mut self, name: &str, release: &str, report: &Report, log: Option<&Path>) -> Result<()> {
        println!("{name}: {report}");
        let mut is_good = report.is_good();
        let counts = report.counts();
        if !is_good {
            // What did not run to its end is nothing to compare with.
        } else if self.record {
            self.recorded.take_over(release, counts)?;
            self.recorded.write()?;
        } else {
            for change in self.recorded.compare(release, &counts)? {
                println!("{name}: {change}");
                is_good &= !change.is_jump();
            }
        }
        if !is_good {
            self.failed
                .push(log.map_or_else(|| name.to_owned(), |log| format!("{name} (see {})", log.display())));
        }
        Ok(())
    }
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
