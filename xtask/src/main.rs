//! `cargo xtask …`: see `cargo xtask --help`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use xtask::{
    bench, compile, demo,
    lab::commands::{self, LabCommand},
    layers, lint,
    load::{self, Load},
    setup,
    signals::Interrupted,
};

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
    Demo(Demo),
    /// Run all layers of tests; needs root
    Test {
        /// Only this layer: 1 host, 2 packets, 3 lab
        #[arg(long, value_delimiter = ',')]
        layer: Vec<u8>,
        /// Only tests whose name contains this
        filter: Option<String>,
    },
    /// Run benchmarks
    Bench {
        /// Only this one; may be given again
        #[arg(long = "bench", value_name = "NAME")]
        names: Vec<String>,
        /// Print the dataplane's figures as JSON
        #[arg(long)]
        json: bool,
        /// Passed on to the benchmarks
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check formatting, clippy for both targets, and the documentation
    Lint,
    /// Everything a change must pass: lint, test, demo
    Ci,
    /// A lab to play in by hand: network namespaces, real servers, the controller
    #[command(subcommand)]
    Lab(LabCommand),
}

#[derive(Debug, Args)]
struct Demo {
    /// Servers in the pools at the start; one more is added while traffic flows
    #[arg(long, default_value_t = 4)]
    backends: usize,
    /// How long traffic flows
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(6..=3600))]
    seconds: u64,
    /// Connections a second
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..=5000))]
    rate: u32,
    /// Leave the lab running and print commands to try in it
    #[arg(long)]
    keep: bool,
}

impl From<Demo> for demo::Settings {
    fn from(Demo { backends, seconds, rate, keep }: Demo) -> Self {
        Self { backends, seconds, rate, keep }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            error.downcast_ref::<Interrupted>().map_or(ExitCode::FAILURE, |signal| signal.exit_code().into())
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Setup { dry_run } => {
            setup::setup(if dry_run { setup::Mode::DryRun } else { setup::Mode::Install })
        }
        Task::Build { release, features } => {
            setup::setup(setup::Mode::Install)?;
            let built = compile::build(&compile::Options { release, features })?;
            println!("{}", built.binary.display());
            Ok(())
        }
        Task::Test { layer, filter } => layers::test(&layers::Selection { layers: layer, filter }),
        Task::Lint => lint::lint(),
        Task::Ci => {
            lint::lint()?;
            layers::test(&layers::Selection::default())?;
            demo::demo(&Demo { backends: 4, seconds: 15, rate: 1000, keep: false }.into())
        }
        Task::Load(arguments) => load::load(&arguments),
        Task::Bench { names, json, arguments } => bench::bench(&names, json, &arguments),
        Task::Demo(arguments) => demo::demo(&arguments.into()),
        Task::Lab(command) => commands::run(command),
    }
}
