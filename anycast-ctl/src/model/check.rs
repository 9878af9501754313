//! The rules a site must keep, whoever wrote it: a file, or a command.

use super::Site;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a path into the file: `pool[0].backend[1].weight`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Site {
    /// Every rule the site breaks; empty when it may be applied.
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
