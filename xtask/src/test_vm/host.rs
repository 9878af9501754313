//! The counts of this machine's own kernel, from the same programs, without a virtual machine.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    initramfs::plain_name,
    report::{Expected, Report},
};

/// As `uname -r` says it.
pub fn release() -> Result<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").context("read this kernel's release")?;
    Ok(release.trim().to_owned())
}

/// Runs of each test program the tests that say what they count.
pub fn run(programs: &[PathBuf], sizes: &[(&str, &str)]) -> Result<Report> {
    let mut lines = String::new();
    for (name, test) in sizes {
        let program = programs.iter().find(|program| plain_name(program) == *name);
        let program = program.with_context(|| format!("find the test program {name}"))?;
        let mut command = Command::new(program);
        command.args([test, "--show-output"]).stderr(Stdio::inherit());
        let output = command.output().with_context(|| format!("start {}", program.display()))?;
        ensure!(
            output.status.success(),
            "count on this machine's kernel: {name} ended with {}: run it as root, or see what it says: {} {test}",
            output.status,
            program.display()
        );
        lines += &String::from_utf8_lossy(&output.stdout);
    }
    Ok(Report::read(&lines, Expected::Counts))
}
