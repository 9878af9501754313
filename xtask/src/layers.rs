//! `cargo xtask test`: every layer of tests through cargo, with one closing line for all of them.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use nix::unistd::Uid;

use crate::{
    compile::{cargo, controller_programs},
    fuzz,
    setup::{self, Mode},
};

mod summary;

use summary::Summary;

/// Which tests to run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Numbers of layers; empty means all.
    pub layers: Vec<u8>,
    /// Only tests whose name contains this.
    pub filter: Option<String>,
}

/// A layer: what it needs and the cargo invocations that run it.
struct Layer {
    number: u8,
    name: &'static str,
    needs_root: bool,
    /// Whether what reads others' bytes is fuzzed for some seconds.
    fuzzes: bool,
    /// Arguments of `cargo test`, and those of the test programs.
    runs: Vec<(Vec<String>, &'static [&'static str])>,
}

/// Runs the layers one after the other; answers whether every test passed, after the closing line said so.
pub fn test(selection: &Selection) -> Result<bool> {
    let mut layers = layers()?;
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

    let mut sums = Vec::new();
    for layer in &layers {
        let mut sum = Summary::default();
        for (arguments, program_arguments) in &layer.runs {
            println!("\n── layer {} ({}): cargo test {}", layer.number, layer.name, arguments.join(" "));
            sum.add(run(arguments, program_arguments, selection.filter.as_deref())?);
        }
        if layer.fuzzes {
            sum.add(fuzz(selection.filter.as_deref())?);
        }
        sums.push((layer, sum));
    }

    println!();
    let mut total = Summary::default();
    for (layer, sum) in sums {
        println!("layer {} ({}): {sum}", layer.number, layer.name);
        for name in &sum.failed_names {
            println!("  failed: {name}");
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

fn layers() -> Result<Vec<Layer>> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let host = "--workspace --exclude anycast-ebpf";
    let mut first =
        vec![(words(&format!("{host} --lib --bins")), &[][..]), (words(&format!("{host} --doc")), &[][..])];
    let mut third = vec![(words("-p xtask --test lab"), &[][..])];
    let mut labs = Vec::new();
    for name in controller_programs("tests")? {
        let arguments = words(&format!("-p anycast-ctl --test {name}"));
        match name.as_str() {
            "check_path" | "packets" | "receive" | "sweep" => {}
            // Before the labs, so that the build that stays is the usual one.
            "packet_log" => {
                third.push((words("-p anycast-ctl --features packet-log --test packet_log"), &[]))
            }
            // Makes namespaces of its own.
            "netlink" => third.push((arguments, &[])),
            // Labs share two cores with each other: one at a time measures what it says.
            lab if lab.ends_with("lab") => labs.push((arguments, &["--test-threads=1"][..])),
            _ => first.push((arguments, &[])),
        }
    }
    third.append(&mut labs);
    let second = ["packets", "receive", "check_path", "sweep"];
    let second = second.map(|name| (words(&format!("-p anycast-ctl --test {name}")), &[][..])).into();
    Ok(vec![
        Layer { number: 1, name: "host", needs_root: false, fuzzes: true, runs: first },
        Layer { number: 2, name: "packets", needs_root: true, fuzzes: false, runs: second },
        Layer { number: 3, name: "lab", needs_root: true, fuzzes: false, runs: third },
    ])
}

fn describe(layers: &[Layer]) -> String {
    layers.iter().map(|layer| format!("{} ({})", layer.number, layer.name)).collect::<Vec<_>>().join(", ")
}

/// Runs of the fuzzer, one test for each target: `fuzz::agent`.
fn fuzz(filter: Option<&str>) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut targets = fuzz::targets()?;
    targets.retain(|target| filter.is_none_or(|filter| format!("fuzz::{target}").contains(filter)));
    if targets.is_empty() {
        return Ok(summary);
    }
    println!("\n── fuzz: {} targets, {} s each", targets.len(), fuzz::SECONDS);
    for (target, outcome) in fuzz::build_and_run(&targets, fuzz::SECONDS)? {
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
fn run(arguments: &[String], program_arguments: &[&str], filter: Option<&str>) -> Result<Summary> {
    let mut command: Command = cargo();
    command.arg("test").arg("--no-fail-fast").args(arguments).arg("--").args(program_arguments).args(filter);
    let mut child = command.stdout(Stdio::piped()).spawn().context("start cargo test")?;
    let stdout = child.stdout.take().context("read the tests' output")?;
    let mut summary = Summary::default();
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    // Tests may print anything: bytes are passed on as they are.
    while reader.read_until(b'\n', &mut line).context("read the tests' output")? > 0 {
        std::io::stdout().write_all(&line).context("print the tests' output")?;
        summary.line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let status = child.wait().context("wait for cargo test")?;
    if !status.success() && summary.failed == 0 {
        // It did not build, or a test program died before it could count.
        summary.failed += 1;
        summary.failed_names.push(format!("cargo test {} ended with {status}", arguments.join(" ")));
    }
    Ok(summary)
}
