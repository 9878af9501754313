//! The documentation is true: its commands run, its configurations are valid, its links lead somewhere. Needs root.
//!
//! CONTRIBUTING.md says how a page tells what its blocks need. Pages are read when this runs: nothing is built anew for them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod configuration;
mod links;
mod machine;
mod manner;
mod marks;
mod play;
mod shape;
mod stage;
mod words;

use xtask::markdown::{Block, Page};

/// How a block is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Commands,
    Configuration,
    /// Something to read: output, a picture, a file of another program's.
    Reading,
}

fn kind(block: &Block) -> Kind {
    let first = block.text.split_whitespace().find(|word| !["$", "sudo"].contains(word)).unwrap_or_default();
    match block.language.as_str() {
        "sh" | "bash" | "console" => Kind::Commands,
        "toml" => Kind::Configuration,
        "" if block.indented && words::is_program(first) => Kind::Commands,
        _ => Kind::Reading,
    }
}

/// What a test has against the documentation.
#[derive(Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn add(&mut self, page: &Page, line: usize, what: impl std::fmt::Display) {
        self.0.push(format!("{}:{line}: {what}", page.path));
    }

    #[track_caller]
    fn expect_none(self) {
        assert!(
            self.0.is_empty(),
            "{}\n\n{} of them: mend the page, or say above the block what it needs; see \"Documentation\" in CONTRIBUTING.md",
            self.0.join("\n"),
            self.0.len()
        );
    }
}
