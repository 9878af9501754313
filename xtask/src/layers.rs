//! `cargo xtask test`: every layer of tests through cargo, with one closing line for all of them.

use std::{
    io::{BufRead as _, BufReader, Write as _, stdout},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, bail};
use nix::unistd::Uid;

use crate::{
    compile::cargo,
    fuzz,
    setup::{self, Mode},
};

mod layer;
mod pool;
mod programs;
mod summary;

use layer::Layer;
use programs::Program;
use summary::Summary;

/// Programs that take longest, in this order: begun first, so that none of them is left for last.
const LONGEST: [&str; 8] = [
    "site_lab",
    "fault_lab",
    "package_lab",
    "drain_lab",
    "example_lab",
    "survival_lab",
    "steering_lab",
    "frr_lab",
];

/// Which tests to run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Numbers of layers; empty means all.
    pub layers: Vec<u8>,
    /// Only tests whose name contains this.
    pub filter: Option<String>,
}

/// Runs the layers one after the other; answers whether every test passed, after the closing line said so.
pub fn test(selection: &Selection) -> Result<bool> {
    let mut layers = layer::all()?;
    if let Some(unknown) =
        selection.layers.iter().find(|number| layers.iter().all(|layer| layer.number != **number))
    {
        bail!("select test layer {unknown}: there are {}", describe(&layers));
    }
    if !selection.layers.is_empty() {
        layers.retain(|layer| selection.layers.contains(&layer.number));
    }
    if let Some(layer) = layers.iter().find(|layer| layer.needs_root && !Uid::effective().is_root()) {
        bail!(
            "run test layer {} ({}): it loads XDP programs and makes network namespaces, which needs root; \
             run `cargo xtask test` as root, or only `cargo xtask test --layer 1`",
            layer.number,
            layer.name
        );
    }
    setup::setup(Mode::Install)?;

    let filter = selection.filter.as_deref();
    let mut sums = by_cargo(&layers, filter)?;
    println!("\n── building the test programs");
    let programs = programs::build(&layer::options(&layers))?;
    let targets = fuzzed(&layers, filter)?;
    thread::scope(|scope| -> Result<()> {
        // A build of its own, most of which keeps one processor busy: as do the first layers.
        let fuzzer = (!targets.is_empty()).then(|| scope.spawn(fuzz::build));
        for (layer, sum) in layers.iter().zip(&mut sums) {
            sum.add(run_programs(layer, &programs, filter)?);
        }
        let Some(fuzzer) = fuzzer else { return Ok(()) };
        let fuzzer = fuzzer.join().unwrap_or_else(|_| bail!("build the fuzzer: its thread has panicked"))?;
        let fuzzed = fuzz(&fuzzer, &targets)?;
        layers
            .iter()
            .zip(&mut sums)
            .filter(|(layer, _)| layer.fuzzes)
            .for_each(|(_, sum)| sum.add(fuzzed.clone()));
        Ok(())
    })?;

    println!();
    let mut total = Summary::default();
    for (layer, sum) in layers.iter().zip(sums) {
        println!("layer {} ({}): {sum}", layer.number, layer.name);
        for name in &sum.failed_names {
            println!("  failed: {name}");
        }
        for name in &sum.repeated_names {
            println!("  passed at the second try, alone: {name}");
        }
        for name in &sum.skipped_names {
            println!("  skipped: {name}");
        }
        total.add(sum);
    }
    if total.passed + total.failed == 0 {
        bail!("run tests: none has a name that contains the filter");
    }
    println!("{total}");
    Ok(total.failed == 0)
}

fn describe(layers: &[Layer]) -> String {
    layers.iter().map(|layer| format!("{} ({})", layer.number, layer.name)).collect::<Vec<_>>().join(", ")
}

/// What cargo runs itself, of each layer.
fn by_cargo(layers: &[Layer], filter: Option<&str>) -> Result<Vec<Summary>> {
    let mut sums = Vec::new();
    for layer in layers {
        let mut sum = Summary::default();
        for arguments in &layer.by_cargo {
            head(layer, &format!("cargo test {arguments}"));
            sum.add(run(arguments, filter)?);
        }
        sums.push(sum);
    }
    Ok(sums)
}

/// Runs the programs of a layer.
fn run_programs(layer: &Layer, programs: &[Program], filter: Option<&str>) -> Result<Summary> {
    let mut programs: Vec<Program> = programs.iter().filter(|program| layer.has(program)).cloned().collect();
    programs.sort_by_key(|program| {
        LONGEST.iter().position(|name| program.title.ends_with(name)).unwrap_or(LONGEST.len())
    });
    head(layer, &format!("{} programs", programs.len()));
    let arguments = [layer.arguments, filter.as_slice()].concat();
    let mut results = pool::run(&programs, layer.at_once, &arguments, &mut stdout())?;
    if layer.repeats {
        pool::repeat(&mut results, layer.arguments, &mut stdout())?;
    }
    let mut sum = Summary::default();
    results.into_iter().for_each(|(_, result)| sum.add(result));
    Ok(sum)
}

fn head(layer: &Layer, what: &str) {
    println!("\n── layer {} ({}): {what}", layer.number, layer.name);
}

/// What is to be fuzzed, one test for each target: `fuzz::agent`.
fn fuzzed(layers: &[Layer], filter: Option<&str>) -> Result<Vec<String>> {
    let mut targets = if layers.iter().any(|layer| layer.fuzzes) { fuzz::targets()? } else { Vec::new() };
    targets.retain(|target| filter.is_none_or(|filter| format!("fuzz::{target}").contains(filter)));
    Ok(targets)
}

fn fuzz(fuzzer: &Path, targets: &[String]) -> Result<Summary> {
    let mut summary = Summary::default();
    println!("\n── fuzz: {} targets, {} s each", targets.len(), fuzz::SECONDS);
    for (target, outcome) in fuzz::run(fuzzer, targets, fuzz::SECONDS)? {
        match outcome {
            fuzz::Outcome::Clean => summary.passed += 1,
            fuzz::Outcome::Broken(inputs) => {
                summary.failed += 1;
                summary.failed_names.push(format!("fuzz::{}", fuzz::describe(&target, &inputs)));
            }
        }
    }
    Ok(summary)
}

/// One `cargo test`, its output passed on line by line.
fn run(arguments: &str, filter: Option<&str>) -> Result<Summary> {
    let mut command: Command = cargo();
    command.arg("test").arg("--no-fail-fast").args(arguments.split(' ')).arg("--").args(filter);
    let mut child = command.stdout(Stdio::piped()).spawn().context("start cargo test")?;
    let printed = child.stdout.take().context("read the tests' output")?;
    let mut summary = Summary::default();
    let mut reader = BufReader::new(printed);
    let mut line = Vec::new();
    // Tests may print anything: bytes are passed on as they are.
    while reader.read_until(b'\n', &mut line).context("read the tests' output")? > 0 {
        stdout().write_all(&line).context("print the tests' output")?;
        summary.line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let status = child.wait().context("wait for cargo test")?;
    if !status.success() && summary.failed == 0 {
        // It did not build, or a test program died before it could count.
        summary.failed += 1;
        summary.failed_names.push(format!("cargo test {arguments} ended with {status}"));
    }
    Ok(summary)
}
