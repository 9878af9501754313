//! `cargo xtask …`: see `cargo xtask --help`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::{
    compile,
    lab::commands::{self, LabCommand},
    layers, lint, setup,
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
    /// Run all layers of tests; needs root
    Test {
        /// Only this layer: 1 host, 2 packets, 3 lab
        #[arg(long, value_delimiter = ',')]
        layer: Vec<u8>,
        /// Only tests whose name contains this
        filter: Option<String>,
    },
    /// Check formatting, clippy for both targets, and the documentation
    Lint,
    /// Everything a change must pass: lint, test, demo
    Ci,
    /// A lab to play in by hand: network namespaces, real servers, the controller
    #[command(subcommand)]
    Lab(LabCommand),
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
            layers::test(&layers::Selection::default())
        }
        Task::Lab(command) => commands::run(command),
    }
}
