//! The layers: which test programs are whose, and how they run.

use std::{num::NonZero, thread};

use anyhow::Result;

use super::programs::Program;
use crate::compile::programs;

const WORKSPACE: &str = "--workspace --exclude anycast-ebpf";

/// A layer: what it needs and the programs that are it.
pub struct Layer {
    /// By which it is selected.
    pub number: u8,
    /// What it is called.
    pub name: &'static str,
    /// Whether only root can run it.
    pub needs_root: bool,
    /// How many programs run at a time.
    pub at_once: usize,
    /// Arguments of the programs.
    pub arguments: &'static [&'static str],
    /// The programs, as options of `cargo test` select them.
    pub programs: Vec<String>,
    /// What cargo runs itself, first: arguments of `cargo test`.
    pub by_cargo: Vec<String>,
    /// Whether what reads others' bytes is fuzzed for some seconds.
    pub fuzzes: bool,
    /// Whether what fails is run again, alone.
    pub repeats: bool,
}

impl Layer {
    /// Whether that program is one of its own.
    pub fn has(&self, program: &Program) -> bool {
        let option = program.title.split_once(' ').map_or("", |(_, option)| option);
        // Whatever the program is called.
        let option = if option.starts_with("--bin ") { "--bins" } else { option };
        self.programs.iter().any(|own| own == option)
    }
}

/// Arguments of `cargo test` that select what these layers have.
pub fn options(layers: &[Layer]) -> Vec<String> {
    let programs = layers.iter().flat_map(|layer| &layer.programs);
    let words = programs.flat_map(|program| program.split(' '));
    WORKSPACE.split(' ').chain(words).map(str::to_owned).collect()
}

/// All there are.
pub fn all() -> Result<Vec<Layer>> {
    let mut first = vec!["--lib".to_owned(), "--bins".to_owned()];
    let (mut second, mut third) = (Vec::new(), Vec::new());
    for package in ["anycast-common", "anycast-ctl", "xtask"] {
        for name in programs(package, "tests")? {
            let programs = match name.as_str() {
                // Wants another build.
                "packet_log" => continue,
                "check_path" | "packets" | "receive" | "sweep" => &mut second,
                // Makes namespaces of its own.
                "netlink" => &mut third,
                lab if lab.ends_with("lab") => &mut third,
                _ => &mut first,
            };
            programs.push(format!("--test {name}"));
        }
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
            by_cargo: vec![format!("{WORKSPACE} --doc")],
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
            at_once: 2 * cores,
            arguments: &["--test-threads=1"],
            programs: third,
            // Before the others are built, so that the build that stays is the usual one.
            by_cargo: vec!["-p anycast-ctl --features packet-log --test packet_log".to_owned()],
            fuzzes: false,
            repeats: true,
        },
    ])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_program_has_one_layer() {
        let layers = all().unwrap();
        let of = |title: &str| {
            let program = Program::of_test(title, Path::new("/nonexistent"));
            layers.iter().filter(|layer| layer.has(&program)).map(|layer| layer.number).collect::<Vec<_>>()
        };
        for (title, number) in [
            ("anycast-common --lib", 1),
            ("anycast-common --test corpus", 1),
            ("anycast-ctl --bin anycast-ctl", 1),
            ("anycast-ctl --test packets", 2),
            ("anycast-ctl --test netlink", 3),
            ("anycast-ctl --test top_lab", 3),
            ("xtask --test dependencies", 1),
            ("xtask --test lab", 3),
        ] {
            assert_eq!(of(title), [number], "{title}");
        }
    }
}
