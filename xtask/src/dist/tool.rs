//! Programs that packages are made with: coreutils, tar, gzip and dpkg-deb, which every Debian has.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::host_tool::{command, shell_line};

/// A program that does the same whatever the user's language and time zone are.
pub fn tool(name: &str) -> Command {
    let mut command = command(name);
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command
}

/// What it prints.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    let line = shell_line(command);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("start `{line}`"))?;
    ensure!(output.status.success(), "`{line}` ended with {}", output.status);
    Ok(output.stdout)
}

/// What it prints, without the end of the line.
pub fn line(command: &mut Command) -> Result<String> {
    let text = String::from_utf8(output(command)?).context("read what a program printed")?;
    Ok(text.trim_end().to_owned())
}

/// A time of seconds since 1970, in UTC, as `date` formats it.
pub fn date(seconds: u64, format: &str) -> Result<String> {
    line(tool("date").arg(format!("--date=@{seconds}")).arg(format!("+{format}")))
}
