//! `cargo xtask fuzz`: coverage-guided fuzzing of everything that reads what others wrote, by libFuzzer.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    compile::workspace,
    setup::{self, Mode},
};

mod program;

pub use program::{NAME, build};

/// Seconds of each target's run among the tests.
pub const SECONDS: u32 = 3;

/// Inputs are not longer than this, in bytes: what readers tell apart is found in less.
const MAX_LENGTH: u32 = 4_096;

/// What to fuzz, and for how long.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names of targets; empty means all.
    pub targets: Vec<String>,
    /// How long each.
    pub seconds: u32,
    /// Only run this input, which an earlier run has left.
    pub input: Option<PathBuf>,
}

/// What a run of a target came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No input broke a property.
    Clean,
    /// It ended, leaving these inputs that break one.
    Broken(Vec<PathBuf>),
}

/// Fuzzes for that long, or runs one input; fails when a property is broken.
pub fn fuzz(settings: &Settings) -> Result<()> {
    let targets = targets()?;
    if let Some(unknown) = settings.targets.iter().find(|name| !targets.contains(name)) {
        bail!("find the target {unknown}: there are {}", targets.join(", "));
    }
    let targets = if settings.targets.is_empty() { targets } else { settings.targets.clone() };
    setup::setup(Mode::Install)?;
    let program = build()?;
    if let Some(input) = &settings.input {
        return again(&program, &targets, input);
    }
    let outcomes = run(&program, &targets, settings.seconds)?;
    let broken: Vec<String> = outcomes
        .iter()
        .filter_map(|(target, outcome)| match outcome {
            Outcome::Clean => None,
            Outcome::Broken(inputs) => Some(describe(target, inputs)),
        })
        .collect();
    if broken.is_empty() { Ok(()) } else { bail!("fuzz: {}", broken.join("\n")) }
}

/// The names of all targets: each has a corpus.
pub fn targets() -> Result<Vec<String>> {
    let corpora = corpora();
    let mut names = Vec::new();
    for entry in fs::read_dir(&corpora).with_context(|| format!("list {}", corpora.display()))? {
        let entry = entry.with_context(|| format!("list {}", corpora.display()))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Runs these targets for so long each, as many at a time as there are processors.
pub fn run(program: &Path, targets: &[String], seconds: u32) -> Result<Vec<(String, Outcome)>> {
    let waiting = Mutex::new(targets.iter());
    let next = || waiting.lock().ok()?.next();
    let work = || -> Result<Vec<(String, Outcome)>> {
        let mut outcomes = Vec::new();
        while let Some(target) = next() {
            outcomes.push((target.clone(), run_one(program, target, seconds)?));
        }
        Ok(outcomes)
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(targets.len());
    let done: Result<Vec<_>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|_| bail!("fuzz: a thread that waits for a target has panicked"))
        };
        workers.into_iter().map(join).collect()
    });
    let mut outcomes: Vec<_> = done?.into_iter().flatten().collect();
    outcomes.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(outcomes)
}

/// Fuzzes one target. What it learned is kept for the next run, which starts from there and from what is committed.
fn run_one(program: &Path, target: &str, seconds: u32) -> Result<Outcome> {
    let [learned, broken] = ["learned", "broken"].map(|name| directory().join(name).join(target));
    for directory in [&learned, &broken] {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    let before = inputs(&broken)?;
    let (mut fuzzer, _scratch) = fuzzer(program, target)?;
    let output = fuzzer
        .args([&learned, &corpora().join(target)])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MAX_LENGTH}"))
        .arg(format!("-artifact_prefix={}/", broken.display()))
        // What takes that long hangs; what takes that much memory, in MiB, would take all of it from a longer input.
        .args(["-timeout=25", "-rss_limit_mb=2048", "-malloc_limit_mb=512"])
        .args(["-print_final_stats=1", "-verbosity=0"])
        .stdin(Stdio::null())
        .output()
        .context("start the fuzzer")?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        println!("fuzz {target}: {} inputs in {seconds} s, none of which breaks a property", executed(&text));
        return Ok(Outcome::Clean);
    }
    eprintln!("{text}");
    println!("fuzz {target}: BROKEN");
    Ok(Outcome::Broken(inputs(&broken)?.into_iter().filter(|input| !before.contains(input)).collect()))
}

/// Runs one input through the one target that is named, or that its path names.
fn again(program: &Path, targets: &[String], input: &Path) -> Result<()> {
    let input = input.canonicalize().with_context(|| format!("find input {}", input.display()))?;
    let folder = input.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    let target = match targets {
        [target] => target,
        _ => targets.iter().find(|name| **name == folder).with_context(|| {
            format!(
                "find the target of {}: name it, as in `cargo xtask fuzz TARGET --input FILE`",
                input.display()
            )
        })?,
    };
    let (mut fuzzer, _scratch) = fuzzer(program, target)?;
    let status = fuzzer.arg(&input).status().context("start the fuzzer")?;
    if status.success() {
        Ok(())
    } else {
        bail!("run the input: it breaks a property of {target}, see above")
    }
}

/// The program for a target, and the directory that it has to itself for as long as it runs.
fn fuzzer(program: &Path, target: &str) -> Result<(Command, tempfile::TempDir)> {
    // In memory where that can be: the store syncs what it writes.
    let memory = Path::new("/dev/shm");
    let scratch = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let scratch = scratch.context("make a directory for the fuzzer")?;
    let mut command = Command::new(program);
    command.env("ANYCAST_FUZZ_TARGET", target).env("ANYCAST_FUZZ_DIRECTORY", scratch.path());
    Ok((command, scratch))
}

/// The inputs that broke a property of a target, and how to run them again.
pub fn describe(target: &str, inputs: &[PathBuf]) -> String {
    if inputs.is_empty() {
        return format!("{target}: the fuzzer failed without an input, see above");
    }
    let input = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        format!(
            "{target}: a property is broken, see above: `cargo xtask fuzz {target} --input {}` (b\"{}\")",
            path.display(),
            bytes.escape_ascii()
        )
    };
    inputs.iter().map(input).collect::<Vec<_>>().join("; ")
}

/// How many inputs were run, as libFuzzer's closing figures say it.
fn executed(text: &str) -> &str {
    let figure = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    figure.map_or("an unknown number of", str::trim)
}

fn inputs(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// What is committed of inputs: a folder for each target.
fn corpora() -> PathBuf {
    workspace().join("anycast-ctl/fuzz/corpus")
}

/// Everything of the fuzzer's that is not committed.
fn directory() -> PathBuf {
    workspace().join("target").join("fuzz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_has_a_small_corpus() {
        for target in targets().unwrap() {
            let inputs = inputs(&corpora().join(&target)).unwrap();
            let bytes: u64 = inputs.iter().map(|input| fs::metadata(input).unwrap().len()).sum();
            assert!(
                !inputs.is_empty() && bytes < 64 << 10,
                "{target} has {} inputs of {bytes} bytes",
                inputs.len()
            );
        }
    }

    #[test]
    fn the_closing_figures_are_read() {
        assert_eq!(executed("stat::number_of_executed_units: 1234\nstat::peak_rss_mb: 5"), "1234");
        assert_eq!(executed("crash"), "an unknown number of");
    }
}
