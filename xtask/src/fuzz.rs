//! `cargo xtask fuzz`: coverage-guided fuzzing of the parser, by libFuzzer.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    compile::{cargo, workspace},
    setup::{self, Mode},
};

/// Name of the target, for the closing lines and for filters.
pub const TARGET: &str = "fuzz_parse";

/// Seconds of a run among the tests.
pub const SECONDS: u32 = 20;

/// Frames longer than this hold nothing more that the parser tells apart.
const MAX_LENGTH: u32 = 320;

/// What the compiler needs to count edges and to report compared values: cargo-fuzz's flags, all of which the stable compiler
/// takes. Address sanitizer is left out, which it does not take: the parser has one unsafe read, which checks its bounds.
const INSTRUMENTATION: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// What a run of the fuzzer came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No input broke a property.
    Clean,
    /// It ended, leaving these inputs that break one.
    Broken(Vec<PathBuf>),
}

/// Fuzzes for that long, or runs one input; fails when a property is broken.
pub fn fuzz(seconds: u32, input: Option<&Path>) -> Result<()> {
    setup::setup(Mode::Install)?;
    if let Some(input) = input {
        let input = input.canonicalize().with_context(|| format!("find input {}", input.display()))?;
        let status = Command::new(build()?).arg(input).status().context("start the fuzzer")?;
        return if status.success() {
            Ok(())
        } else {
            bail!("run the input: it breaks a property, see above")
        };
    }
    match run(seconds)? {
        Outcome::Clean => Ok(()),
        Outcome::Broken(inputs) => bail!("fuzz the parser: {}", describe(&inputs)),
    }
}

/// Fuzzes for that long. What it learned is kept for the next run, which starts from there.
pub fn run(seconds: u32) -> Result<Outcome> {
    let program = build()?;
    let [seeds, corpus, broken] = ["seeds", "corpus", "broken"].map(|name| directory().join(name));
    for directory in [&seeds, &corpus, &broken] {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    let before = inputs(&broken)?;
    let status = Command::new(program)
        .env("ANYCAST_FUZZ_SEEDS", &seeds)
        .args([&corpus, &seeds])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MAX_LENGTH}"))
        .arg(format!("-artifact_prefix={}/", broken.display()))
        // Only the closing figures, and what breaks.
        .args(["-timeout=10", "-print_final_stats=1", "-print_pcs=0", "-verbosity=0"])
        .status()
        .context("start the fuzzer")?;
    if status.success() {
        return Ok(Outcome::Clean);
    }
    let fresh = inputs(&broken)?.into_iter().filter(|input| !before.contains(input));
    Ok(Outcome::Broken(fresh.collect()))
}

/// The inputs that broke a property, and how to run them again.
pub fn describe(inputs: &[PathBuf]) -> String {
    if inputs.is_empty() {
        return "the fuzzer failed without an input, see above".to_owned();
    }
    let input = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("a property is broken, see above: `cargo xtask fuzz --input {}` ({hex})", path.display())
    };
    inputs.iter().map(input).collect::<Vec<_>>().join("; ")
}

fn inputs(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// Everything of the fuzzer's, its build included: instrumented crates must not replace the usual ones.
fn directory() -> PathBuf {
    workspace().join("target").join("fuzz")
}

/// Builds the target, answers its executable.
fn build() -> Result<PathBuf> {
    let target = host()?;
    let mut command = cargo();
    command.args(["test", "--no-run", "--package", "anycast-common", "--features", "fuzz", "--test", TARGET]);
    // With a target named, build scripts are spared the instrumentation.
    command.args(["--target", &target, "--target-dir"]).arg(directory());
    command.arg("--message-format=json-render-diagnostics");
    command.env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\u{1f}"));
    // Fast, with every check for overflow.
    command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "2");
    let output = command.stderr(std::process::Stdio::inherit()).output().context("start cargo test")?;
    if !output.status.success() {
        bail!("build the fuzzer: cargo ended with {}; its errors are above", output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().rev().find_map(executable);
    executable.context("find the fuzzer's executable among cargo's messages")
}

/// The test program of a line of cargo's JSON.
fn executable(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_ours = message.pointer("/target/name")?.as_str() == Some(TARGET);
    Some(message.get("executable")?.as_str()?.into()).filter(|_| is_ours)
}

/// Name of this machine's target.
fn host() -> Result<String> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .context("start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("find the host's name in `rustc -vV`")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzzer_is_found_among_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"fuzz_parse"},"executable":"/t/f"}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/f")));
        assert_eq!(executable(&line.replace("fuzz_parse", "other")), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
