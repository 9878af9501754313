//! `cargo xtask test`: every layer of tests through cargo, with one closing line for all of them.

use std::{
    io::{BufRead as _, BufReader, Write as _, stdout},
    num::NonZero,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, bail};
use nix::unistd::Uid;

use crate::{
    compile::{cargo, controller_programs},
    fuzz,
    setup::{self, Mode},
};

mod pool;
mod programs;
mod summary;

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

/// A layer: what it needs and the programs that are it.
struct Layer {
    number: u8,
    name: &'static str,
    needs_root: bool,
    /// How many programs run at a time.
    at_once: usize,
    /// Arguments of the programs.
    arguments: &'static [&'static str],
    /// Arguments of `cargo test` that select the programs.
    programs: Vec<String>,
    /// What cargo runs itself, first: arguments of `cargo test`.
    by_cargo: Vec<Vec<String>>,
    /// Whether what reads others' bytes is fuzzed for some seconds.
    fuzzes: bool,
    /// Whether what fails is run again, alone.
    repeats: bool,
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
        let heading = |what: &str| println!("\n── layer {} ({}): {what}", layer.number, layer.name);
        for arguments in &layer.by_cargo {
            heading(&format!("cargo test {}", arguments.join(" ")));
            sum.add(run(arguments, selection.filter.as_deref())?);
        }
        heading(&format!("building its programs: cargo test {}", layer.programs.join(" ")));
        let mut programs = programs::build(&layer.programs)?;
        programs.sort_by_key(|program| {
            LONGEST.iter().position(|name| program.title.ends_with(name)).unwrap_or(LONGEST.len())
        });
        let arguments = [layer.arguments, selection.filter.as_deref().as_slice()].concat();
        let mut results = pool::run(&programs, layer.at_once, &arguments, &mut stdout())?;
        if layer.repeats {
            pool::repeat(&mut results, layer.arguments, &mut stdout())?;
        }
        for (_, result) in results {
            sum.add(result);
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

fn layers() -> Result<Vec<Layer>> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let host = words("--workspace --exclude anycast-ebpf");
    let mut first = [host.clone(), words("--lib --bins --test corpus")].concat();
    let mut second = words("-p anycast-ctl");
    // The lab's own tests, and those of the controller in it.
    let mut third = words("-p xtask -p anycast-ctl");
    for name in controller_programs("tests")? {
        let programs = match name.as_str() {
            // Wants another build.
            "packet_log" => continue,
            "check_path" | "packets" | "receive" | "sweep" => &mut second,
            // Makes namespaces of its own.
            "netlink" => &mut third,
            lab if lab.ends_with("lab") => &mut third,
            _ => &mut first,
        };
        programs.extend(["--test".to_owned(), name]);
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    Ok(vec![
        Layer {
            number: 1,
            name: "host",
            needs_root: false,
            at_once: 1,
            arguments: &[],
            programs: first,
            by_cargo: vec![[host, words("--doc")].concat()],
            fuzzes: true,
            repeats: false,
        },
        Layer {
            number: 2,
            name: "packets",
            needs_root: true,
            at_once: 1,
            arguments: &[],
            programs: second,
            by_cargo: Vec::new(),
            fuzzes: false,
            repeats: false,
        },
        Layer {
            number: 3,
            name: "lab",
            needs_root: true,
            // Labs wait most of the time: for routes, for checks, for sessions to end.
            at_once: cores + 1,
            arguments: &["--test-threads=1"],
            programs: third,
            // Before the labs, so that the build that stays is the usual one.
            by_cargo: vec![words("-p anycast-ctl --features packet-log --test packet_log")],
            fuzzes: false,
            repeats: true,
        },
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
fn run(arguments: &[String], filter: Option<&str>) -> Result<Summary> {
    let mut command: Command = cargo();
    command.arg("test").arg("--no-fail-fast").args(arguments).arg("--").args(filter);
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
        summary.failed_names.push(format!("cargo test {} ended with {status}", arguments.join(" ")));
    }
    Ok(summary)
}
