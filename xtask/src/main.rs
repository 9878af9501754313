//! `cargo xtask …`: see `cargo xtask --help`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::{
    bench, compile, demo, dist, fuzz,
    lab::commands::{self, LabCommand},
    layers, lint,
    load::{self, Load},
    sanitize,
    setup::{self, Mode},
    signals::Interrupted,
    soak, test_vm,
};

#[cfg(test)]
mod documented;

/// Builds, tests, demonstrates and measures anycast
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what is missing: nightly rust-src, bpf-linker, the lab's packages
    Setup {
        /// Print the commands instead of running them
        #[arg(long)]
        dry_run: bool,
    },
    /// Build anycast-ctl with the XDP program in it
    Build {
        /// Optimise
        #[arg(long)]
        release: bool,
        /// Features of anycast-ctl
        #[arg(long, value_delimiter = ',')]
        features: Vec<String>,
    },
    /// Build and load onto a real interface; Ctrl-C detaches
    Load(Load),
    /// Show the whole thing at work: a lab, real connections, changes while traffic flows, the books
    Demo(demo::Settings),
    /// Everything at once for a long time: mixed load, random changes, restarts, faults; where every packet and session went
    Soak(soak::Settings),
    /// Run all layers of tests; needs root
    Test {
        /// Only this layer: 1 host, 2 packets, 3 lab
        #[arg(long, value_delimiter = ',')]
        layer: Vec<u8>,
        /// Only tests whose name contains this
        filter: Option<String>,
    },
    /// Fuzz what reads others' bytes, guided by coverage; `cargo xtask test` does so for some seconds
    Fuzz {
        /// Which of `--list`; all if left out
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        /// How long each
        #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
        seconds: u32,
        /// Only run this input, which an earlier run has left
        #[arg(long, value_name = "FILE")]
        input: Option<PathBuf>,
        /// Print the targets
        #[arg(long, conflicts_with_all = ["targets", "input"])]
        list: bool,
    },
    /// Run the unsafe code where it shows what it may not do: under Miri and valgrind; needs root
    Sanitize,
    /// Run benchmarks
    Bench {
        /// Only this one; may be given again
        #[arg(long = "bench", value_name = "NAME")]
        names: Vec<String>,
        /// Millions of live frames a second through a lab: offered, delivered, lost; short for `--bench live`
        #[arg(long, conflicts_with = "names")]
        live: bool,
        /// Print the figures as JSON
        #[arg(long)]
        json: bool,
        /// Passed on to the benchmarks
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Make the packages, in target/dist: Debian package, static tarball, their sums, parts and licences
    Dist {
        /// Make them twice, from two directories, and compare
        #[arg(long, conflicts_with = "binary")]
        check: bool,
        /// Only a Debian package, for a trial, of this anycast-ctl
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
    },
    /// Try the programs on Debian's kernels in virtual machines; minutes for each
    #[command(alias = "kernels")]
    TestVm(test_vm::Settings),
    /// Check formatting, clippy for both targets, and the documentation
    Lint,
    /// Everything a change must pass: lint, test, sanitize, the demos of one site and of two
    Ci,
    /// A lab to play in by hand: network namespaces, real servers, the controller
    #[command(subcommand)]
    Lab(LabCommand),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            if let Some(usage) = error.downcast_ref::<clap::Error>() {
                usage.exit();
            }
            eprintln!("error: {error:#}");
            error.downcast_ref::<Interrupted>().map_or(ExitCode::FAILURE, |signal| signal.exit_code().into())
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Setup { dry_run } => setup::setup(if dry_run { Mode::DryRun } else { Mode::Install })?,
        Task::Build { release, features } => {
            setup::setup(Mode::Install)?;
            let built =
                compile::build(&compile::Options { release, features, ..compile::Options::default() })?;
            println!("{}", built.binary.display());
        }
        Task::Load(arguments) => load::load(&arguments)?,
        Task::Demo(settings) => demo::demo(&settings)?,
        Task::Soak(settings) => return soak(&settings),
        Task::Test { layer, filter } => return test(&layers::Selection { layers: layer, filter }),
        Task::Bench { names, live, json, arguments } => {
            let names = if live { vec![bench::LIVE.to_owned()] } else { names };
            bench::bench(&names, json, &arguments)?;
        }
        Task::Fuzz { list: true, .. } => fuzz::targets()?.iter().for_each(|target| println!("{target}")),
        Task::Fuzz { targets, seconds, input, list: false } => {
            fuzz::fuzz(&fuzz::Settings { targets, seconds, input })?;
        }
        Task::Sanitize => sanitize::sanitize()?,
        Task::Dist { binary: Some(binary), .. } => {
            let source = dist::Source::here()?;
            let output = source.target.join("dist-trial");
            println!("{}", dist::trial(&source, &binary, &output, &source.version()?)?.display());
        }
        Task::Dist { check, binary: None } => {
            let files = dist::dist()?;
            if check {
                dist::check()?;
            }
            for file in files {
                println!("{}", file.display());
            }
        }
        Task::TestVm(settings) => test_vm::test_vm(&settings)?,
        Task::Lint => lint::lint()?,
        Task::Ci => {
            lint::lint()?;
            let tested = test(&layers::Selection::default())?;
            sanitize::sanitize()?;
            for sites in [1, 2] {
                demo::demo(&demo::Settings::with_sites(sites))?;
            }
            return Ok(tested);
        }
        Task::Lab(command) => commands::run(command)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The report says what was wrong.
fn soak(settings: &soak::Settings) -> Result<ExitCode> {
    Ok(if soak::soak(settings)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The closing line is the last that is printed.
fn test(selection: &layers::Selection) -> Result<ExitCode> {
    Ok(if layers::test(selection)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
